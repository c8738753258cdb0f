"""Conversations: what is kept of them, and how an answer in one is made."""

from dataclasses import dataclass

from agent.chat.answering import Parts
from agent.chat.asking import AskingService
from agent.chat.prompt import Limits
from agent.chat.service import ConversationService
from agent.chat.transfer import TransferService
from agent.models.pulling import PullService
from agent.models.upkeep import UpkeepService
from agent.slicer.advice.desk import Desk
from agent.wiring.answers import Answers
from agent.wiring.core import Core
from agent.wiring.servers import Servers


@dataclass(frozen=True, slots=True)
class Talking:
    """Conversations, and the models that they name."""

    conversations: ConversationService
    asking: AskingService
    transfer: TransferService
    pulls: PullService
    upkeep: UpkeepService


def open_talking(core: Core, servers: Servers, answers: Answers, desk: Desk) -> Talking:
    """Nothing of it has to be closed: answers are runs."""
    settings, clock, new_id = core.settings, core.clock, core.new_id
    parts = _parts(core, servers, answers, desk)
    conversations = ConversationService(core.database, core.runs, clock, new_id)
    pulls = PullService(
        servers.backends, core.runs, core.database, clock, new_id, allowed=settings.allowed
    )
    upkeep = UpkeepService(
        servers.models,
        servers.backends,
        pulls,
        named_by=conversations.count_naming,
        context_tokens=servers.context_tokens,
        keep_alive=settings.keep_alive,
    )
    return Talking(
        conversations,
        AskingService(parts, core.runs, clock, new_id),
        TransferService(core.database, answers.images, clock),
        pulls,
        upkeep,
    )


def _parts(core: Core, servers: Servers, answers: Answers, desk: Desk) -> Parts:
    settings = core.settings
    limits = Limits(
        context_tokens=settings.context_tokens,
        answer_tokens=settings.answer_tokens,
        keep_alive=settings.keep_alive,
        uses_guide=settings.guide,
    )
    return Parts(
        core.database,
        servers.ollama,
        servers.queues,
        servers.inference,
        servers.models,
        answers.images,
        answers.guide,
        limits,
        answers.telemetry,
        servers.context_tokens,
        desk,
    )
