"""The schema: what it is, where it comes from, and what is refused."""

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest

from agent.migrations import ALEMBIC_TABLE, KEPT_BACKUPS, VERSIONS, back_up, migrate
from agent.shared.errors import Conflict, Unavailable
from agent.shared.tables import METADATA
from tests.agent.program import program
from tests.serving import running_agent

FIRST: Sequence[str] = import_module("agent.migrations.versions.0001_first").STATEMENTS
NOW = datetime(2026, 1, 31, 9, 5, tzinfo=UTC)


def tables(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}


def test_the_tables_in_the_code_are_those_of_the_schema(tmp_path: Path) -> None:
    migrate(tmp_path / "agent.db", now=NOW)

    assert _columns(tmp_path / "agent.db") == {
        table.name: sorted(column.name for column in table.columns)
        for table in METADATA.sorted_tables
    }


def _columns(file: Path) -> dict[str, list[str]]:
    query = "SELECT name FROM pragma_table_info(?) ORDER BY name"
    with closing(sqlite3.connect(file)) as connection:
        return {
            table: [row[0] for row in connection.execute(query, (table,))]
            for table in METADATA.tables
        }


def test_a_new_file_has_the_schema_that_the_revisions_lead_to(tmp_path: Path) -> None:
    migrate(tmp_path / "new.db", now=NOW)
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        for statement in (*FIRST, ALEMBIC_TABLE, "INSERT INTO alembic_version VALUES ('0001')"):
            connection.execute(statement)
        connection.commit()

    migrate(tmp_path / "old.db", now=NOW)

    assert _schema(tmp_path / "new.db") == _schema(tmp_path / "old.db")


def _schema(file: Path) -> list[tuple[str, str, str | None]]:
    with closing(sqlite3.connect(file)) as connection:
        query = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
        return connection.execute(query).fetchall()


def test_a_second_start_has_nothing_to_do(tmp_path: Path) -> None:
    file = tmp_path / "agent.db"

    assert [migrate(file, now=NOW), migrate(file, now=NOW)] == [True, False]
    assert not (tmp_path / "backups").exists()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_newer_schema_is_refused_with_a_sentence_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "agent.db"
    migrate(file, now=NOW)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = file.read_bytes()

    with pytest.raises(Conflict) as refused:
        migrate(file, now=NOW)

    assert refused.value.code == "newer-database"
    assert "newer version" in refused.value.detail
    assert "Update the program" in refused.value.detail
    assert file.read_bytes() == before


@pytest.mark.timeout(40)
def test_the_program_says_that_the_schema_is_newer_and_ends(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    migrate(folder / "agent.db", now=NOW)
    with closing(sqlite3.connect(folder / "agent.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()

    with program(folder) as one:
        ended = one.orca("serve", "--no-browser")

    assert ended.returncode == 1
    assert "written by a newer version of Orca Agents" in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_a_file_that_is_no_database_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "agent.db").write_bytes(b"this is no database " * 100)

    with pytest.raises(Unavailable) as refused:
        async with running_agent(tmp_path / "data"):
            pass

    assert refused.value.code == "database-unusable"
    assert "Move agent.db away" in refused.value.detail


def test_a_copy_is_made_before_the_schema_changes(tmp_path: Path) -> None:
    file = tmp_path / "agent.db"
    migrate(file, now=NOW)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(
            "INSERT INTO image (sha256, mime, width, height, size_bytes, created_at)"
            " VALUES ('a', 'image/png', 1, 1, 1, '2026-01-31T09:05:00.000000Z')"
        )
        connection.commit()
        # The copy is whole although the last change is still in the log.
        copy = back_up(file, tmp_path / "backups", label=f"schema-{VERSIONS[-1]}", now=NOW)

    with closing(sqlite3.connect(copy)) as connection:
        rows = connection.execute("SELECT sha256 FROM image").fetchall()
    assert copy.name == f"agent-schema-{VERSIONS[-1]}-20260131T090500.db"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert rows == [("a",)]
    assert tables(copy) == tables(file)


def test_only_the_latest_copies_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "agent.db"
    migrate(file, now=NOW)

    copies = [
        back_up(file, tmp_path / "backups", label="x", now=NOW + timedelta(minutes=minute))
        for minute in range(KEPT_BACKUPS + 3)
    ]

    assert sorted((tmp_path / "backups").iterdir()) == copies[-KEPT_BACKUPS:]


@pytest.mark.slow
@pytest.mark.timeout(40)
def test_a_migration_without_room_leaves_nothing_half_done(tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk."""
    ended = _in_a_process_with_small_files(tmp_path, limit_bytes=40_000)

    assert ended == "NoSpace or Unavailable"
    assert tables(tmp_path / "agent.db") == set()
    assert migrate(tmp_path / "agent.db", now=NOW)
    assert {"message", "run", "message_fts"} <= tables(tmp_path / "agent.db")


def _in_a_process_with_small_files(folder: Path, *, limit_bytes: int) -> str:
    code = (
        "import resource, signal, sys\n"
        "from datetime import UTC, datetime\n"
        "from pathlib import Path\n"
        "import agent.app\n"
        "from agent.migrations import migrate\n"
        "from agent.shared.errors import NoSpace, Unavailable\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_bytes}, {limit_bytes}))\n"
        "try:\n"
        f"    migrate(Path({str(folder / 'agent.db')!r}), now=datetime.now(UTC))\n"
        "except (NoSpace, Unavailable):\n"
        "    print('NoSpace or Unavailable')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return done.stdout.strip()
