"""Whose database a file is, looked at without changing a byte of it."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from agent.keeping.folder import Backups
from agent.shared.clock import system_clock
from agent.shared.errors import Conflict, NoSpace, OrcaError, Unavailable

SCHEMA = re.compile(r"\d{4}")


def schema_in(file: Path, newest: str) -> str | None:
    """The version of the schema; None if there is no file, or nothing in it.

    Raises Conflict for one of a newer version, Unavailable for one of another program, and
    sqlite3.Error."""
    if not file.exists() or not file.stat().st_size:
        return None
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if "alembic_version" not in names and not names:
            return None
        _check_length(connection, file)
        row = None
        if "alembic_version" in names:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    schema = str(row[0]) if row else ""
    if not SCHEMA.fullmatch(schema) or not {"conversation", "message"} <= names:
        raise _foreign(file)
    if schema > newest:
        raise Conflict(
            "newer-database",
            f"The database {file.name} was written by a newer version of Orca Agents "
            f"(schema {schema}, this one knows {newest}). Update the program, "
            "or start it with another data folder.",
        )
    return schema


def explained(cause: BaseException, file: Path) -> OrcaError:
    """The error for a person: what is wrong with the file, and what brings the data back."""
    if "full" in str(cause):
        return NoSpace(
            "disk-full", "The disk that holds the agent's data is full. Free some space first."
        )
    return Unavailable(
        "database-unusable",
        f"The database {file.name} cannot be opened ({cause}). It is left as it is. "
        f"{way_back(file)}",
    )


def way_back(file: Path) -> str:
    """What a person does whose database is broken."""
    backups = Backups(file.parent)
    if newest := backups.latest(system_clock()):
        return (
            "`orca-agent restore --latest` brings back the newest one of the folder backups, "
            f"{newest.name}."
        )
    if copy := backups.newest_copy():
        return (
            "`orca-agent restore --latest` brings back the newest one of the folder backups, "
            f"{copy.name}."
        )
    return (
        f"There is no backup of it. Move {file.name} away to start anew; `orca-agent import` "
        "reads what was exported."
    )


def _check_length(connection: sqlite3.Connection, file: Path) -> None:
    log = file.with_name(f"{file.name}-wal")
    if log.exists() and log.stat().st_size:
        return  # some pages may stand there alone
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    if file.stat().st_size < pages * page_bytes:
        raise sqlite3.DatabaseError("its end is missing")


def _foreign(file: Path) -> Unavailable:
    return Unavailable(
        "foreign-database",
        f"The database {file.name} is not one of Orca Agents, and is left as it is. Move it away, "
        "or start the program with another data folder.",
    )
