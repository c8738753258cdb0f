"""Every move of a file is read, as a run: it can be watched and cancelled, and what came of it
is kept."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run, RunState
from agent.runs.service import RunService
from agent.runs.store import Runs
from agent.shared import wire
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.database import Database
from agent.shared.errors import Conflict, NotFound
from agent.slicer.files.reading import findings_in
from agent.slicer.files.service import FileService
from agent.slicer.files.store import SlicerFiles
from agent.slicer.rules import Analysis, Finding, SlicerFile

STEPS = 1000  # of progress, which is told as a share of the file


class Reader(Protocol):
    """Reads every move in a process of its own; cancelling it ends that."""

    def __call__(self, path: Path, *, tell: Callable[[float], None]) -> Awaitable[Analysis]: ...


class AnalysisService:
    """One analysis of a file at a time: who asks again watches the same one."""

    def __init__(
        self,
        database: Database,
        runs: RunService,
        files: FileService,
        read: Reader,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._database, self._runs, self._files, self._read = database, runs, files, read
        self._clock, self._new_id = clock, new_id
        self._live: dict[str, LiveRun] = {}
        self._starting = asyncio.Lock()

    async def begin(self, file_id: str) -> Run:
        """The run that reads the file. Raises NotFound, or Conflict for one without moves."""
        file = await self._files.get(file_id)
        path = self._files.path_of(file)
        if file.kind != "gcode":
            raise Conflict(
                "nothing-to-analyse",
                f"{file.name} is a project. Slice it and send the G-code: that has moves.",
            )
        async with self._starting:
            if run_id := self.running(file_id):
                return await self._runs.get(run_id)
            run = Run(self._new_id(), "analysis", RunState.QUEUED, rfc3339(self._clock()))
            async with self._database.writing() as connection:
                await Runs(connection).add(run)
            job = AnalysisJob(file, path, self._read, self._clock)
            self._live[file_id] = self._runs.launch(run, job)
        return run

    async def stop(self, file_id: str) -> None:
        """Cancels the run that reads this file, if there is one, and waits for its end."""
        if run_id := self.running(file_id):
            await self._runs.cancel(run_id)

    def running(self, file_id: str) -> str | None:
        """The id of the run that reads this file now."""
        live = self._live.get(file_id)
        if live is None or live.has_ended or live.stop is not None:
            self._live.pop(file_id, None)
            return None
        return live.run.id

    async def get(self, file_id: str) -> Analysis:
        """What the latest one found. Raises NotFound."""
        return _analysis().validate_json(await self.as_json(file_id))

    async def as_json(self, file_id: str) -> bytes:
        """The same, encoded. Raises NotFound."""
        async with self._database.reading() as connection:
            packed = await SlicerFiles(connection).analysis(file_id)
        if packed is None:
            await self._files.get(file_id)
            raise NotFound(
                "not-analysed", "The moves of this file were not read yet. POST here to have it."
            )
        return await asyncio.to_thread(zlib.decompress, packed)


class AnalysisJob:
    """The job of one analysis. Implements Job."""

    def __init__(self, file: SlicerFile, path: Path, read: Reader, clock: Clock) -> None:
        self._file, self._path, self._read, self._clock = file, path, read, clock
        self._told = -1
        self._found: tuple[bytes, tuple[Finding, ...]] | None = None

    async def work(self, live: LiveRun) -> object:
        """Reads and checks. Cancelling it ends the process that reads."""
        live.mark_started()
        live.emit("started", {"file_id": self._file.id})
        analysis = await self._read(self._path, tell=lambda share: self._tell(live, share))
        self._tell(live, 1.0)
        self._found = await asyncio.to_thread(self._judge, analysis)
        return None

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        """Keeps what was found, unless the file was thrown away meanwhile."""
        about: dict[str, object] = {"file_id": self._file.id}
        if ending.state is RunState.DONE and self._found:
            packed, findings = self._found
            files, at = SlicerFiles(connection), rfc3339(self._clock())
            if await files.several([self._file.id]):
                await files.keep_analysis(self._file.id, at, packed, findings)
            return {"result": {**about, "findings": len(findings)}}
        return {**about, **({"problem": ending.problem} if ending.problem else {})}

    def _tell(self, live: LiveRun, share: float) -> None:
        completed = int(max(0.0, min(1.0, share)) * STEPS)
        if completed > self._told:
            self._told = completed
            told = {"status": "reading", "completed": completed, "total": STEPS}
            live.emit("progress", told)

    def _judge(self, analysis: Analysis) -> tuple[bytes, tuple[Finding, ...]]:
        packed = zlib.compress(_analysis().dump_json(analysis))
        return packed, findings_in(self._file.facts, analysis)


class CutOffAnalysis:
    """The job of an analysis that a crash cut off. Implements Job."""

    def __init__(self, run: Run, events: list[wire.ServerSentEvent]) -> None:
        self._about = next((event.data for event in events if event.name == "started"), {})

    async def work(self, live: LiveRun) -> object:
        raise AssertionError("a run that was cut off is not run again")

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        """Nothing is kept of half an analysis."""
        return dict(self._about)


@cache
def _analysis() -> TypeAdapter[Analysis]:
    return TypeAdapter(Analysis)
