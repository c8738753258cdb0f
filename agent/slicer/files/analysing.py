"""Every move of a file is read, as a run: it can be watched and cancelled, and what came of it
is kept."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run, RunState
from agent.runs.service import RunService
from agent.runs.store import Runs
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.database import Database
from agent.shared.errors import Conflict, NotFound, OrcaError, Unavailable
from agent.slicer.files.reading import findings_in, plate_read
from agent.slicer.files.service import FileService
from agent.slicer.files.store import SlicerFiles
from agent.slicer.files.unpacking import unpacked
from agent.slicer.rules import Analysis, Facts, Finding, SlicerFile
from agent.slicer.threemf.gcode import choose_plate

STEPS = 1000  # of progress, which is told as a share of the file
UNPACKING = 0.1  # of it, where there is something to unpack


class Reader(Protocol):
    """Reads every move in a process of its own; cancelling it ends that."""

    def __call__(self, path: Path, *, tell: Callable[[float], None]) -> Awaitable[Analysis]: ...


@dataclass(frozen=True, slots=True)
class Source:
    """Where the moves are: in the file itself, or in a plate of a project."""

    file: SlicerFile
    path: Path
    plate: int | None

    @property
    def shown(self) -> str:
        name = self.file.name
        return name if self.plate is None else f"Plate {self.plate} of {name}"


class Moves(Protocol):
    """The G-code of a source as a file, within the block. `tell` hears how far that is."""

    def __call__(
        self, source: Source, run_id: str, tell: Callable[[float], object]
    ) -> AbstractAsyncContextManager[Path]: ...


@dataclass(frozen=True, slots=True)
class Found:
    """What is kept: the analysis packed, and the facts if it added some."""

    packed: bytes
    findings: tuple[Finding, ...]
    facts: Facts | None = None


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
        self._live: dict[str, tuple[LiveRun, int | None]] = {}  # with the plate
        self._starting = asyncio.Lock()
        self._unpacking = asyncio.Semaphore(1)  # one plate lies unpacked on the disk at a time

    async def begin(self, file_id: str, plate: int | None = None) -> Run:
        """The run that reads the file, or a plate of a project: the first that is sliced.

        Raises NotFound; Conflict for one without moves, and while another plate is read."""
        file = await self._files.get(file_id)
        path = self._files.path_of(file)
        async with self._starting:
            if run_id := self.running(file_id):
                return await self._joined(file, plate, run_id)
            source = Source(file, path, await asyncio.to_thread(_plate_of, file, path, plate))
            run = Run(self._new_id(), "analysis", RunState.QUEUED, rfc3339(self._clock()))
            async with self._database.writing() as connection:
                await Runs(connection).add(run)
            job = AnalysisJob(source, self._moves, self._read, self._clock)
            self._live[file_id] = (self._runs.launch(run, job), source.plate)
        return run

    async def ended(self, run_id: str) -> Run:
        """The run when it has come to its end. Raises NotFound."""
        if live := self._runs.live(run_id):
            while not live.has_ended:
                await live.wait_for_more(live.ring.last_seq)
        return await self._runs.get(run_id)

    async def stop(self, file_id: str) -> None:
        """Cancels the run that reads this file, if there is one, and waits for its end."""
        if run_id := self.running(file_id):
            await self._runs.cancel(run_id)

    def running(self, file_id: str) -> str | None:
        """The id of the run that reads this file now."""
        live, _ = self._live.get(file_id, (None, None))
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

    async def _joined(self, file: SlicerFile, plate: int | None, run_id: str) -> Run:
        _, read = self._live[file.id]
        if plate not in (None, read):
            raise Conflict(
                "still-analysing",
                f"Another plate of {file.name} is being read. Wait for its end, or cancel it.",
            )
        return await self._runs.get(run_id)

    @asynccontextmanager
    async def _moves(
        self, source: Source, run_id: str, tell: Callable[[float], object]
    ) -> AsyncIterator[Path]:
        """The G-code itself; that of a project lies beside it within the block."""
        if source.plate is None:
            yield source.path
            return
        async with self._unpacking:
            part = self._files.scratch(run_id)
            limit = self._files.limit_bytes
            async with unpacked(source.path, source.plate, part, most=limit, tell=tell) as path:
                yield path


class AnalysisJob:
    """The job of one analysis. Implements Job."""

    def __init__(self, source: Source, moves: Moves, read: Reader, clock: Clock) -> None:
        self._source, self._moves, self._read, self._clock = source, moves, read, clock
        self._about: dict[str, object] = {"file_id": source.file.id}
        if source.plate is not None:
            self._about["plate"] = source.plate
        self._told = -1
        self._found: Found | None = None

    async def work(self, live: LiveRun) -> object:
        """Reads and checks. Cancelling it ends the process that reads."""
        live.mark_started()
        live.emit("started", self._about)
        share = UNPACKING if self._source.plate is not None else 0.0
        moves = self._moves(
            self._source, live.run.id, lambda done: self._tell(live, done * share, "unpacking")
        )
        async with moves as path:
            try:
                analysis = await self._read(
                    path, tell=lambda done: self._tell(live, share + done * (1 - share))
                )
            except OrcaError as err:  # its sentence names the file as it lies on this disk
                shown = err.detail.replace(path.name, self._source.shown)
                raise type(err)(err.code, shown, **err.extra) from None
            self._tell(live, 1.0)
            self._found = await asyncio.to_thread(self._judge, path, analysis)
        return None

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        """Keeps what was found, unless the file was thrown away meanwhile."""
        about, file_id = self._about, self._source.file.id
        if ending.state is RunState.DONE and self._found:
            found = self._found
            files, at = SlicerFiles(connection), rfc3339(self._clock())
            if await files.several([file_id]):
                await files.keep_analysis(file_id, at, found.packed, found.findings, found.facts)
            return {"result": {**about, "findings": len(found.findings)}}
        return {**about, **({"problem": ending.problem} if ending.problem else {})}

    def _tell(self, live: LiveRun, share: float, status: str = "reading") -> None:
        completed = int(max(0.0, min(1.0, share)) * STEPS)
        if completed > self._told:
            self._told = completed
            told = {"status": status, "completed": completed, "total": STEPS}
            live.emit("progress", told)

    def _judge(self, path: Path, analysis: Analysis) -> Found:
        facts, plate = self._source.file.facts, self._source.plate
        if plate is None:
            return Found(_packed(analysis), findings_in(facts, analysis))
        added, analysis, findings = plate_read(facts, plate, path, analysis)
        return Found(_packed(analysis), findings, None if added == facts else added)


def _plate_of(file: SlicerFile, path: Path, plate: int | None) -> int | None:
    """Whose moves are read. Raises Conflict where there are none."""
    if file.kind == "gcode":
        if plate is not None:
            raise Conflict(
                "nothing-to-analyse",
                f"{file.name} is a G-code by itself and has no plates. Ask without a plate.",
            )
        return None
    try:
        return choose_plate(path, plate, file.name)
    except OSError as err:
        raise Unavailable("analysis-failed", "The file cannot be read. Is it still there?") from err


def _packed(analysis: Analysis) -> bytes:
    return zlib.compress(_analysis().dump_json(analysis))


@cache
def _analysis() -> TypeAdapter[Analysis]:
    return TypeAdapter(Analysis)
