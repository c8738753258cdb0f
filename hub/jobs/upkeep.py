"""What the hub does by itself to stay small."""

from datetime import timedelta

from agent.shared.clock import rfc3339
from hub.core import Core
from hub.jobs.running import Job, Result
from hub.jobs.store import JobTable

DONE_FOR, FAILED_FOR = timedelta(days=7), timedelta(days=30)
BATCH = 1000


def add_upkeep(core: Core) -> None:
    """Each part adds its own; this is that of the jobs."""

    async def forget_jobs(job: Job) -> Result:
        now, gone = core.clock(), 0
        for states, kept in ((("done", "cancelled"), DONE_FOR), (("failed",), FAILED_FOR)):
            while True:
                async with core.database.writing() as connection:
                    some = await JobTable(connection).forget(rfc3339(now - kept), states, BATCH)
                gone += some
                if some < BATCH:
                    break
                await job.progress(0.5, f"{gone} removed")
        return {"removed": gone}

    core.jobs.every("jobs.forget", timedelta(hours=1), forget_jobs)
