"""Does jobs: takes one from the table, keeps it while it runs, and says how it ended."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta

from agent.shared.clock import Clock, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import OrcaError
from agent.shared.tasks import Tasks
from hub.jobs.rules import Doer, after_failure
from hub.jobs.running import Job, Known
from hub.jobs.store import JobTable

BEAT_S = 2.0  # how soon a job hears of being cancelled elsewhere
UNKNOWN_AGAIN = timedelta(seconds=30)
Chance = Callable[[], float]

log = logging.getLogger(__name__)


class Work:
    """What this process does. A job that it leaves at its end is queued again."""

    def __init__(
        self,
        database: Databases,
        known: Mapping[str, Known],
        doer: Doer,
        clock: Clock,
        chance: Chance,
    ) -> None:
        self._database, self._known, self.doer = database, known, doer
        self._clock, self._chance = clock, chance
        self._tasks = Tasks()
        self._now: dict[str, tuple[Job, asyncio.Task[None]]] = {}

    @property
    def busy(self) -> int:
        return len(self._now)

    async def do(self, job_id: str) -> None:
        """To its end, unless another worker has it. Raises nothing but Unavailable and the like,
        and only if the job was not begun."""
        now = self._clock()
        async with self._database.writing() as connection:
            row = await JobTable(connection).begin(job_id, self.doer, rfc3339(now), rfc3339(now))
            if row is None:
                return
            job = Job(row, self._database, self._clock)
            until = {"lease_until": rfc3339(now + job.lease)}
            await JobTable(connection).hold(row, until)
        task = self._tasks.start(self._attempt(job), name=f"job {job.name}")
        self._now[job.id] = (job, task)
        task.add_done_callback(lambda _: self._now.pop(job.id, None))
        await asyncio.wait({task})

    def stop(self, job_id: str) -> None:
        """Somebody cancelled it."""
        if job_id in self._now:
            job, task = self._now[job_id]
            job.is_unwanted = True
            task.cancel()

    async def close(self) -> None:
        """Leaves what runs to others."""
        await self._tasks.close(grace_s=5.0)

    async def _attempt(self, job: Job) -> None:
        known = self._known.get(job.name)
        if known is None:  # of a newer version: somebody else knows it
            await self._leave(job, after=UNKNOWN_AGAIN)
            return
        me = asyncio.current_task()
        beat = self._tasks.start(self._beat(job, me), name=f"beat of {job.name}")
        try:
            job.result = await known.handler(job) or job.result
            await job.finish()
        except asyncio.CancelledError:
            await self._stopped(job)
        except OrcaError as err:
            await self._failed(job, err.detail)
        except Exception as err:  # the outermost loop of background work
            log.exception("the job %s failed", job.name, extra={"job_id": job.id})
            name = type(err).__name__
            await self._failed(job, f"A mistake of the program ({name}). The log has the details.")
        finally:
            beat.cancel()

    async def _beat(self, job: Job, task: "asyncio.Task[None] | None") -> None:
        every_s = min(job.lease.total_seconds() / 4, BEAT_S)
        while True:
            await asyncio.sleep(every_s)
            try:
                await job.hold()
            except OrcaError as err:
                if not (job.is_lost or job.is_unwanted):
                    log.debug("a sign of life was not written: %s", err.detail)
                    continue
                if task is not None and not job.is_finished:
                    task.cancel()
                return

    async def _stopped(self, job: Job) -> None:
        """Cancelled by somebody, taken by another worker, or this process ends."""
        if job.is_unwanted:
            await self._end(job, state="cancelled", ended_at=rfc3339(self._clock()))
        elif not job.is_lost:
            await self._leave(job)

    async def _failed(self, job: Job, problem: str) -> None:
        if job.is_lost:
            return
        now = self._clock()
        if job.is_unwanted:
            await self._end(job, state="cancelled", ended_at=rfc3339(now))
            return
        known = self._known[job.name]
        then = after_failure(job.attempt, known.attempts, now, self._chance())
        log.warning("the job %s did not work out (attempt %d): %s", job.name, job.attempt, problem)
        await self._end(
            job,
            state=then.state,
            run_at=rfc3339(then.run_at),
            carried_at=None,
            problem=problem,
            ended_at=rfc3339(now) if then.state == "failed" else None,
        )

    async def _leave(self, job: Job, *, after: timedelta = timedelta(0)) -> None:
        """This attempt does not count."""
        await self._end(
            job,
            state="queued",
            run_at=rfc3339(self._clock() + after),
            attempts=job.attempt - 1,
            carried_at=None,
        )

    async def _end(self, job: Job, **values: object) -> None:
        try:
            await job.end(worker=None, **values)
        except OrcaError as err:  # its lease runs out, and somebody takes it again
            log.warning("how the job %s ended was not written: %s", job.name, err.detail)
