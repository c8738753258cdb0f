"""One SQLite file: many readers, one writer, the same settings everywhere."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from agent.shared.errors import NoSpace, OrcaError, Unavailable
from agent.shared.sqlite import OneHopConnection

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "busy_timeout=5000",
    "temp_store=MEMORY",
    "cache_size=-16000",
    "journal_size_limit=16777216",
)


class Database:
    """Readers see the last commit and never wait; writers queue up, one at a time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writer = _engine(file, begin="BEGIN IMMEDIATE", poolclass=StaticPool)
        self._readers = _engine(
            file, begin="BEGIN", pragmas=("query_only=ON",), pool_size=4, max_overflow=4
        )
        self._writing = asyncio.Lock()  # so that what a writer read stays true until it commits

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One snapshot for the whole block."""
        with _translated(self._file):
            async with self._readers.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Commits when the block ends, rolls back when it raises. No network inside.

        Raises NoSpace if the disk is full and Unavailable if the file cannot be used."""
        with _translated(self._file):
            async with self._writing, self._writer.begin() as connection:
                yield connection

    async def check(self) -> None:
        """Raises Unavailable if the file cannot be read."""
        async with self.reading() as connection:
            await connection.exec_driver_sql("SELECT 1")

    async def close(self) -> None:
        """Folds the write-ahead log into the file and lets go of it."""
        try:
            async with self._writing, self._writer.begin() as connection:
                await connection.exec_driver_sql("PRAGMA optimize")
        except DatabaseError:  # a full or vanished disk must not keep the program from ending
            pass
        await self._readers.dispose()
        await self._writer.dispose()


def _engine(
    file: Path, *, begin: str, pragmas: tuple[str, ...] = (), **pool: Any
) -> AsyncEngine:  # Any: SQLAlchemy's own keywords
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{file}",
        async_creator=lambda: OneHopConnection(file, is_writer=begin != "BEGIN"),
        **pool,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def tune(connection: Any, _record: object) -> None:  # Any: the driver's connection
        cursor = connection.cursor()
        for pragma in (*PRAGMAS, *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin_ourselves(connection: Any) -> None:  # Any: SQLAlchemy's Connection
        connection.connection.driver_connection.pending_begin = begin

    return engine


@contextmanager
def _translated(file: Path) -> Iterator[None]:
    try:
        yield
    except DatabaseError as err:
        raise _explained(err, str(err.orig), file) from err
    except sqlite3.DatabaseError as err:
        raise _explained(err, str(err), file) from err


def _explained(err: Exception, said: str, file: Path) -> OrcaError:
    text = said.lower()
    if "full" in text:
        return NoSpace(
            "disk-full",
            "The disk that holds the agent's data is full, so this was not saved. "
            "Free some space and try again; what was saved before is safe.",
        )
    if "locked" in text or "busy" in text:
        return Unavailable(
            "database-busy",
            "The database is in use by another program. Try again.",
            retry_after_s=1,
        )
    if "constraint" in text:
        raise err  # a mistake of ours: the caller checks before it writes
    return Unavailable(
        "database-unusable",
        f"The database file {file.name} cannot be used. `orca-agent doctor` says more.",
    )
