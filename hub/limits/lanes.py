"""Connections to PostgreSQL for statements that are a transaction each, straight to the driver.

The way through SQLAlchemy takes a small UPDATE five times as long, and holds its row meanwhile."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from agent.shared.errors import Conflict, Unavailable
from hub.postgres import CONNECT_S, STATEMENT_S, PostgresDatabase, away, is_answered

Record = Any  # of asyncpg, which says nothing about its types

MOST = 4  # at once, of each replica: they wait for the same rows anyway
WAIT_S = 30.0
# Few statements, whose plans are always the same: making them anew takes longer than they do.
PLANS = {"plan_cache_mode": "force_generic_plan", "jit": "off"}
LOST = ("08", "57P", "53")  # classes of SQLSTATE: connection, operator, resources
OF_SQLALCHEMY = ("prepared_statement_cache_size", "prepared_statement_name_func")


class Lanes:
    """Opened when they are needed. One that broke is left, and the next is opened anew."""

    def __init__(self, database: PostgresDatabase, *, waits_for_disk: bool = True) -> None:
        """`waits_for_disk`: what is answered outlasts a crash of the server. Otherwise the last
        moment before it may be lost."""
        engine = database.engine
        _, given = engine.dialect.create_connect_args(engine.url)
        self._where = {name: given[name] for name in given if name not in OF_SQLALCHEMY}
        self._settings = {
            "application_name": "orca-hub",
            "timezone": "UTC",
            "synchronous_commit": "on" if waits_for_disk else "off",
            **PLANS,
        }
        self._idle_s = database.idle_s
        self._free: list[tuple[Any, float]] = []  # Any: connections of asyncpg, and since when
        self._room = asyncio.Semaphore(MOST)

    async def fetch(self, statement: str, *values: object) -> Sequence[Record]:
        """The rows of one statement, which is committed then.

        Raises Unavailable `database-away` and Conflict `changed-meanwhile`."""
        import asyncpg  # type: ignore[import-untyped] # slow import, without types

        try:
            async with asyncio.timeout(WAIT_S):
                await self._room.acquire()
        except TimeoutError:
            raise _busy() from None
        try:
            rows = await self._fetched(await self._lane(), statement, values)
        except asyncpg.PostgresError as err:
            if str(err.sqlstate).startswith(LOST):
                raise away() from err
            if str(err.sqlstate).startswith("40"):
                raise Conflict(
                    "changed-meanwhile", "Somebody else changed the same at this moment. Try again."
                ) from err
            raise
        except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError) as err:
            # The second one: the server has said goodbye, and nobody has heard it yet.
            raise away() from err
        finally:
            self._room.release()
        return rows

    async def _fetched(
        self, lane: Any, statement: str, values: Sequence[object]
    ) -> Sequence[Record]:  # Any: as below
        """A lane is used again after an answer alone: what was cut off may still go on in it."""
        import asyncpg  # slow import

        try:
            rows: Sequence[Record] = await lane.fetch(statement, *values, timeout=STATEMENT_S)
        except asyncpg.PostgresError as err:
            if str(err.sqlstate).startswith(LOST):
                lane.terminate()
            else:
                self._free.append((lane, time.monotonic()))
            raise
        except BaseException:
            lane.terminate()
            raise
        self._free.append((lane, time.monotonic()))
        return rows

    async def _lane(self) -> Any:  # Any: a connection of asyncpg
        import asyncpg  # slow import

        while self._free:
            lane, since = self._free.pop()
            is_known = time.monotonic() - since < self._idle_s
            if not lane.is_closed() and (is_known or await self._is_answered(lane)):
                return lane
        return await asyncpg.connect(
            **self._where, timeout=CONNECT_S, server_settings=self._settings
        )

    async def _is_answered(self, lane: Any) -> bool:  # Any: as above
        try:
            if await is_answered(lane):
                return True
        except BaseException:
            lane.terminate()
            raise
        lane.terminate()
        return False

    async def close(self) -> None:
        for lane, _ in self._free:
            try:
                await lane.close(timeout=CONNECT_S)
            except (OSError, TimeoutError):
                lane.terminate()
        self._free = []


def _busy() -> Unavailable:
    return Unavailable(
        "database-busy",
        "Every connection to the database is in use. Try again in a moment.",
        retry_after_s=1,
    )
