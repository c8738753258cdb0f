"""Runs that a crash cut off, and of which nothing more is kept than what they were about."""

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run
from agent.shared import wire


class CutOffRun:
    """The job of such a run: it ends with what its `started` said. Implements Job."""

    def __init__(self, run: Run, events: list[wire.ServerSentEvent]) -> None:
        self._about = next((dict(event.data) for event in events if event.name == "started"), {})

    async def work(self, live: LiveRun) -> object:
        raise AssertionError("a run that was cut off is not run again")

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        return self._about
