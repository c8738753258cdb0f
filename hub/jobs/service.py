"""Background work: recorded in a table, so that it survives whoever does it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, NotFound
from hub.audit.service import AuditService
from hub.jobs.rules import first_time, next_time
from hub.jobs.running import Handler, Known
from hub.jobs.store import JobTable, Row, Schedules, Workers

ALIVE_FOR = timedelta(seconds=20)
Payload = Mapping[str, Any]  # Any: JSON values


class Jobs:
    """Names what can be done in the background, queues it, and tells how it goes.

    `register` and `every` are called while the program is put together."""

    def __init__(
        self, database: Databases, clock: Clock, new_id: NewId, audit: AuditService
    ) -> None:
        self._database, self._clock, self._new_id, self._audit = database, clock, new_id, audit
        self.known: dict[str, Known] = {}
        self._tell: list[Callable[[], None]] = []
        self._stop_here: list[Callable[[str], None]] = []

    def register(
        self, name: str, handler: Handler, *, attempts: int = 5, lease_s: int = 30
    ) -> None:
        """A job of this name is done by `handler`, at most `attempts` times: it may be called
        again after it was killed in the middle, so it changes things in `job.finishing()` or in
        a way that does not hurt twice. A worker that is silent for `lease_s` has died."""
        self.known[name] = Known(name, handler, attempts, lease_s)

    def every(
        self,
        name: str,
        period: timedelta,
        handler: Handler,
        *,
        attempts: int = 3,
        lease_s: int = 60,
    ) -> None:
        """The same, and it comes by itself every `period`: once for all replicas, and not while
        the one before still runs."""
        self.known[name] = Known(name, handler, attempts, lease_s, period)

    async def enqueue(
        self,
        connection: AsyncConnection,
        name: str,
        payload: Payload,
        *,
        key: str | None = None,
        run_at: datetime | None = None,
    ) -> str:
        """In the caller's transaction: the job exists if and only if that commits. Of a `key`
        there is one job, whose id comes back. Begun at once, or at `run_at`."""
        known, now = self.known[name], self._clock()
        values = {
            "id": self._new_id(),
            "name": name,
            "payload": dict(payload),
            "key": key,
            "state": "queued",
            "attempts": 0,
            "max_attempts": known.attempts,
            "lease_s": known.lease_s,
            "created_at": rfc3339(now),
            "run_at": rfc3339(run_at or now),
            "is_unwanted": False,
        }
        job_id = await JobTable(connection).add(values)
        self._look()
        return job_id

    # --- what people see and do -----------------------------------------------------------------

    async def get(self, job_id: str) -> Row:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            row = await JobTable(connection).find(job_id)
        if row is None:
            raise _no_such_job()
        return row

    async def found(self, **wanted: Any) -> list[Row]:  # Any: as JobTable.found
        """Newest first."""
        async with self._database.reading() as connection:
            return await JobTable(connection).found(**wanted)

    async def overview(self) -> tuple[list[tuple[str, str, int]], list[Row], list[Row]]:
        """How many jobs there are by name and state, when periodic ones come, who works."""
        since = rfc3339(self._clock() - ALIVE_FOR)
        async with self._database.reading() as connection:
            counts = await JobTable(connection).counts()
            every = await Schedules(connection).all()
            schedules = [one for one in every if one["name"] in self.known]  # with these settings
            return counts, schedules, await Workers(connection).alive(since)

    async def oldest_wait(self) -> timedelta:
        """For how long the one has been due that has waited for the longest."""
        now = self._clock()
        async with self._database.reading() as connection:
            since = await JobTable(connection).oldest_due(rfc3339(now))
        return now - datetime.fromisoformat(since) if since else timedelta(0)

    async def run_now(self, name: str) -> Row:
        """A periodic job at once. Raises NotFound, and Conflict while it waits or runs."""
        known = self.known.get(name)
        if known is None or known.period is None:
            raise NotFound("no-such-job", f"There is no periodic job called {name}.")
        async with self._database.writing() as connection:
            await Schedules(connection).hold(name)
            if await JobTable(connection).has_living(name):
                raise Conflict("job-living", f"{name} waits or runs already.")
            job_id = await self.enqueue(connection, name, {})
            await Schedules(connection).queued(name, job_id)
            await self._audit.note(connection, "job.run", name)
        return await self.get(job_id)

    async def retry(self, job_id: str) -> Row:
        """With every attempt before it. Raises NotFound, and Conflict unless it has failed or
        was cancelled."""
        row = await self.get(job_id)
        async with self._database.writing() as connection:
            states = ("failed", "cancelled")
            if not await JobTable(connection).queue_again(job_id, rfc3339(self._clock()), states):
                raise Conflict("job-not-failed", "Only what failed or was cancelled is done again.")
            await self._audit.note(connection, "job.retry", row["name"], job_id=job_id)
        self._look()
        return await self.get(job_id)

    async def cancel(self, job_id: str) -> Row:
        """What waits ends here; what runs ends within seconds. Raises NotFound, and Conflict if
        it has ended."""
        row = await self.get(job_id)
        async with self._database.writing() as connection:
            before = await JobTable(connection).unwant(job_id, rfc3339(self._clock()))
            if before is None:
                raise Conflict("job-ended", "This job has ended already.")
            await self._audit.note(connection, "job.cancel", row["name"], job_id=job_id)
        for stop in self._stop_here:
            stop(job_id)
        return await self.get(job_id)

    # --- periodic jobs --------------------------------------------------------------------------

    async def keep_schedules(self) -> None:
        """At the start: says in the table what comes how often."""
        now = self._clock()
        async with self._database.writing() as connection:
            for one in list(self.known.values()):
                if one.period is not None:
                    first = rfc3339(first_time(one.period, now))
                    seconds = int(one.period.total_seconds())
                    await Schedules(connection).keep(one.name, seconds, first)

    async def queue_due(self, names: Sequence[str]) -> None:
        """Queues those of these periodic jobs that are due, whichever replica asks."""
        now = self._clock()
        for known in [self.known[name] for name in names if name in self.known]:
            if known.period is None:
                continue
            following = rfc3339(next_time(known.period, now))
            async with self._database.writing() as connection:
                schedules = Schedules(connection)
                if not await schedules.take(known.name, rfc3339(now), following):
                    continue  # another replica has
                if not await JobTable(connection).has_living(known.name):
                    job_id = await self.enqueue(connection, known.name, {})
                    await schedules.queued(known.name, job_id)

    def when_queued(self, tell: Callable[[], None], stop_here: Callable[[str], None]) -> None:
        """Who does jobs in this process wants to know of new and of unwanted ones."""
        self._tell.append(tell)
        self._stop_here.append(stop_here)

    def _look(self) -> None:
        for tell in self._tell:
            tell()


def _no_such_job() -> NotFound:
    return NotFound("no-such-job", "There is no job with this id.")
