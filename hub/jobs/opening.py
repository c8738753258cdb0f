"""Background work."""

import os
import socket
from dataclasses import dataclass

from agent.shared.clock import random_fraction
from hub.core import Area, Core
from hub.health import Part
from hub.jobs import routes
from hub.jobs.carrying import Carrier
from hub.jobs.finding import Finder, Kind, Ways
from hub.jobs.rules import Doer
from hub.jobs.service import Jobs
from hub.jobs.upkeep import add_upkeep
from hub.jobs.work import Work


@dataclass(frozen=True, slots=True)
class JobParts:
    """`listen` is None where no broker is set: then the hub does its jobs itself."""

    area: Area
    jobs: Jobs
    finder: Finder
    work: Work
    by_redis: Carrier | None


async def open_jobs(core: Core, kind: Kind = "hub") -> JobParts:
    """To be opened before what registers jobs, and begun after it."""
    settings, jobs = core.settings, core.jobs
    doer = Doer(core.new_id(), socket.gethostname()[:200], os.getpid())
    work = Work(core.database, jobs.known, doer, core.clock, random_fraction)

    async def do_here(job_id: str) -> None:
        await finder.do_here(job_id)

    inside = Carrier(do_here)
    core.stack.push_async_callback(inside.close)
    by_redis = None
    if core.redis is not None:
        by_redis = Carrier(work.do, redis_url=core.redis.url, name=doer.id)
        core.stack.push_async_callback(by_redis.close)
    finder = Finder(
        jobs,
        work,
        Ways(inside, by_redis),
        core.database,
        core.clock,
        kind=kind,
        places=settings.jobs_at_once,
    )
    jobs.when_queued(finder.wake, work.stop)
    add_upkeep(core)

    async def find() -> None:
        await jobs.keep_schedules()
        await finder.run()

    area = Area(
        blueprints=(routes.routes(jobs),),
        loops={"jobs": find},
        health=(Part("jobs", finder.check, is_needed=False),),
    )
    return JobParts(area, jobs, finder, work, by_redis)
