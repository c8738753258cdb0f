"""`orca-hub move` with something in every table that there is: one that it forgets is found."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, MetaData, String, Table, create_engine, insert

from agent.shared.clock import rfc3339, system_clock
from hub.audit.partitions import make_partitions
from hub.audit.rules import CUT, FIRST, Chain, Cut, Entry, digest_of
from hub.audit.service import AuditService
from hub.commands.moving import LEFT_OUT, move
from hub.database import upgrade_file
from hub.postgres import PostgresDatabase
from hub.settings import load
from tests.hub.postgres import Postgres

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
Row = dict[str, Any]  # Any: of each column
ROWS = 40
MANY = {"usage": 2500, "message": 2500}  # more than are held at a time
LINES, GONE = 2500, 100  # of the audit log, and of its beginning
CHAIN = ("audit", "audit_cut", "audit_head")


def schema_of(connection: Connection) -> list[Table]:
    """As it is in the file, and not as the code says; what others refer to first."""
    found = MetaData()
    found.reflect(connection)
    return [
        one for one in found.sorted_tables if "_fts" not in one.name and one.name[:7] != "alembic"
    ]


def rows_of(table: Table, filled: dict[str, list[Row]]) -> list[Row]:
    count = MANY.get(table.name, ROWS)
    return [{column.name: value(column, at, filled) for column in table.columns}
            for at in range(1, count + 1)]  # fmt: skip


def value(column: Column[Any], at: int, filled: dict[str, list[Row]]) -> Any:  # Any: as above
    """Of the row with this number: unlike that of any other, or one that another table has."""
    for key in column.foreign_keys:
        parents = filled[key.column.table.name]
        return parents[at % len(parents)][key.column.name]
    kind = column.type
    if column.name == "day":
        return f"2026-{1 + at % 12:02d}-{1 + at % 28:02d}"
    if isinstance(kind, String):
        return f"{column.name} – äß立 {at}"[-(kind.length or 100) :]
    made: dict[str, Any] = {"BOOLEAN": at % 2 == 0, "BLOB": bytes([0, at % 256]), "JSON": {"n": at}}
    return made.get(str(kind), at)


def chain() -> Iterator[tuple[Entry, str]]:
    """Lines of months ago until now; the last one tells that the first ones were cut off."""
    before, now, cut = FIRST, system_clock(), Row()
    for number in range(1, LINES + 1):
        at = rfc3339(now - timedelta(hours=LINES - number))
        told = (CUT, cut) if number == LINES else ("test", {"n": number})
        entry = Entry(number, at, None, "ada", told[0], "t", "", "done", "", told[1])
        before = digest_of(entry, before)
        if number == GONE:
            cut = {"number": number, "at": at, "digest": before}
        yield entry, before


def filled_chain() -> dict[str, list[Row]]:
    lines = list(chain())
    gone, digest = lines[GONE - 1]
    last, head = lines[-1]
    return {
        "audit": [{**asdict(entry), "digest": said} for entry, said in lines[GONE:]],
        "audit_cut": [asdict(Cut(gone.number, gone.at, digest, last.at))],
        "audit_head": [{"id": 1, "number": last.number, "digest": head}],
    }


def fill(file: Path) -> dict[str, int]:
    """How many rows each table has."""
    upgrade_file(file)
    engine = create_engine(f"sqlite:///{file}")
    filled: dict[str, list[Row]] = filled_chain()
    with engine.begin() as connection:
        for table in schema_of(connection):
            if table.name not in CHAIN:
                filled[table.name] = rows_of(table, filled)
            connection.execute(insert(table), filled[table.name])
    engine.dispose()
    return {name: len(rows) for name, rows in filled.items()}


async def test_no_table_is_left_behind_and_the_cut_log_is_checkable_where_it_arrived(
    server: Postgres, tmp_path: Path
) -> None:
    there = fill(tmp_path / "hub.db")
    url = load({"ORCA_HUB_DATABASE_URL": server.new_database()}).async_database_url or ""
    most: dict[str, int] = {}
    told: list[tuple[str, int, int]] = []
    proofs = await move(tmp_path / "hub.db", url, lambda *said: told.append(said))
    database = PostgresDatabase(url)
    audit = AuditService(database, system_clock)
    arrived = await audit.check()
    async with database.writing() as connection:
        made = await make_partitions(connection, system_clock())
    sorted_in = await audit.check()
    await database.close()

    for name, done, _ in told:
        most[name] = max(done, most.get(name, 0))
    assert {name: proof.count for name, proof in proofs.items()} == {
        name: count for name, count in there.items() if name not in LEFT_OUT
    }
    assert most == {name: proof.count for name, proof in proofs.items()}
    assert len([1 for name, _, _ in told if name == "message"]) > 3  # as it goes on
    assert arrived.cut is not None
    assert (arrived, sorted_in, arrived.cut.number) == (
        Chain(None, arrived.cut), Chain(None, arrived.cut), GONE
    )  # fmt: skip
    assert "usage_2026_02" in made
