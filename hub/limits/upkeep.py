"""What is done by itself about what grows with time."""

from datetime import timedelta

from hub.core import Core
from hub.jobs.running import Job, Result
from hub.limits.ageing import forget_usage, roll_up
from hub.limits.store import Rulings

COUNTED_FOR = timedelta(days=400)
TRIED_FOR = timedelta(days=2)  # longer than a database is away while a replica lives
DAY = timedelta(days=1)
ATTEMPTS = 8  # some minutes: somebody may read a table for long


def add_upkeep(core: Core) -> None:
    """Counters of periods long gone are forgotten; old days become months, old months go."""
    settings = core.settings

    async def forget_counters(_: Job) -> Result:
        before, tried = (
            (core.clock() - ago).date().isoformat() for ago in (COUNTED_FOR, TRIED_FOR)
        )
        async with core.database.writing() as connection:
            rulings = Rulings(connection)
            await rulings.forget_counted(tried)
            return {"removed": await rulings.forget_counters(before)}

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
