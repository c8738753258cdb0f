"""Has every move of a file for a printer read, before it is held or goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agent.runs.rules import Run, RunState
from agent.shared.errors import OrcaError, TimedOut
from agent.shared.problems import describe
from agent.slicer.files.analysing import AnalysisService


@dataclass(frozen=True, slots=True)
class Read:
    """How the reading ended; `problem` says what it came to grief of, where that is known."""

    is_whole: bool
    problem: dict[str, object] | None = None


class MoveReader:
    """One reading may take `most_s` seconds, with the time in which it waits for others."""

    def __init__(self, analyses: AnalysisService, most_s: float) -> None:
        self._analyses, self._most_s = analyses, most_s

    async def __call__(
        self, file_id: str, name: str, begun: Callable[[Run], Awaitable[object]]
    ) -> Read | None:
        """`begun` is told of the run. None if the agent ends meanwhile."""
        try:
            run = await self._analyses.begin(file_id)
            await begun(run)
            async with asyncio.timeout(self._most_s):
                run = await self._analyses.ended(run.id)
        except OrcaError as err:
            return Read(is_whole=False, problem=describe(err))
        except TimeoutError:
            await self._analyses.stop(file_id)
            return Read(is_whole=False, problem=describe(self._too_slow(name)))
        if run.state is RunState.INTERRUPTED:
            return None
        return Read(is_whole=run.state is RunState.DONE, problem=run.problem)

    def _too_slow(self, name: str) -> TimedOut:
        return TimedOut(
            "analysis-too-slow",
            f"Reading every move of {name} takes longer than {self._most_s:g} seconds. The setting "
            "slicer_check_seconds says how long it may take.",
        )
