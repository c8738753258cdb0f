"""Conversations that are kept on the hub."""

from dataclasses import dataclass
from datetime import timedelta

from hub.ai.opening import Ai
from hub.artefacts.opening import Artefacts
from hub.chat import picture_routes, routes
from hub.chat.asking import AnswerPurpose, AskingService
from hub.chat.importing import ImportService
from hub.chat.pictures import PictureService
from hub.chat.rules import PURPOSE
from hub.chat.service import ConversationService
from hub.chat.sharing import SharingService
from hub.chat.transfer import TransferService
from hub.core import Area, Core
from hub.jobs.running import Job, Result


@dataclass(frozen=True, slots=True)
class Chat:
    area: Area
    conversations: ConversationService


async def open_chat(core: Core, ai: Ai, artefacts: Artefacts) -> Chat:
    """Conversations, what is asked in them, and who else may read them."""
    database, clock, new_id = core.database, core.clock, core.new_id
    conversations = ConversationService(database, ai.service, core.audit, clock, new_id)
    pictures = PictureService(database, core.audit, clock, ai.service.shrunk)
    asking = AskingService(
        database,
        ai.service,
        clock,
        new_id,
        history_tokens=core.settings.conversation_tokens,
        pictures=pictures,
    )
    sharing = SharingService(database, core.audit, clock)
    ai.service.register(PURPOSE, AnswerPurpose(artefacts.files))

    async def purge(_job: Job) -> Result:
        purged = await conversations.purge()
        await pictures.tidy()
        return {"purged": purged}

    core.jobs.every("conversations.purge", timedelta(hours=1), purge)
    area = Area(
        blueprints=(
            routes.routes(conversations, asking, TransferService(database, pictures), ai.service),
            routes.share_routes(sharing),
            routes.reader_routes(sharing),
            routes.import_routes(ImportService(database, core.audit, clock, pictures)),
            picture_routes.routes(pictures),
        )
    )
    return Chat(area, conversations)
