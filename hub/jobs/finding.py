"""Finds what is due in the table: what is new, what comes by itself, and what a worker that died
has left. Every replica and every worker looks; the table decides who does it."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from agent.shared.clock import Clock, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import OrcaError, Unavailable
from agent.version import program_version
from hub.jobs.carrying import Carrier
from hub.jobs.rules import WORKER_DIED
from hub.jobs.service import ALIVE_FOR, Jobs
from hub.jobs.store import JobTable, Schedules, Workers
from hub.jobs.work import Work

LOOK_S = 1.0
SOON_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)  # after a job was queued, until that has committed
SIGN_S = 5.0
UNHEARD = timedelta(seconds=15)  # then the word is sent again
OVERDUE = timedelta(seconds=3)  # then workers do not wait for the word
AT_ONCE = 200
SILENT_S, STUCK = 60.0, timedelta(minutes=15)
Kind = Literal["hub", "worker", "command"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ways:
    """How jobs get to who does them: in this process, and by Redis where that is set."""

    inside: Carrier
    by_redis: Carrier | None = None


class Finder:
    """Looks each second, and at once when something was queued here."""

    def __init__(
        self,
        jobs: Jobs,
        work: Work,
        ways: Ways,
        database: Databases,
        clock: Clock,
        *,
        kind: Kind,
        places: int,
    ) -> None:
        self._jobs, self._work, self._ways, self._database = jobs, work, ways, database
        self._clock, self._kind, self._places = clock, kind, places
        self._queued = asyncio.Event()
        self._sent: set[str] = set()
        self._signed_at = float("-inf")
        self._started_at = rfc3339(clock())
        self._looked_at = asyncio.get_running_loop().time()

    async def check(self) -> None:
        """Raises Unavailable while nothing is done: for readiness."""
        silent_s = asyncio.get_running_loop().time() - self._looked_at
        if self._kind == "hub" and silent_s > SILENT_S:
            raise Unavailable("jobs-stuck", "Nobody has looked for jobs for a while.")
        if await self._jobs.oldest_wait() > STUCK:
            raise Unavailable("jobs-stuck", "Jobs have waited for long: start more workers.")

    def wake(self) -> None:
        """Something was queued, in a transaction that may not have committed yet."""
        self._queued.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        is_away = False
        try:
            while True:
                try:
                    await self.look()
                except OrcaError as err:
                    if not is_away:
                        log.warning("jobs have to wait: %s", err.detail)
                    is_away = True
                else:
                    is_away = False
                await self._wait()
        finally:
            await self._leave()

    async def look(self) -> None:
        """Once. Raises Unavailable if the database is away."""
        await self._sign()
        self._looked_at = asyncio.get_running_loop().time()
        now = rfc3339(self._clock())
        async with self._database.reading() as connection:
            due = await Schedules(connection).due(now)
            is_work_there = await JobTable(connection).needs_a_look(now)
        periodic = [name for name in due if name in self._jobs.known]  # or of another version
        if periodic:
            await self._jobs.queue_due(periodic)
        if periodic or is_work_there:
            await self._take_back()
            await self._hand_on()

    async def _take_back(self) -> None:
        now = rfc3339(self._clock())
        async with self._database.writing() as connection:
            again = await JobTable(connection).take_back(now)
            gone = await JobTable(connection).give_up(now, WORKER_DIED)
        for job_id in again:
            log.warning("a job is taken up again: its worker has died", extra={"job_id": job_id})
        for job_id in gone:
            log.error("a job is given up: its worker has died", extra={"job_id": job_id})

    async def _hand_on(self) -> None:
        if self._ways.by_redis is None:
            await self._do_here(timedelta(0))
        elif self._kind == "worker":
            await self._do_here(OVERDUE)
        elif await self._has_workers():
            await self._tell_workers(self._ways.by_redis)
        else:
            await self._do_here(timedelta(0))

    async def _do_here(self, overdue: timedelta) -> None:
        free = self._places - max(len(self._sent), self._work.busy)
        if free <= 0:
            return
        until = rfc3339(self._clock() - overdue)
        async with self._database.reading() as connection:
            due = await JobTable(connection).due(until, self._jobs.known, free + len(self._sent))
        for job_id in [one for one in due if one not in self._sent][:free]:
            self._sent.add(job_id)
            await self._ways.inside.send(job_id)

    async def _tell_workers(self, redis: Carrier) -> None:
        now = self._clock()
        async with self._database.writing() as connection:
            due = await JobTable(connection).carry(rfc3339(now), rfc3339(now - UNHEARD), AT_ONCE)
        for job_id in due:
            try:
                await redis.send(job_id)
            except OrcaError:  # workers find it in the table
                log.debug("the word of a job was not carried", extra={"job_id": job_id})
                return

    async def do_here(self, job_id: str) -> None:
        """What the carrier within this process calls."""
        try:
            await self._work.do(job_id)
        finally:
            self._sent.discard(job_id)
            self.wake()  # a place is free

    async def _has_workers(self) -> bool:
        since = rfc3339(self._clock() - ALIVE_FOR)
        async with self._database.reading() as connection:
            alive = await Workers(connection).alive(since)
        return any(one["kind"] == "worker" for one in alive)

    async def _sign(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - self._signed_at < SIGN_S:
            return
        now = self._clock()
        async with self._database.writing() as connection:
            await Workers(connection).seen(
                {
                    "id": self._work.doer.id,
                    "kind": self._kind,
                    "host": self._work.doer.host,
                    "process": self._work.doer.process,
                    "version": program_version()[:40],
                    "started_at": self._started_at,
                    "seen_at": rfc3339(now),
                    "busy": self._work.busy,
                }
            )
            await Workers(connection).forget(rfc3339(now - timedelta(days=1)))
        self._signed_at = loop.time()

    async def _wait(self) -> None:
        """Until the next second, or until something was queued; then soon, again and again."""
        try:
            async with asyncio.timeout(LOOK_S):
                await self._queued.wait()
        except TimeoutError:
            return
        self._queued.clear()
        for pause_s in SOON_S:
            if self._queued.is_set():
                return
            await asyncio.sleep(pause_s)
            try:
                await self.look()
            except OrcaError:
                return

    async def _leave(self) -> None:
        await self._work.close()
        try:
            async with self._database.writing() as connection:
                await Workers(connection).gone(self._work.doer.id)
        except OrcaError as err:
            log.debug("the end of this worker was not written: %s", err.detail)
