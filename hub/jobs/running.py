"""A job as the program that does it sees it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict
from hub.jobs.store import JobTable, Row

Result = Mapping[str, Any] | None  # Any: JSON values


class Job:
    """One attempt. Whatever it changes it changes once in effect if it does so in `finishing`."""

    def __init__(self, row: Row, database: Databases, clock: Clock) -> None:
        self._claim, self._database, self._clock = row, database, clock
        self.id: str = row["id"]
        self.name: str = row["name"]
        self.payload: Mapping[str, Any] = row["payload"]  # Any: JSON values
        self.attempt: int = row["attempts"]
        self.lease = timedelta(seconds=row["lease_s"])
        self.result: Result = None
        self.is_unwanted = self.is_lost = self.is_finished = False

    async def progress(self, fraction: float, text: str = "") -> None:
        """Says how far it is, 0 to 1. Raises Conflict if it shall not go on."""
        await self.hold(progress={"fraction": min(max(fraction, 0.0), 1.0), "text": text[:500]})

    @asynccontextmanager
    async def finishing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction for what the job changes and for that it is done: neither is kept
        without the other, and no other worker can do the job meanwhile. `result` may be set in
        the block. Raises Conflict if the job is another worker's by now, or unwanted."""
        async with self._database.writing() as connection:
            await self._hold(connection)
            yield connection
            await self._hold(connection, **self._as_done())
        self.is_finished = True

    async def hold(self, **values: object) -> None:
        """Stays this worker's for a while longer. Raises Conflict if it is not any more."""
        async with self._database.writing() as connection:
            await self._hold(connection, **values)

    async def _hold(self, connection: AsyncConnection, **values: object) -> None:
        now = self._clock()
        fresh = {"heartbeat_at": rfc3339(now), "lease_until": rfc3339(now + self.lease)}
        is_wanted = await JobTable(connection).hold(self._claim, {**fresh, **values})
        if is_wanted is None:
            self.is_lost = True
            raise Conflict("job-lost", "Another worker has taken this job.")
        if not is_wanted:
            self.is_unwanted = True
            raise Conflict("job-unwanted", "Somebody cancelled this job.")

    async def end(self, **values: object) -> bool:
        """As it is from now on, wanted or not; False if another worker has it."""
        async with self._database.writing() as connection:
            held = await JobTable(connection).hold(self._claim, {"lease_until": None, **values})
        return held is not None

    async def finish(self) -> None:
        """For a job that changed nothing itself, or nothing that hurts twice."""
        if not self.is_finished:
            await self.hold(**self._as_done())
            self.is_finished = True

    def _as_done(self) -> dict[str, object]:
        return {
            "state": "done",
            "ended_at": rfc3339(self._clock()),
            "lease_until": None,
            "result": self.result and dict(self.result),
            "problem": None,
        }


Handler = Callable[[Job], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Known:
    """What is to be done for jobs of one name. `period`: it comes by itself."""

    name: str
    handler: Handler
    attempts: int
    lease_s: int
    period: timedelta | None = None
