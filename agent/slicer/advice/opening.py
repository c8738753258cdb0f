"""Builds what advises, of the parts that know something."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from quart import Blueprint

from agent.guide.service import Guide
from agent.images.service import ImageService
from agent.inference.service import AnswerService
from agent.shared.clock import Clock, NewId
from agent.shared.database import Database
from agent.shared.errors import NotFound, OrcaError
from agent.slicer.advice.advising import Advising
from agent.slicer.advice.desk import Desk
from agent.slicer.advice.diagnosis import Diagnosis
from agent.slicer.advice.gathering import Gathering
from agent.slicer.advice.routes import routes
from agent.slicer.advice.service import AdviceService
from agent.slicer.advice.sources import Ended, Sources
from agent.slicer.context.service import ContextService
from agent.slicer.files.analysing import AnalysisService
from agent.slicer.files.service import FileService
from agent.slicer.presets.service import Presets
from agent.slicer.rules import Analysis, SlicerFile

LATER_FILES = 30
PICTURE_EDGE = 1024


@dataclass(frozen=True, slots=True)
class Advice:
    """What conversations and the HTTP side get of it."""

    desk: Desk
    blueprint: Blueprint


def open_advice(
    database: Database,
    answers: AnswerService,
    guide: Guide,
    sources: Sources,
    context_tokens: Callable[[], Awaitable[int]],
    clock: Clock,
    new_id: NewId,
) -> Advice:
    """Nothing of it has to be closed."""
    gathering = Gathering(sources, guide)
    advising = Advising(answers, gathering, context_tokens)
    service = AdviceService(database, sources, gathering, advising, clock, new_id)
    desk = Desk(database, sources, guide, gathering, service)
    diagnosis = Diagnosis(answers, gathering, guide, context_tokens)
    return Advice(desk, routes(service, desk, diagnosis))


def sources_of(
    files: FileService,
    analyses: AnalysisService,
    images: ImageService,
    contexts: ContextService,
    presets: Presets,
) -> Sources:
    """What the kept files, the slicer's folders and its live state tell."""

    async def ended(file_id: str) -> Ended | None:
        found = (await files.see(file_id)).ended
        return Ended(found.result.value, found.note) if found and found.result else None

    async def files_since(moment: str) -> list[SlicerFile]:
        seen = await files.latest(None, LATER_FILES)
        return [await files.get(one.file.id) for one in seen if one.file.created_at > moment]

    async def analysis(file_id: str) -> Analysis | None:
        try:
            return await analyses.get(file_id)
        except NotFound:  # nobody has asked for it yet
            return None

    async def picture(file: SlicerFile, plate: int) -> str | None:
        at = plate if file.kind == "3mf" else None
        try:
            return await images.bytes_for_model(await files.thumbnail(file.id, PICTURE_EDGE, at))
        except OrcaError:  # a picture that cannot be read is none
            return None

    return Sources(
        files.get, ended, files_since, analysis, picture, presets.get, presets.names, contexts.fresh
    )
