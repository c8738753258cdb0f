"""How runs are written down: what has happened so far, and how they end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from agent.runs.jobs import Job
from agent.runs.live import LiveRun
from agent.runs.owning import Ownership, TakenError
from agent.runs.rules import CLOSING_EVENT, Chunk, Ending, Run
from agent.runs.store import Runs
from agent.shared import wire
from agent.shared.databases import Databases


@dataclass(frozen=True, slots=True)
class Last:
    """What there is to write down at the end of a run."""

    run: Run  # as it is then
    unsaved: Chunk | None
    is_told: bool  # its readers have heard already how it ended

    @classmethod
    def of(cls, run: Run, ending: Ending, live: LiveRun | None, ended_at: str) -> Self:
        is_told = live is not None and live.has_ended
        last_seq = (live.ring.last_seq if live else run.last_seq) + (not is_told)
        ended = replace(
            run,
            state=ending.state,
            ended_at=ended_at,
            last_seq=last_seq,
            problem=ending.problem,
        )
        return cls(ended, live.ring.unsaved() if live else None, is_told)

    def closing(self, data: object) -> Chunk | None:
        """The last event, unless readers have had it."""
        seq = self.run.last_seq
        payload = wire.encode(seq, CLOSING_EVENT[self.run.state], data)
        return None if self.is_told else Chunk(seq, seq, payload)


class Pen:
    """Each step is one transaction."""

    def __init__(self, database: Databases, ownership: Ownership | None = None) -> None:
        """Without `ownership` every run of the database is this program's."""
        self._database, self._ownership = database, ownership

    async def save(self, rows: Sequence[tuple[Run, Chunk]]) -> set[str]:
        """Events of runs, each of which is there once; gives the ids of the runs that are still
        this program's."""
        async with self._database.writing() as connection:
            held = {run.id for run, _ in rows}
            if self._ownership is not None:
                held = await self._ownership.held(connection, [run for run, _ in rows])
            await Runs(connection).append((run.id, chunk) for run, chunk in rows if run.id in held)
        return held

    async def end(
        self, run: Run, job: Job, ending: Ending, live: LiveRun | None, ended_at: str
    ) -> tuple[Run, Chunk | None]:
        """Everything that a run leaves behind; gives it as it is then, and the event that readers
        have not seen yet. Raises TakenError."""
        async with self._database.writing() as connection:
            if self._ownership and not await self._ownership.held(connection, [run]):
                raise TakenError
            last = Last.of(run, ending, live, ended_at)
            closing = last.closing(await job.conclude(connection, last.run, ending, live))
            runs = Runs(connection)
            await runs.append([(run.id, chunk) for chunk in (last.unsaved, closing) if chunk])
            await runs.end(last.run)
        return last.run, closing
