"""Runs that are under way while they are written down, so that what takes time begins at once."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from agent.runs.jobs import Job
from agent.runs.live import LiveRun
from agent.runs.rules import Run
from agent.runs.store import Runs
from agent.shared.databases import Databases


class Launching:
    """Around the transaction that adds runs. Nobody hears of such a run before the end of the
    block; if the block raises, there never was one.

    async with runs.launching() as launching, database.writing() as connection:
        await Runs(connection).add(run)
        launching.launch(run, job)
    """

    def __init__(
        self,
        database: Databases,
        set_going: Callable[[Run, Job], LiveRun],
        keep: Callable[[LiveRun], None],
    ) -> None:
        """`keep` is for those that the database has from then on."""
        self._database, self._set_going, self._keep = database, set_going, keep
        self._launched: list[LiveRun] = []

    def launch(self, run: Run, job: Job) -> None:
        """Sets it going. Its job writes nothing before `live.kept` is set."""
        self._launched.append(self._set_going(run, job))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        there = set()
        try:
            if error is None:
                there = {live.run.id for live in self._launched}
            elif isinstance(error, asyncio.CancelledError):
                # Who asked has left, perhaps amidst a commit, which goes on without him.
                there = await self._there()
        finally:
            for live in self._launched:
                if live.run.id in there:
                    self._keep(live)
                else:
                    live.drop()

    async def _there(self) -> set[str]:
        if not self._launched:
            return set()
        async with self._database.reading() as connection:
            found = [await Runs(connection).find(live.run.id) for live in self._launched]
        return {run.id for run in found if run is not None}
