"""What is done by itself about the log: its months end, and its chain is checked."""

import logging
from datetime import timedelta

from agent.shared.errors import Conflict
from hub.audit.partitions import make_partitions
from hub.audit.retention import cut_off
from hub.audit.rules import Chain
from hub.core import Core
from hub.jobs.running import Job, Result

CHECK = "audit.check"
DAY = timedelta(days=1)
ATTEMPTS = 8  # some minutes: somebody may read a table for long

log = logging.getLogger(__name__)


def add_upkeep(core: Core) -> None:
    """The months of tables are made ahead, too, where a server keeps them."""
    months = core.settings.audit_months

    async def make_months(_: Job) -> Result:
        async with core.database.writing() as connection:
            return {"made": await make_partitions(connection, core.clock())}

    async def cut(job: Job) -> Result:
        if months == 0:
            return {"removed": 0}
        async with job.finishing() as connection:
            job.result = await cut_off(connection, core.audit, months, core.clock())
        return None

    async def check(_: Job) -> Result:
        chain = await core.audit.check()
        if chain.broken_at is not None:
            log.error("the audit log is not whole: %s", sentence(chain))
            raise Conflict("audit-broken", sentence(chain))
        return {"is_whole": True, "begins_after": chain.cut.number if chain.cut else 0}

    if core.settings.database_url is not None:
        core.jobs.every("months.make", DAY, make_months, attempts=ATTEMPTS)
    core.jobs.every("audit.cut", DAY, cut, attempts=ATTEMPTS)
    core.jobs.every(CHECK, DAY, check, attempts=1)


def sentence(chain: Chain) -> str:
    """What a check has found, for whoever operates the hub."""
    if chain.is_cut_unproved:
        return (
            f"The audit log was cut off after entry {chain.broken_at}, and not by the hub: "
            "somebody removed what was before."
        )
    if chain.broken_at is not None:
        return f"The audit log is broken at entry {chain.broken_at}: it was changed or is missing."
    if chain.cut is not None:
        return (
            f"The audit log is whole, from entry {chain.cut.number + 1} on; the months before are "
            "over."
        )
    return "The audit log is whole."
