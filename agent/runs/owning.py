"""Runs of several programs that share a database, and those that nobody can write down."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run


class Ownership(Protocol):
    """Which runs are this program's, where several share a database."""

    async def held(self, connection: AsyncConnection, runs: Sequence[Run]) -> set[str]:
        """The ids of those that are still this program's; nobody takes them before the transaction
        ends. Writes down how they stand."""


class TakenError(Exception):
    """Another program has ended the run."""


class Unwritten:
    """The job of a run whose own could not conclude it, by a mistake. Implements Job."""

    async def work(self, live: LiveRun) -> object:
        raise AssertionError("it has worked already")

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        return {"problem": ending.problem}
