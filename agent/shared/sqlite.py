"""aiosqlite with fewer changes of thread: its own cursor takes four for a statement.

A statement takes SQLite some ten microseconds, a change of thread and back some sixty. So what
only writes waits for the next statement that reads, or for the commit, and goes with it; and what
reads single rows by their key (`BY_KEY`) changes no thread at all."""

import asyncio
import sqlite3
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, Self, TypeVar

import aiosqlite
from aiosqlite.core import _connection_worker_thread
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from agent.shared.threads import step_aside

BY_KEY = "/* by key */"  # behind the first word of a statement: a few rows, in microseconds
READS_BY_KEY = (f"SELECT {BY_KEY}", f"WITH {BY_KEY}")
WRITES = ("INSERT ", "UPDATE ", "DELETE ")
T = TypeVar("T")
Rows = list[tuple[Any, ...]]  # Any: what SQLite holds
Waiting = tuple[str, Sequence[Any], bool]  # a statement, its values, and whether they are many


class OneHopConnection(aiosqlite.Connection):
    """Begins its transaction together with the first statement, and ends only what has begun."""

    def __init__(self, file: Path, *, is_writer: bool = False) -> None:
        super().__init__(partial(_connected, file), 64)
        self._thread = Thread(target=_work, args=(self._tx, weakref.ref(self)), daemon=True)
        self._is_writer, self.is_idle = is_writer, True
        self.is_used_by_sqlalchemy = False  # if not since `begin`, it knows of no transaction
        self._waiting: list[Waiting] = []
        self._begin_with: str | None = None
        self._stopping: asyncio.Future[Any] | None = None  # Any: nothing that is asked for

    @property
    def is_open(self) -> bool:
        return self._running and self._connection is not None

    def stop(self) -> asyncio.Future[Any] | None:  # Any: as in aiosqlite
        """Once: what comes to the thread after its end would wait for ever."""
        if self._running:
            self._stopping = super().stop()
        return self._stopping

    def abandon(self) -> None:
        """Closes it for good, in its own thread, which ends."""
        self._running = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def cursor(self) -> "OneHopCursor":  # type: ignore[override] # the same protocol, lighter
        self.is_used_by_sqlalchemy = True
        return OneHopCursor(self)

    def begin(self) -> None:
        """A transaction, from the first statement on."""
        self.is_used_by_sqlalchemy = False
        self._begin_with = "BEGIN IMMEDIATE" if self._is_writer else "BEGIN"

    def forget(self) -> None:
        """Whatever was to be written and has not been sent to the thread yet."""
        self._waiting, self._begin_with = [], None

    async def execute_soon(
        self, sql: str, parameters: Sequence[Any] | None, *, many: bool
    ) -> "Outcome":
        """One statement with its rows. What only writes is done with the next one that reads or
        with the commit, which then raises what is wrong with it."""
        if self._begin_with is not None or self._conn.in_transaction:
            if sql.startswith(WRITES) and " RETURNING " not in sql:
                self._waiting.append((sql, parameters or (), many))
                return NOTHING
            if sql.startswith(READS_BY_KEY) and self._is_free():
                return self._at_once(sql, parameters or ())
        before = self._taken()
        return await self._hop(lambda: self._run(before, sql, parameters or (), many=many))

    async def commit(self) -> None:
        if self._waiting:
            before = self._taken()
            await self._hop(lambda: self._write_and_commit(before))
        elif self.in_transaction:
            await self._hop(self._conn.commit)
        self._begin_with = None

    async def rollback(self) -> None:
        self.forget()
        if not self.is_open:
            return  # which undid it
        if self.is_idle and not self._is_writer:
            self._conn.rollback()  # of a transaction that only read: nothing is on the disk
        elif not self.is_idle or self.in_transaction:
            await self._hop(self._conn.rollback)

    def _is_free(self) -> bool:
        """Whether a statement could run here and now without any wait."""
        if self._waiting or not self.is_idle:
            return False
        # One writer at a time is the rule of the database, so what a writer reads before its
        # first change stays true without the lock of a transaction, for which it might wait.
        return not self._is_writer or self._begin_with is not None

    def _at_once(self, sql: str, parameters: Sequence[Any]) -> "Outcome":
        if not self._is_writer and self._begin_with is not None:
            begin, self._begin_with = self._begin_with, None
            self._conn.execute(begin)
        return _outcome(self._conn, sql, parameters, many=False)

    def _taken(self) -> list[Waiting]:
        """What goes to the thread before the next statement, and belongs to it from now on: the
        beginning of the transaction must not be forgotten of a statement that still comes."""
        taken, self._waiting = self._waiting, []
        if self._begin_with is not None:
            taken.insert(0, (self._begin_with, (), False))
            self._begin_with = None
        return taken

    def _run(
        self, before: list[Waiting], sql: str, parameters: Sequence[Any], *, many: bool
    ) -> "Outcome":
        self._write(before)
        return _outcome(self._conn, sql, parameters, many=many)

    def _write_and_commit(self, before: list[Waiting]) -> None:
        self._write(before)
        self._conn.commit()

    def _write(self, before: list[Waiting]) -> None:
        for sql, parameters, many in before:
            _outcome(self._conn, sql, parameters, many=many)

    async def _hop(self, work: Callable[[], T]) -> T:
        """Does it in the connection's own thread."""
        self.is_idle = False
        try:
            done: T = await self._execute(work)  # type: ignore[no-untyped-call] # of aiosqlite
        except asyncio.CancelledError:
            raise  # the thread goes on with it; the next hop comes after it
        except BaseException:
            self.is_idle = True
            raise
        self.is_idle = True
        return done


def _work(asked: Any, connection: "weakref.ref[OneHopConnection]") -> None:  # Any: its queue
    """The thread of a connection, which the loop may leave behind in the middle of a statement."""
    try:
        _connection_worker_thread(asked)
    except RuntimeError:  # that loop is closed: nobody waits for an answer, and nobody else comes
        if left := connection():
            left.abandon()


def _connected(file: Path) -> sqlite3.Connection:
    """To be called in the connection's own thread."""
    step_aside()
    return sqlite3.connect(file, isolation_level=None, check_same_thread=False)


def _outcome(
    connection: sqlite3.Connection, sql: str, parameters: Sequence[Any], *, many: bool
) -> "Outcome":
    cursor = connection.cursor()
    try:
        if many:
            cursor.executemany(sql, parameters)
        else:
            cursor.execute(sql, parameters)
        rows = cursor.fetchall() if cursor.description else []
        return Outcome(rows, cursor.description, cursor.rowcount, cursor.lastrowid)
    finally:
        cursor.close()


class Outcome:
    """What a finished statement leaves."""

    __slots__ = ("description", "lastrowid", "rowcount", "rows")

    def __init__(self, rows: Rows, description: Any, rowcount: int, lastrowid: int | None) -> None:
        self.rows, self.description = rows, description  # Any: as the driver gives it
        self.rowcount, self.lastrowid = rowcount, lastrowid


NOTHING = Outcome([], None, -1, None)


class OneHopCursor:
    """The part of aiosqlite's cursor that SQLAlchemy's adapter uses."""

    arraysize = 1

    def __init__(self, connection: OneHopConnection) -> None:
        self._connection, self._outcome = connection, NOTHING

    @property
    def description(self) -> Any:  # Any: as the driver gives it
        return self._outcome.description

    @property
    def rowcount(self) -> int:
        return self._outcome.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._outcome.lastrowid

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> Self:
        self._outcome = await self._connection.execute_soon(sql, parameters, many=False)
        return self

    async def executemany(self, sql: str, parameters: Sequence[Any]) -> Self:
        self._outcome = await self._connection.execute_soon(sql, parameters, many=True)
        return self

    async def fetchall(self) -> Rows:
        return self._outcome.rows

    async def close(self) -> None:
        """The statement was closed when it had run."""


class DrivenConnection(AsyncConnection):
    """Knows the driver under it, which SQLAlchemy finds through five objects each time."""

    __slots__ = ("driver",)
    driver: OneHopConnection

    @classmethod
    async def open(cls, engine: AsyncEngine) -> Self:
        """`engine` makes connections of OneHopConnection."""
        connection = cls(engine)
        await connection.start()
        driver = (await connection.get_raw_connection()).driver_connection
        if not isinstance(driver, OneHopConnection):
            raise TypeError("another driver than ours")
        connection.driver = driver
        return connection

    @property
    def is_usable(self) -> bool:
        """SQLAlchemy does not know of one that somebody was cancelled in giving up."""
        is_given_up = self.driver.is_used_by_sqlalchemy and self.invalidated
        return self.driver.is_open and not is_given_up

    async def end(self) -> None:
        """Of what was read, and of what SQLAlchemy knows of the transaction."""
        if self.driver.is_used_by_sqlalchemy and self.in_transaction():
            await self.rollback()
        else:
            await self.driver.rollback()
