"""orca-hub move: everything from the SQLite file to a PostgreSQL server, and the proof of it.

One transaction: the server has all of it, or nothing. The file is only read."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    LargeBinary,
    Row,
    Table,
    Text,
    create_engine,
    func,
    insert,
    inspect,
    select,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

import hub
from agent.shared.errors import Conflict, Unavailable
from hub.database import upgrade_file, upgrade_server
from hub.postgres import PostgresDatabase
from hub.tables import METADATA

BATCH = 1000
BATCH_OF_LONG = 50  # a picture or a message may have two megabytes
LEFT_OUT = {"worker"}  # who works now is of no use elsewhere
MODULUS = 1 << 256
Tell = Callable[[str, int, int], None]
Rows = Sequence[Row[Any]]  # Any: of every table


@dataclass(frozen=True, slots=True)
class Proof:
    """How many rows a table has, and a digest of all of them in whatever order."""

    count: int
    digest: str


async def move(file: Path, url: str, tell: Tell) -> dict[str, Proof]:
    """Copies every table, and compares what arrived with what was sent. `tell` hears the table,
    how many rows are done, and of how many.

    Raises Conflict `target-not-empty` or `move-differs`, and Unavailable."""
    if not await asyncio.to_thread(file.is_file):
        raise Unavailable("no-source", f"There is no database to move: {file}.")
    await asyncio.to_thread(upgrade_file, file)
    server = PostgresDatabase(url, patience_s=None)
    source = create_engine(f"sqlite:///file:{file}?mode=ro&uri=true")
    try:
        await upgrade_server(server)
        async with server.writing() as target:
            return await _move_all(source, target, tell)
    finally:
        source.dispose()
        await server.close()


def tables() -> list[Table]:
    """All that the hub keeps, by name."""
    for module in walk_packages(hub.__path__, "hub."):
        if module.name.endswith("store"):
            import_module(module.name)
    return [one for one in METADATA.sorted_tables if one.name not in LEFT_OUT]


async def _move_all(source: Engine, target: AsyncConnection, tell: Tell) -> dict[str, Proof]:
    everything = tables()
    for table in everything:
        if await target.scalar(select(func.count()).select_from(table)):
            raise Conflict(
                "target-not-empty",
                f"The database has something in its table {table.name} already. Give an empty one.",
            )
    keys = await target.run_sync(_foreign_keys)
    await _check_keys(target, keys, "DEFERRABLE INITIALLY DEFERRED")
    proofs = {table.name: await _move_one(table, source, target, tell) for table in everything}
    await target.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    await _check_keys(target, keys, "NOT DEFERRABLE")
    for table in everything:
        await _count_on(table, target)
    return proofs


async def _move_one(table: Table, source: Engine, target: AsyncConnection, tell: Tell) -> Proof:
    sent, done = Digest(), 0
    with source.connect() as connection:
        total = connection.scalar(select(func.count()).select_from(table)) or 0
        tell(table.name, 0, total)
        async for rows in _batches(connection, table):
            await target.execute(insert(table), [dict(row._mapping) for row in rows])
            sent.add(rows)
            done += len(rows)
            tell(table.name, done, total)
    arrived = Digest()
    async for rows in _arrived(target, table):
        arrived.add(rows)
    if sent.proof() != arrived.proof():
        raise Conflict(
            "move-differs",
            f"The table {table.name} did not arrive as it was sent, so nothing was moved.",
        )
    return sent.proof()


class Digest:
    """The sum of the digests of rows, which does not depend on their order."""

    def __init__(self) -> None:
        self._count = self._sum = 0

    def add(self, rows: Rows) -> None:
        for row in rows:
            said = json.dumps(list(row), sort_keys=True, separators=(",", ":"), default=_plain)
            digest = hashlib.sha256(said.encode()).digest()
            self._sum = (self._sum + int.from_bytes(digest)) % MODULUS
        self._count += len(rows)

    def proof(self) -> Proof:
        return Proof(self._count, f"{self._sum:064x}")


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _batch_of(table: Table) -> int:
    """Rows that are in memory at once."""
    is_long = any(
        isinstance(column.type, LargeBinary | Text) and column.type.length is None
        for column in table.columns
    )
    return BATCH_OF_LONG if is_long else BATCH


async def _batches(connection: Connection, table: Table) -> AsyncIterator[Rows]:
    """In the order in which they were written: what others refer to comes first."""
    most = _batch_of(table)
    result = connection.execution_options(yield_per=most).execute(select(table))
    parts: Iterator[Rows] = result.partitions(most)
    while rows := next(parts, None):
        yield rows
        await asyncio.sleep(0)


async def _arrived(connection: AsyncConnection, table: Table) -> AsyncIterator[Rows]:
    """By key: a cursor would keep the table from being changed in the same transaction."""
    key = list(table.primary_key.columns)
    query = select(table).order_by(*key).limit(_batch_of(table))
    after: tuple[Any, ...] | None = None  # Any: of the columns
    while True:
        page = query if after is None else query.where(tuple_(*key) > after)
        rows = (await connection.execute(page)).all()
        if not rows:
            return
        yield rows
        after = tuple(rows[-1]._mapping[column] for column in key)


def _foreign_keys(connection: Connection) -> list[tuple[str, str]]:
    seen = inspect(connection)
    return [
        (table, key["name"])
        for table in seen.get_table_names()
        for key in seen.get_foreign_keys(table)
        if key["name"]
    ]


async def _check_keys(target: AsyncConnection, keys: list[tuple[str, str]], when: str) -> None:
    """Rows refer to others that come after them."""
    for name, key in keys:
        await target.execute(text(f'ALTER TABLE "{name}" ALTER CONSTRAINT "{key}" {when}'))


async def _count_on(table: Table, target: AsyncConnection) -> None:
    """Numbers that the server gives itself go on behind the last one."""
    for column in table.primary_key:
        owned = text("SELECT pg_get_serial_sequence(:table, :column)")
        sequence = await target.scalar(owned, {"table": f'"{table.name}"', "column": column.name})
        last = sequence and await target.scalar(select(func.max(column)))
        if last is not None and sequence:
            said = {"name": sequence, "last": last}
            await target.execute(text("SELECT setval(CAST(:name AS regclass), :last)"), said)


@contextmanager
def progress() -> Iterator[Tell]:
    """Bars at a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # slow import

    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns) as bars:
        known: dict[str, Any] = {}  # Any: rich's ids

        def tell(table: str, done: int, total: int) -> None:
            if table not in known:
                known[table] = bars.add_task(table, total=total)
            bars.update(known[table], completed=done, total=total)

        yield tell
