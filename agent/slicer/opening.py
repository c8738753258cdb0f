"""Builds the parts that read the slicer's files and speak to printers, and their routes."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quart import Blueprint

from agent.guide.service import Guide
from agent.images.service import ImageService
from agent.inference.backends import Backends
from agent.inference.inference import Inference
from agent.inference.service import AnswerService
from agent.models.service import ModelService
from agent.runs.jobs import Recovery
from agent.runs.recovering import CutOffRun
from agent.runs.service import RunService
from agent.settings import Settings
from agent.shared.clock import Clock, NewId
from agent.shared.database import Database
from agent.shared.secrets import Secrets
from agent.slicer.advice.desk import Desk
from agent.slicer.advice.opening import open_advice, sources_of
from agent.slicer.calibrations import routes as calibration_routes
from agent.slicer.calibrations.service import CalibrationService
from agent.slicer.checks import routes as check_routes
from agent.slicer.context import routes as context_routes
from agent.slicer.context.service import ContextService
from agent.slicer.files import routes as file_routes
from agent.slicer.files.analysing import AnalysisService
from agent.slicer.files.service import Bounds, FileService
from agent.slicer.gcode.analysis import AnalysisWorker
from agent.slicer.plugin import routes as plugin_routes
from agent.slicer.plugin.service import PluginService
from agent.slicer.presets import routes as preset_routes
from agent.slicer.presets.parents import PresetParents
from agent.slicer.presets.places import data_folders
from agent.slicer.presets.service import Presets
from agent.slicer.printers import routes as printer_routes
from agent.slicer.printers.opening import PrinterParts, open_printers
from agent.slicer.printhost import faces
from agent.slicer.printhost import routes as host_routes
from agent.slicer.printhost.checking import MoveReader
from agent.slicer.printhost.service import PrintHost
from agent.slicer.questionnaire import routes as questionnaire_routes
from agent.slicer.variants import routes as variant_routes
from agent.slicer.variants.programs import Program, ProgramKind, find_programs
from agent.slicer.variants.service import Slicings, VariantService
from agent.slicer.variants.slicing import Bounds as SlicingBounds
from agent.telemetry.service import Telemetry


@dataclass(frozen=True, slots=True)
class Needs:
    """What the slicer's parts are given by the rest of the agent."""

    settings: Settings
    database: Database
    runs: RunService
    images: ImageService
    models: ModelService
    backends: Backends
    secrets: Secrets
    clock: Clock
    new_id: NewId
    inference: Inference
    answers: AnswerService
    guide: Guide
    telemetry: Telemetry
    context_tokens: Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class SlicerParts:
    """What the agent registers and runs.

    `desk` is what conversations are given of it. `jobs` go on as long as the program, `tidying`
    is done now and then, and `recoveries` end the runs of a kind that an earlier start left
    alive."""

    desk: Desk
    host: PrintHost
    files: FileService
    blueprints: tuple[Blueprint, ...] = ()
    jobs: Mapping[str, Callable[[], Coroutine[Any, Any, None]]] = field(  # Any: of typeshed
        default_factory=dict
    )
    tidying: tuple[Callable[[], Awaitable[object]], ...] = ()
    recoveries: Mapping[str, Recovery] = field(default_factory=dict)


@asynccontextmanager
async def open_slicer(needs: Needs) -> AsyncIterator[SlicerParts]:
    """Opens every part in the order in which they need each other; closes them in reverse."""
    async with AsyncExitStack() as stack:
        files = await _files(needs, stack)
        printers = await stack.enter_async_context(_printers(needs, files))
        read = AnalysisWorker().analysis_of
        analyses = AnalysisService(
            needs.database, needs.runs, files, read, needs.clock, needs.new_id
        )
        reader = MoveReader(analyses, needs.settings.slicer_check_seconds)
        host = PrintHost(needs.database, files, printers.outlet, reader, needs.clock, needs.new_id)
        stack.push_async_callback(host.close)
        await host.open()
        programs = _programs(needs.settings)
        presets, plugin = _in_slicer_folders(needs.settings, programs)
        variants = await _variants(needs, files, presets, programs)
        calibrations = CalibrationService(needs.clock, PresetParents(presets))
        contexts = ContextService(needs.clock)
        advice = open_advice(
            needs.database,
            needs.answers,
            needs.guide,
            sources_of(files, analyses, needs.images, contexts, presets),
            needs.context_tokens,
            needs.clock,
            needs.new_id,
        )
        yield SlicerParts(
            desk=advice.desk,
            host=host,
            files=files,
            blueprints=(
                file_routes.routes(files, analyses),
                file_routes.notice_routes(files),
                host_routes.routes(host),
                faces.octoprint_routes(host, files),
                faces.moonraker_routes(host, files),
                printer_routes.routes(printers.registry, printers.looks),
                printer_routes.print_routes(printers.registry, files, printers.watch, host.send),
                calibration_routes.routes(calibrations),
                check_routes.routes(),
                plugin_routes.routes(plugin),
                preset_routes.routes(presets, files.get),
                variant_routes.routes(variants),
                context_routes.routes(contexts, needs.clock),
                questionnaire_routes.routes(needs.guide),
                advice.blueprint,
            ),
            jobs={"prints": printers.watch.run, "checks": host.check_again},
            recoveries={"analysis": CutOffRun, "forward": CutOffRun},
        )


async def _files(needs: Needs, stack: AsyncExitStack) -> FileService:
    settings = needs.settings
    files = FileService(
        needs.database,
        settings.slicer_dir,
        Bounds(
            settings.slicer_file_mb << 20,
            settings.slicer_keep_files,
            settings.slicer_keep_mb << 20,
        ),
        needs.clock,
        needs.new_id,
    )
    stack.push_async_callback(files.close)
    await files.open()
    return files


def _printers(needs: Needs, files: FileService) -> AbstractAsyncContextManager[PrinterParts]:
    return open_printers(
        needs.settings,
        needs.database,
        needs.secrets,
        needs.runs,
        needs.images,
        files,
        clock=needs.clock,
        new_id=needs.new_id,
    )


def _programs(settings: Settings) -> Callable[[], tuple[Program, ...]]:
    wanted: dict[ProgramKind, Path | None] = {
        "OrcaSlicer": settings.orcaslicer_binary,
        "PrusaSlicer": settings.prusaslicer_binary,
    }
    return lambda: find_programs(wanted, os.environ)


def _in_slicer_folders(
    settings: Settings, programs: Callable[[], tuple[Program, ...]]
) -> tuple[Presets, PluginService]:
    """What is found in the data folders of OrcaSlicer, a portable one's included."""
    wanted = settings.slicer_data_folders

    def beside() -> list[Path]:
        return [program.path for program in programs()]

    return Presets(wanted, os.environ, beside), PluginService(
        settings.data_dir, lambda: data_folders(wanted, os.environ, beside())
    )


async def _variants(
    needs: Needs,
    files: FileService,
    presets: Presets,
    programs: Callable[[], tuple[Program, ...]],
) -> VariantService:
    settings = needs.settings
    variants = VariantService(
        needs.database,
        needs.runs,
        files,
        presets,
        programs,
        Slicings(
            settings.data_dir / "slicing",
            SlicingBounds(settings.slicing_seconds, settings.slicing_mb << 20),
        ),
        needs.clock,
        needs.new_id,
    )
    await variants.open()
    return variants
