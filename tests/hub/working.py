"""A worker, or a hub without a server, that knows jobs which tests can hold in the middle.

    python -m tests.hub.working

What is in the folder ORCA_HUB_DATA_DIR says how far they may go."""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from agent.shared.tasks import running
from hub.app import Hub, open_hub
from hub.jobs.finding import Kind
from hub.jobs.running import Job, Result
from hub.settings import load

LEASE_S = 4  # a worker that stands still for a moment does not lose its job
EFFECT, HELD = "test.effect", "test.held"


def know(hub: Hub, folder: Path) -> None:
    """Teaches a hub the jobs of the tests."""

    async def effect(job: Job) -> Result:
        """Changes something; the first attempt stays in the middle of its transaction for ever,
        if the payload says so."""
        async with job.finishing() as connection:
            await hub.core.audit.note(connection, EFFECT, job.id, attempt=job.attempt)
            if job.attempt == 1 and job.payload.get("hangs"):
                (folder / f"{job.id}.inside").touch()
                await asyncio.Event().wait()
            job.result = {"attempt": job.attempt, "process": os.getpid()}
        return None

    async def held(job: Job) -> Result:
        """Runs until there is a file that lets it go."""
        (folder / f"{job.id}.inside").touch()
        while not (folder / f"{job.id}.go").exists():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
        return {"attempt": job.attempt, "process": os.getpid()}

    hub.jobs.jobs.register(EFFECT, effect, lease_s=LEASE_S)
    hub.jobs.jobs.register(HELD, held, lease_s=LEASE_S)


async def main() -> None:
    settings, stop = load(), asyncio.Event()
    folder = Path(os.environ.get("ORCA_TEST_FOLDER", settings.data_dir))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    kind: Kind = "hub" if settings.redis_url is None else "worker"
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(open_hub(settings, kind=kind))
        know(hub, folder)
        if hub.jobs.by_redis is not None:
            await stack.enter_async_context(running(listen=hub.jobs.by_redis.listen(2)))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
