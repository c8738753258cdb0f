"""What is done by itself about what grows with time."""

from datetime import timedelta

from hub.core import Core
from hub.jobs.running import Job, Result
from hub.limits.ageing import forget_usage, roll_up
from hub.limits.store import Rulings

COUNTED_FOR = timedelta(days=400)
DAY = timedelta(days=1)
ATTEMPTS = 8  # some minutes: somebody may read a table for long


def add_upkeep(core: Core) -> None:
    """Counters of periods long gone are forgotten; old days become months, old months go."""
    settings = core.settings

    async def forget_counters(_: Job) -> Result:
        before = (core.clock() - COUNTED_FOR).date().isoformat()
        async with core.database.writing() as connection:
            return {"removed": await Rulings(connection).forget_counters(before)}

    async def roll_days_up(job: Job) -> Result:
        if settings.usage_day_months:
            async with job.finishing() as connection:
                months = settings.usage_day_months
                job.result = {"months": await roll_up(connection, months, core.clock())}
        return None

    async def forget_months(job: Job) -> Result:
        if settings.usage_months:
            async with job.finishing() as connection:
                months = settings.usage_months
                job.result = await forget_usage(connection, months, core.clock())
        return None

    core.jobs.every("quotas.forget", DAY, forget_counters)
    core.jobs.every("usage.roll-up", DAY, roll_days_up)
    core.jobs.every("usage.forget", DAY, forget_months, attempts=ATTEMPTS)
