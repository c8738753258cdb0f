"""A whole copy of the database, made while it is in use, without what signs anybody in."""

import sqlite3
from contextlib import closing
from pathlib import Path

from agent.keeping.watching import Watch
from agent.keeping.words import forget_words
from agent.shared.errors import NoSpace, OrcaError, Unavailable

PAGES_AT_ONCE = 2048
STEPS = 100_000  # of SQLite's machine, between two looks whether to stop
CREDENTIALS = ("token", "page_session")
PATIENCE_S = 10.0


def copy_database(source: Path, target: Path, watch: Watch) -> None:
    """One moment of the source as one file, checked. Tokens and sessions are not in it.

    Raises Stopped, NoSpace, and Unavailable `database-damaged` for one that is broken: a copy of
    that must not take the place of a good one."""
    try:
        with closing(_opened(source)) as old, closing(sqlite3.connect(target)) as new:
            new.isolation_level = None
            # Held until the end, so that those who write meanwhile do not make it begin anew.
            old.execute("BEGIN")
            old.execute("SELECT count(*) FROM sqlite_master").fetchone()
            page_bytes = int(old.execute("PRAGMA page_size").fetchone()[0])

            def told(_status: int, remaining: int, total: int) -> None:
                watch("database", (total - remaining) * page_bytes, total * page_bytes)

            old.backup(new, pages=PAGES_AT_ONCE, progress=told)
            old.execute("ROLLBACK")
            _strip(new, watch)
    except sqlite3.Error as err:
        target.unlink(missing_ok=True)
        watch.check()
        raise unusable(err, source.name) from err
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _opened(file: Path) -> sqlite3.Connection:
    uri = f"{file.as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=PATIENCE_S)


def _strip(copy: sqlite3.Connection, watch: Watch) -> None:
    copy.set_progress_handler(lambda: int(watch.is_stopped), STEPS)
    copy.execute("PRAGMA journal_mode=DELETE").fetchone()
    verdict = str(copy.execute("PRAGMA quick_check(1)").fetchone()[0])
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"it is damaged: {verdict}")
    for table in CREDENTIALS:
        copy.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
    copy.execute("DELETE FROM run WHERE kind = 'backup' AND state IN ('queued', 'running')")
    # What was deleted, now or long ago, is in no page of the copy from here on.
    forget_words(copy)
    copy.execute("VACUUM")
    copy.set_progress_handler(None, 0)


def schema_of(file: Path) -> str | None:
    """The version of the schema; None if the file has none. Raises sqlite3.Error."""
    with closing(_opened(file)) as connection:
        known = connection.execute(
            "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
        ).fetchone()
        row = known and connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None


def unusable(err: sqlite3.Error, name: str) -> OrcaError:
    """The error for a person."""
    if "full" in str(err) or "disk I/O" in str(err):
        return NoSpace(
            "disk-full",
            "The disk of the data folder is full, so no copy of the database was made. Nothing "
            "that was kept is lost. Free some space and try again.",
        )
    return Unavailable(
        "database-damaged",
        f"The database {name} cannot be copied ({err}). `orca-agent doctor` says more, and "
        "`orca-agent restore --latest` brings back the newest backup.",
    )
