"""What is done by itself about what grows with time."""

from datetime import timedelta

from hub.audit.partitions import make_partitions
from hub.core import Core
from hub.jobs.running import Job, Result
from hub.limits.store import Rulings

COUNTED_FOR = timedelta(days=400)


def add_upkeep(core: Core) -> None:
    """Months are made ahead; counters of periods long gone are forgotten. The usage stays."""

    async def make_months(_: Job) -> Result:
        async with core.database.writing() as connection:
            return {"made": await make_partitions(connection, core.clock())}

    async def forget_counters(_: Job) -> Result:
        before = (core.clock() - COUNTED_FOR).date().isoformat()
        async with core.database.writing() as connection:
            return {"removed": await Rulings(connection).forget_counters(before)}

    if core.settings.database_url is not None:
        core.jobs.every("months.make", timedelta(days=1), make_months)
    core.jobs.every("quotas.forget", timedelta(days=1), forget_counters)
