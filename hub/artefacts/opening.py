"""Files that models made."""

from dataclasses import dataclass

from hub.ai.opening import Ai
from hub.ai.rules import GENERATED
from hub.artefacts import routes
from hub.artefacts.answers import AnswerFiles, Checks, GeneratedPurpose
from hub.artefacts.checking import Checker
from hub.artefacts.keeping import Keeper
from hub.artefacts.rules import CHECK
from hub.artefacts.service import ArtefactService
from hub.core import Area, Core


@dataclass(frozen=True, slots=True)
class Artefacts:
    """`files` is what keeps those of other answers: conversations hand it theirs."""

    area: Area
    files: AnswerFiles


async def open_artefacts(core: Core, ai: Ai) -> Artefacts:
    """What keeps, checks, compares and hands out files."""
    settings, database = core.settings, core.database
    keeper = Keeper(core.clock, core.new_id, most_mib=settings.artefacts_mib)
    checker = Checker(seconds=settings.check_s)
    service = ArtefactService(database, keeper, checker, core.audit, core.new_id)
    files = AnswerFiles(keeper, core.jobs)
    ai.service.register(GENERATED, GeneratedPurpose(files))
    core.jobs.register(CHECK, Checks(database, checker).do)
    area = Area(blueprints=(routes.routes(service), routes.set_routes(service)))
    return Artefacts(area, files)
