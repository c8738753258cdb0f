"""A PostgreSQL database with the same two ways in as the SQLite file: reading and writing."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from agent.shared.errors import Conflict, Invalid, NoSpace, OrcaError, Unavailable

CONNECT_S = 5.0
WAIT_S = 10.0
STATEMENT_S = 30.0
IDLE_S = 5.0  # a connection that rested for longer is asked first whether it is still one
ASKED_S = 2.0  # and is none if it says nothing for so long: what lies between may have forgotten it
NO_TEXT = ("22021", "22P05")  # SQLSTATE of what cannot be kept as text
BROKEN_RULE = "23"  # class of SQLSTATE of a key that is there already, or of a row that is gone
LOCKED = "55P03"  # of a lock that was not to be had in time
LOST_STATES = ("08", "57P", "53300")  # classes of SQLSTATE: connection, operator, too many

log = logging.getLogger(__name__)


class PostgresDatabase:
    """One pool. A connection that broke is replaced before it is used again.

    Raises Unavailable `database-away` while the server is not there, and works again when it is,
    without a restart."""

    dialect = "postgresql"

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        overflow: int = 10,
        patience_s: float | None = STATEMENT_S,
        idle_s: float = IDLE_S,
    ) -> None:
        """`url` as SQLAlchemy writes it: postgresql+asyncpg://user:password@host:port/name.
        `patience_s`: how long a statement may take, None for as long as it wants. `idle_s`: how
        long a connection may rest without being asked whether it is still one."""
        self._engine = _engine(url, pool_size, overflow, patience_s)
        _replace_broken(self._engine, idle_s)
        self.idle_s = idle_s
        # Under READ COMMITTED each statement sees what is committed by then, with a transaction
        # around them or without: that would be two more ways to the server and back.
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def engine(self) -> AsyncEngine:
        """For migrations, which need a connection of their own kind."""
        return self._engine

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Each statement sees what is committed by then. Nothing may be written in the block."""
        with _translated():
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Commits when the block ends, rolls back when it raises. No network inside.

        Unlike in SQLite there may be other writers: what must not change between a look and the
        change after it is looked at with FOR UPDATE, or changed where it still is as it was.
        Raises Conflict `changed-meanwhile` where two got in each other's way."""
        with _translated():
            async with self._engine.begin() as connection:
                yield connection

    async def check(self) -> None:
        """Raises Unavailable if the server does not answer."""
        async with asyncio.timeout(CONNECT_S):
            async with self.reading() as connection:
                await connection.exec_driver_sql("SELECT 1")

    async def close(self) -> None:
        """Says goodbye, for as long as somebody may hear it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_S):
                await self._engine.dispose()

    @property
    def pool(self) -> dict[str, int]:
        """How the pool stands: connections in use, idle, and more than it should have."""
        pool = self._engine.pool
        return {
            "in_use": int(getattr(pool, "checkedout", lambda: 0)()),
            "idle": int(getattr(pool, "checkedin", lambda: 0)()),
        }


def _engine(url: str, pool_size: int, overflow: int, patience_s: float | None) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=overflow,
        pool_timeout=WAIT_S,
        pool_use_lifo=True,  # the latest one knows the statements, and need not be asked
        pool_recycle=1800,
        hide_parameters=True,  # of an error that is logged: they are what people typed
        connect_args={
            "timeout": CONNECT_S,
            "command_timeout": patience_s,
            "server_settings": {"application_name": "orca-hub", "timezone": "UTC"},
        },
    )


def _replace_broken(engine: AsyncEngine, idle_s: float) -> None:
    """Looks at a connection before it is used. SQLAlchemy would ask the server each time, in a
    transaction of its own: three ways there and back before each question."""
    rests_since = "rests_since"

    @event.listens_for(engine.sync_engine, "checkin")
    def rests(_connection: object, record: Any) -> None:  # Any: of SQLAlchemy
        record.info[rests_since] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def look(connection: Any, record: Any, _proxy: object) -> None:  # Any: of SQLAlchemy
        if (since := record.info.get(rests_since)) is None:
            return
        is_known = time.monotonic() - since < idle_s
        if connection.driver_connection.is_closed() or not (
            is_known or connection.run_async(is_answered)
        ):
            raise InvalidatePoolError


async def is_answered(connection: Any) -> bool:  # Any: of asyncpg
    """Whether a connection that rested is still one."""
    import asyncpg  # type: ignore[import-untyped] # slow import, without types

    try:
        await connection.fetchrow(";", timeout=ASKED_S)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        return False
    return True


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as err:
        raise Unavailable(
            "database-busy",
            "Every connection to the database is in use. Try again in a moment.",
            retry_after_s=1,
        ) from err
    except DBAPIError as err:
        raise _explained(err) from err
    except (OSError, TimeoutError) as err:
        raise away() from err


def _explained(err: DatabaseError | DBAPIError) -> Exception:
    state = str(getattr(err.orig, "sqlstate", None) or getattr(err.orig, "pgcode", None) or "")
    if err.connection_invalidated or isinstance(err, InterfaceError) or _is_lost(state):
        return away()
    if state.startswith(BROKEN_RULE):
        log.warning("two wrote the same at once: %s", getattr(err.orig, "sqlstate", state))
    if state.startswith((BROKEN_RULE, "40")):
        return Conflict(
            "changed-meanwhile", "Somebody else changed the same at this moment. Try again."
        )
    if state == LOCKED:
        return Unavailable(
            "database-busy",
            "Somebody else holds what is needed in the database, such as a backup. Try it later.",
            retry_after_s=10,
        )
    if state in NO_TEXT:
        return Invalid("bad-text", "Text cannot hold the character NUL.")
    if state == "53100":
        return NoSpace(
            "disk-full",
            "The disk of the database is full, so this was not saved. Free some space and try "
            "again; what was saved before is safe.",
        )
    return err  # a mistake of ours


def _is_lost(state: str) -> bool:
    return state.startswith(LOST_STATES)


def away() -> OrcaError:
    return Unavailable(
        "database-away",
        "The database does not answer. Nothing is lost; it is tried again by itself.",
        retry_after_s=2,
    )
