"""One SQLite file: many readers, one writer, the same settings everywhere."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from agent.shared.any_json import any_json
from agent.shared.errors import Conflict, NoSpace, OrcaError, Unavailable
from agent.shared.sqlite import DrivenConnection, OneHopConnection

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "busy_timeout=5000",
    "temp_store=MEMORY",
    "cache_size=-2000",
    "journal_size_limit=16777216",
)


READERS = 8
UNUSABLE = (DatabaseError, sqlite3.DatabaseError)  # of SQLAlchemy, and of the driver by itself


class Database:
    """Readers see the last commit and never wait for writers; writers queue up, one at a time.

    The connections stay open and keep their transactions by themselves: SQLAlchemy's own pool
    takes longer for each than SQLite does for a question."""

    def __init__(self, file: Path, *, doctor: str = "orca-agent doctor") -> None:
        self._file, self._doctor = file, doctor
        self._writers = _engine(file, is_writer=True)
        self._readers = _engine(file, is_writer=False)
        self._writer: DrivenConnection | None = None
        self._free: list[DrivenConnection] = []
        self._reading = asyncio.Semaphore(READERS)
        self.commits = 0  # while it is the same, what was read still holds
        self._writing = asyncio.Lock()  # so that what a writer read stays true until it commits
        self._is_closed = False

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[DrivenConnection]:
        """One snapshot for the whole block."""
        try:
            async with self._reading:
                connection = (
                    self._free.pop() if self._free else await DrivenConnection.open(self._readers)
                )
                connection.driver.begin()
                try:
                    yield connection
                finally:
                    await self._given_back(connection)
        except UNUSABLE as err:
            raise self._explained(err) from err

    async def _given_back(self, reader: DrivenConnection) -> None:
        # One that SQLAlchemy gave up cannot be used again, nor can one whose thread still works
        # for somebody who was cancelled. After the end nobody would close it.
        is_for_the_next = False
        try:
            if reader.driver.is_idle and reader.is_usable:
                await reader.end()
                is_for_the_next = not self._is_closed
        finally:
            if is_for_the_next:
                self._free.append(reader)
            else:
                await asyncio.shield(reader.close())

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[DrivenConnection]:
        """Commits when the block ends, rolls back when it raises. No network inside.

        Raises NoSpace if the disk is full and Unavailable if the file cannot be used."""
        try:
            async with self._writing:
                if self._writer is None:
                    self._writer = await DrivenConnection.open(self._writers)
                connection, driver = self._writer, self._writer.driver
                driver.begin()
                try:
                    yield connection
                    try:
                        await driver.commit()
                    finally:  # one that is waited for no more may yet be done
                        self.commits += 1
                except BaseException:
                    driver.forget()
                    if not connection.invalidated:
                        await asyncio.shield(driver.rollback())
                    raise
                finally:
                    await self._ended(connection)
        except UNUSABLE as err:
            raise self._explained(err) from err

    async def _ended(self, writer: DrivenConnection) -> None:
        # SQLAlchemy closes a connection whose user was cancelled in the middle of a statement,
        # or of this very rollback, and opens no other one that the next writer could use.
        try:
            if writer.is_usable:
                await writer.end()
        finally:
            if self._is_closed or not writer.is_usable:
                self._writer = None
                await asyncio.shield(writer.close())

    async def check(self) -> None:
        """Raises Unavailable if the file cannot be read."""
        async with self.reading() as connection:
            await connection.exec_driver_sql("SELECT 1")

    async def shrink(self, before: Callable[[sqlite3.Connection], None]) -> None:
        """Rewrites the file without what was deleted in it. Writers wait; readers do not.
        `before` frees what is not needed, in a thread.

        Raises NoSpace (it takes as much again for a moment) and Unavailable."""
        try:
            async with self._writing:
                await asyncio.to_thread(_rewrite, self._file, before)
        except UNUSABLE as err:
            raise self._explained(err) from err

    async def close(self) -> None:
        """Folds the write-ahead log into the file and lets go of it. Who still reads or writes
        closes the connection that it has, also if it comes later."""
        try:
            async with self.writing() as connection:
                await connection.exec_driver_sql("PRAGMA optimize")
        except (OrcaError, DatabaseError):  # a full or vanished disk must not keep it from ending
            pass
        finally:
            self._is_closed = True
            await asyncio.shield(self._let_go())

    async def _let_go(self) -> None:
        async with self._writing:
            writer, self._writer = self._writer, None
        free, self._free = self._free, []
        for connection in (*free, *filter(None, [writer])):
            await connection.close()
        await self._readers.dispose()
        await self._writers.dispose()

    def _explained(self, err: Exception) -> OrcaError:
        text = str(getattr(err, "orig", err)).lower()
        if "full" in text:
            return NoSpace(
                "disk-full",
                "The disk that holds the database is full, so this was not saved. "
                "Free some space and try again; what was saved before is safe.",
            )
        if "locked" in text or "busy" in text:
            return Unavailable(
                "database-busy",
                "The database is in use by another program. Try again.",
                retry_after_s=1,
            )
        if "foreign key" in text:
            return Conflict("changed-meanwhile", "What this belongs to was removed at this moment.")
        if "constraint" in text:
            raise err  # a mistake of ours: the caller checks before it writes
        return Unavailable(
            "database-unusable",
            f"The database file {self._file.name} cannot be used. `{self._doctor}` says more.",
        )


def _rewrite(file: Path, before: Callable[[sqlite3.Connection], None]) -> None:
    with closing(sqlite3.connect(file, isolation_level=None, timeout=10)) as connection:
        before(connection)
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _engine(file: Path, *, is_writer: bool) -> AsyncEngine:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{file}",
        async_creator=lambda: OneHopConnection(file, is_writer=is_writer),
        poolclass=NullPool,
        json_serializer=any_json,
        json_deserializer=_from_json,
        hide_parameters=True,  # of an error that is logged: they are what people typed
    )
    pragmas = PRAGMAS if is_writer else (*PRAGMAS, "query_only=ON")

    @event.listens_for(engine.sync_engine, "connect")
    def tune(connection: Any, _record: object) -> None:  # Any: the driver's connection
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _from_json(text: str) -> Any:  # Any: JSON
    try:
        return orjson.loads(text)
    except ValueError:
        return json.loads(text)
