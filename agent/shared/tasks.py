"""Every task has an owner and a name; this is the only place that makes one."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@asynccontextmanager
async def running(**jobs: Coroutine[Any, Any, None]) -> AsyncIterator[None]:  # Any: of typeshed
    """Jobs live exactly as long as the block. If one fails, the block is cancelled and sees why."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job, name=name) for name, job in jobs.items()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


def beside(job: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
    """A task that belongs to the caller's own: the caller keeps it, and cancels it at its end."""
    return asyncio.get_running_loop().create_task(job, name=name)


class Tasks:
    """Owns tasks that come and go, and waits for all of them when it closes."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._others: set[asyncio.Task[Any]] = set()  # Any: each gives something else

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, job: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Runs `job`, which reports its own failures; an unexpected one is logged by the loop."""
        task = asyncio.get_running_loop().create_task(job, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def to_the_end(self, work: Coroutine[Any, Any, T], *, name: str) -> T:  # Any: of typeshed
        """What `work` gives. It goes on when the one who waits for it is cancelled."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._others.add(task)
        task.add_done_callback(self._others.discard)
        return await asyncio.shield(task)

    async def finish(self, *, grace_s: float) -> None:
        """As `close`, but what goes to its end has `grace_s` for that."""
        if self._others:
            await asyncio.wait(self._others, timeout=grace_s)
        await self.close()

    async def close(self, *, grace_s: float = 2.0) -> None:
        """Cancels what runs and waits until it has ended, `grace_s` at most."""
        for task in (tasks := self._tasks | self._others):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
