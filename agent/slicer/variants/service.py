"""Slices a project in several ways, and puts what they come to side by side."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run, RunState
from agent.runs.service import RunService
from agent.runs.store import Runs
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.database import Database
from agent.shared.errors import Conflict, Invalid, OrcaError, Unavailable
from agent.slicer.files.service import FileService
from agent.slicer.presets.rules import Preset
from agent.slicer.presets.service import Presets
from agent.slicer.presets.values import joined
from agent.slicer.rules import Facts, PresetType, Slicer, SlicerFile
from agent.slicer.variants import asking
from agent.slicer.variants.programs import Program, ProgramKind
from agent.slicer.variants.project import copy_project
from agent.slicer.variants.rules import (
    MOST_CHANGES,
    UNCHANGED,
    Intent,
    Result,
    Variant,
    variant_for,
)
from agent.slicer.variants.slicing import Bounds, prepare, run_slicer

BLOCK_BYTES = 1 << 19
LAYER_MARKS = (b";LAYER_CHANGE", b"; CHANGE_LAYER")
NO_SLICER = (
    "No slicer was found that can be asked. Install OrcaSlicer, or say where it is in the setting "
    "orcaslicer_binary."
)
IN_ITS_PLACE = (
    "Sliced by PrusaSlicer with what it knows of these settings: compare the variants with each "
    "other, not with a slicing of OrcaSlicer's."
)
NOTHING_TO_CHANGE = (
    "Nothing would be different: it is so already, or the slicing does not say how it is set."
)
BY_PRUSA = {Slicer.PRUSA, Slicer.UNKNOWN, Slicer.CURA}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A project, and how it is to be sliced. `presets` are for a model without settings."""

    file_id: str
    variants: tuple[Variant, ...] = ()
    intents: tuple[Intent, ...] = ()
    program: ProgramKind | None = None
    presets: tuple[tuple[PresetType, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """What is sliced, by whom."""

    file: SlicerFile
    path: Path
    program: Program
    variants: tuple[Variant, ...]
    presets: tuple[Preset, ...] = ()


@dataclass(slots=True)
class Slicings:
    """Where one project after the other is sliced."""

    folder: Path
    bounds: Bounds
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class VariantService:
    """One slicing at a time: each takes the whole machine."""

    def __init__(
        self,
        database: Database,
        runs: RunService,
        files: FileService,
        presets: Presets,
        programs: Callable[[], tuple[Program, ...]],
        slicings: Slicings,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._database, self._runs, self._files, self._presets = database, runs, files, presets
        self._programs, self._slicings = programs, slicings
        self._clock, self._new_id = clock, new_id

    async def open(self) -> None:
        """Removes what a crash left."""
        await asyncio.to_thread(shutil.rmtree, self._slicings.folder, ignore_errors=True)

    async def programs(self) -> tuple[Program, ...]:
        """The slicers that can be asked."""
        return await asyncio.to_thread(self._programs)

    async def begin(self, wanted: Wanted) -> Run:
        """The run that slices. Raises NotFound, Invalid, Conflict for a file without models, or
        Unavailable where no slicer is."""
        file = await self._files.get(wanted.file_id)
        if file.kind != "3mf":
            raise Conflict(
                "nothing-to-slice",
                f"{file.name} is sliced already. Save the project as 3MF and send that.",
            )
        variants = _variants(wanted)
        presets = [await self._presets.get(*one) for one in wanted.presets]
        program = _program(await self.programs(), file.facts, wanted.program)
        task = Task(
            file,
            self._files.path_of(file),
            program,
            variants,
            tuple(presets),
        )
        run = Run(self._new_id(), "analysis", RunState.QUEUED, rfc3339(self._clock()))
        async with self._database.writing() as connection:
            await Runs(connection).add(run)
        self._runs.launch(run, VariantJob(task, self._files, self._slicings))
        return run


class VariantJob:
    """The job of slicing a project in several ways. Implements Job."""

    def __init__(self, task: Task, files: FileService, slicings: Slicings) -> None:
        self._task, self._files, self._slicings = task, files, slicings
        self._results: list[Result] = []
        # How the project is set; what it was sliced with as it is wins, once that is known.
        self._settings: dict[str, str] = _told_by(task)

    async def work(self, live: LiveRun) -> object:
        """Slices one after the other; one that fails says why and the others go on."""
        async with self._slicings.turn:
            live.mark_started()
            live.emit("started", {"file_id": self._task.file.id})
            folder = self._slicings.folder / live.run.id
            total = len(self._task.variants)
            try:
                for n, variant in enumerate(self._task.variants):
                    told = {"status": variant.name, "completed": n, "total": total}
                    live.emit("progress", told)
                    self._results.append(await self._sliced(variant, folder))
                    if n == 0:
                        await self._look_at(self._results[0])
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            live.emit("progress", {"status": "done", "completed": total, "total": total})
        if all(one.problem for one in self._results):
            raise Unavailable("slicing-failed", self._results[0].problem or "")
        return None

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        """What was sliced so far stands in the closing event."""
        about: dict[str, object] = {
            "file_id": self._task.file.id,
            "program": self._task.program.kind,
            "notes": list(_notes(self._task.program, self._task.file.facts, self._results)),
            "variants": [asdict(one) for one in self._results],
        }
        if ending.state is RunState.DONE:
            return {"result": about}
        return {**about, **({"problem": ending.problem} if ending.problem else {})}

    async def _look_at(self, unchanged: Result) -> None:
        """Wishes start from what the slicer really did, also where it used its own defaults."""
        for file_id in unchanged.files[:1]:
            self._settings |= (await self._files.get(file_id)).facts.settings

    async def _sliced(self, variant: Variant, folder: Path) -> Result:
        if variant.intent:
            variant = variant_for(variant.intent, self._settings)
            if not variant.changes:
                return Result(variant.name, (), problem=NOTHING_TO_CHANGE)
        try:
            await asyncio.to_thread(self._prepare, variant, folder)
            return await self._run(variant, folder)
        except OrcaError as err:
            return Result(variant.name, variant.changes, problem=err.detail)

    async def _run(self, variant: Variant, folder: Path) -> Result:
        task, slicings = self._task, self._slicings
        is_orca = task.program.kind == "OrcaSlicer"
        if is_orca:
            types = [one.type for one in task.presets]
            seconds = max(1, int(slicings.bounds.seconds))
            arguments = asking.orca_arguments(task.program, folder, types, seconds)
        else:
            arguments = asking.prusa_arguments(task.program, folder)
        code, said = await run_slicer(arguments, folder, slicings.bounds, slicings.environment)
        plates = await asyncio.to_thread(_plates, folder)
        if code or not plates:
            reason = asking.reason_of(code) if is_orca and code else said or "it wrote nothing"
            problem = f"{task.program.kind} did not slice it: {reason}."
            return Result(variant.name, variant.changes, problem=problem)
        return await self._kept(variant, plates)

    async def _kept(self, variant: Variant, plates: Sequence[Path]) -> Result:
        """The files among all others, so that each has its report."""
        stem = self._task.file.name.removesuffix(".3mf")
        kept = []
        for plate in plates:
            part = f" {plate.stem}" if len(plates) > 1 else ""
            name = f"{stem} ({variant.name}){part}.gcode"
            kept.append(await self._files.receive(_blocks(plate), name, source="variant"))
        facts = [file.facts for file in kept]
        seconds = [one.estimated_seconds for one in facts if one.estimated_seconds is not None]
        grams = [each.used_g for one in facts for each in one.filaments if each.used_g is not None]
        counted = [await asyncio.to_thread(_count_layers, plate) for plate in plates]
        layers = [one.layers or n for one, n in zip(facts, counted, strict=True)]
        findings = {found.id: found for file in reversed(kept) for found in file.findings}
        return Result(
            variant.name,
            variant.changes,
            seconds=sum(seconds) if seconds else None,
            grams=round(sum(grams), 3) if grams else None,
            layers=max(layers, default=0) or None,
            findings=tuple(findings.values()),
            files=tuple(file.id for file in kept),
        )

    def _prepare(self, variant: Variant, folder: Path) -> None:
        """Blocking. Raises Invalid, or Unavailable if the disk does not take it."""
        task = self._task
        is_orca = task.program.kind == "OrcaSlicer"
        most = self._slicings.bounds.size_bytes
        try:
            prepare(folder)
            changes = variant.changes if is_orca and not task.presets else ()
            copy_project(task.path, folder / asking.PROJECT, changes, most_bytes=most)
            if not is_orca:
                is_foreign = task.file.facts.slicer in {Slicer.ORCA, Slicer.BAMBU}
                settings = task.file.facts.settings
                text = asking.prusa_config(settings, variant.changes, is_foreign=is_foreign)
                (folder / "config.ini").write_text(text, "utf-8")
            printer = next((one.name for one in task.presets if one.type == "machine"), None)
            for n, preset in enumerate(task.presets):
                flat = asking.flat_preset(preset, variant.changes, printer)
                asking.preset_file(folder, n).write_text(json.dumps(flat, indent=1), "utf-8")
        except OSError as err:
            raise Unavailable(
                "slicing-failed", f"The project cannot be copied to be sliced: {err.strerror}."
            ) from err


def _told_by(task: Task) -> dict[str, str]:
    """What the project says, or the presets that it is sliced with."""
    found = dict(task.file.facts.settings)
    for preset in task.presets:
        found |= {key: joined(key, value) for key, value in preset.settings.items()}
    return found


def _variants(wanted: Wanted) -> tuple[Variant, ...]:
    """The project as it is first, then what was asked for. Raises Invalid."""
    variants = [Variant(UNCHANGED), *wanted.variants]
    variants += [Variant(intent, intent=intent) for intent in wanted.intents]
    for variant in variants:
        if len(variant.changes) > MOST_CHANGES:
            raise Invalid("too-many-changes", f"A variant has {MOST_CHANGES} changes at the most.")
        for change in variant.changes:
            if refusal := asking.refusal_of(change):
                raise Invalid("refused-change", refusal, key=change.key[:60])
    return tuple(variants)


def _program(programs: Sequence[Program], facts: Facts, wanted: ProgramKind | None) -> Program:
    """The one that was asked for, else the one that the project is from."""
    if wanted is None:
        kinds: tuple[ProgramKind, ...] = ("OrcaSlicer", "PrusaSlicer")
        order = tuple(reversed(kinds)) if facts.slicer in BY_PRUSA else kinds
    else:
        order = (wanted,)
    for kind in order:
        for program in programs:
            if program.kind == kind:
                return program
    raise Unavailable("no-slicer", NO_SLICER)


def _notes(program: Program, facts: Facts, variants: Sequence[Result]) -> tuple[str, ...]:
    if program.kind == "OrcaSlicer":
        return ()
    notes = [IN_ITS_PLACE] if facts.slicer in {Slicer.ORCA, Slicer.BAMBU} else []
    unknown = [key for one in variants for key in asking.untranslated(one.changes)]
    if unknown:
        keys = ", ".join(dict.fromkeys(unknown))
        notes.append(f"PrusaSlicer has no such setting, and left it as it was: {keys}.")
    return tuple(notes)


def _plates(folder: Path) -> list[Path]:
    found = (folder / asking.OUT).glob("*.gcode")
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def _count_layers(path: Path) -> int:
    """By the marks between them: PrusaSlicer says no number."""
    with path.open("rb") as file:
        return sum(line.startswith(LAYER_MARKS) for line in file)


async def _blocks(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while block := await asyncio.to_thread(file.read, BLOCK_BYTES):
            yield block
    finally:
        file.close()
