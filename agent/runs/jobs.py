"""What a run does, as those who run it and write it down see it."""

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run
from agent.shared import wire


class Job(Protocol):
    """What a run does. Chats, pulls and batches are jobs."""

    async def work(self, live: LiveRun) -> object:
        """Does it, telling what happens by events; returns its result. May raise OrcaError."""

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        """Writes down what came of it, in the transaction that ends the run; returns the data
        of the closing event. `live` is None after a crash."""


class Recovery(Protocol):
    """Makes the job of a run that a crash cut off, from the events that were saved."""

    def __call__(self, run: Run, events: list[wire.ServerSentEvent]) -> Job: ...
