"""The runs of this part: a backup that is made, and one that is made ready to be restored."""

import time
from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.keeping.watching import Tell
from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run, RunState

TELL_EVERY_S = 0.25


class BackingUp:
    """Implements Job."""

    def __init__(self, make: Callable[[Tell], Awaitable[tuple[str, int]]]) -> None:
        self._make = make

    async def work(self, live: LiveRun) -> object:
        """Cancelling it leaves no file."""
        live.mark_started()
        live.emit("started", {})
        name, size_bytes = await self._make(progress_of(live))
        return {"name": name, "size_bytes": size_bytes}

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        return _closing(ending, {})


class Restoring:
    """Implements Job."""

    def __init__(
        self,
        name: str,
        stage: Callable[[Tell], Awaitable[None]],
        restart: Callable[[], None] | None,
    ) -> None:
        self._name, self._stage, self._restart = name, stage, restart

    async def work(self, live: LiveRun) -> object:
        """Cancelling it leaves everything as it is."""
        live.mark_started()
        live.emit("started", {"name": self._name})
        await self._stage(progress_of(live))
        return {"name": self._name, "restarts": self._restart is not None}

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        return _closing(ending, {"name": self._name})


def progress_of(live: LiveRun) -> Tell:
    """Events `progress` of the run: not too many, but each change of what is done."""
    told_at, told = -TELL_EVERY_S, ""

    def tell(status: str, completed: int, total: int) -> None:
        nonlocal told_at, told
        now = time.monotonic()
        if live.has_ended or (status == told and now - told_at < TELL_EVERY_S):
            return
        told_at, told = now, status
        live.emit("progress", {"status": status, "completed": completed, "total": total})

    return tell


def _closing(ending: Ending, about: dict[str, object]) -> dict[str, object]:
    if ending.state is RunState.DONE:
        return {"result": ending.result}
    return {**about, **({"problem": ending.problem} if ending.problem else {})}
