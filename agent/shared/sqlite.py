"""aiosqlite with one change of thread for a statement, where its own cursor takes four.

A statement takes SQLite some ten microseconds, a change of thread and back some sixty."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import aiosqlite

Rows = list[tuple[Any, ...]]  # Any: what SQLite holds


class OneHopConnection(aiosqlite.Connection):
    """Begins its transaction together with the first statement, and ends only what has begun."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            lambda: sqlite3.connect(file, isolation_level=None, check_same_thread=False), 64
        )
        self._thread.daemon = True
        self.pending_begin: str | None = None

    def cursor(self) -> "OneHopCursor":  # type: ignore[override] # the same protocol, lighter
        return OneHopCursor(self)

    def run(self, sql: str, parameters: Sequence[Any] | None, many: bool) -> "Outcome":  # noqa: FBT001
        """Blocking; called in the connection's own thread."""
        if self.pending_begin is not None:
            begin, self.pending_begin = self.pending_begin, None
            self._conn.execute(begin)
        cursor = self._conn.cursor()
        try:
            if many:
                cursor.executemany(sql, parameters or ())
            else:
                cursor.execute(sql, parameters or ())
            rows = cursor.fetchall() if cursor.description else []
            return Outcome(rows, cursor.description, cursor.rowcount, cursor.lastrowid)
        finally:
            cursor.close()

    async def hop(self, sql: str, parameters: Sequence[Any] | None, *, many: bool) -> "Outcome":
        """One statement with its rows."""
        outcome: Outcome = await self._execute(  # type: ignore[no-untyped-call] # of aiosqlite
            self.run, sql, parameters, many
        )
        return outcome

    async def commit(self) -> None:
        self.pending_begin = None
        if self.in_transaction:
            await super().commit()

    async def rollback(self) -> None:
        self.pending_begin = None
        if self.in_transaction:
            await super().rollback()


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
        self._outcome = await self._connection.hop(sql, parameters, many=False)
        return self

    async def executemany(self, sql: str, parameters: Sequence[Any]) -> Self:
        self._outcome = await self._connection.hop(sql, parameters, many=True)
        return self

    async def fetchall(self) -> Rows:
        return self._outcome.rows

    async def close(self) -> None:
        """The statement was closed when it had run."""
