"""Conversations and messages over HTTP."""

from quart import Blueprint, Response
from quart_schema import document_request

from agent.runs.routes import begun
from agent.runs.shapes import run_json
from agent.shared.web import (
    asks,
    gives,
    gives_media,
    idempotency_key,
    json,
    read_json,
    takes,
)
from hub.access import caller, member
from hub.ai.service import AiService
from hub.chat import shapes
from hub.chat.asking import AskingService
from hub.chat.import_shapes import Bundle, ImportedOut
from hub.chat.importing import ImportService
from hub.chat.rules import ACTIVE_BRANCH, Asked
from hub.chat.service import ConversationService
from hub.chat.sharing import SharingService
from hub.chat.transfer import TransferService
from hub.guard import no_content

SCOPE = "conversations"
IMPORT_BYTES = 48 << 20


def routes(
    conversations: ConversationService,
    asking: AskingService,
    transfer: TransferService,
    ai: AiService,
) -> Blueprint:
    bp = Blueprint("chat", __name__, url_prefix="/api/v1")

    @bp.post("/conversations")
    @member(SCOPE)
    @takes(shapes.ConversationIn)
    @gives(shapes.ConversationOut, 201)
    async def open_conversation(asked: shapes.ConversationIn) -> Response:
        """Open a conversation. The id of one's own again is that one."""
        return json(await conversations.open(caller(), asked.model_dump()), 201)

    @bp.get("/conversations")
    @member(SCOPE)
    @asks(shapes.ConversationQuery)
    @gives(shapes.ConversationPage)
    async def list_conversations(query: shapes.ConversationQuery) -> Response:
        """Pinned first, then the latest; with `q` one's own with every word in one text."""
        if query.q and query.q.strip():
            items, cursor = await conversations.find(
                caller(), query.q, cursor=query.cursor, limit=query.limit
            )
        else:
            items, cursor = await conversations.page(
                caller(),
                view=query.view,
                archived=query.archived,
                cursor=query.cursor,
                limit=query.limit,
            )
        return json({"items": items, "next_cursor": cursor})

    @bp.get("/conversations/<conversation_id>")
    @member(SCOPE)
    @gives(shapes.ConversationOut)
    async def one_conversation(conversation_id: str) -> Response:
        """One conversation, without its messages."""
        return json(await conversations.get(caller(), conversation_id))

    @bp.patch("/conversations/<conversation_id>")
    @member(SCOPE)
    @takes(shapes.ConversationChange)
    @gives(shapes.ConversationOut)
    async def change_conversation(
        conversation_id: str, asked: shapes.ConversationChange
    ) -> Response:
        """Rename, pin, archive, choose the model, or choose the branch that is shown."""
        return json(await conversations.change(caller(), conversation_id, asked.changes()))

    @bp.delete("/conversations/<conversation_id>")
    @member(SCOPE)
    @gives_media(204)
    async def delete_conversation(conversation_id: str) -> Response:
        """Delete. It can be restored for seven days."""
        await conversations.delete(caller(), conversation_id)
        return no_content()

    @bp.post("/conversations/<conversation_id>/restore")
    @member(SCOPE)
    @gives(shapes.ConversationOut)
    async def restore_conversation(conversation_id: str) -> Response:
        """Undo a deletion."""
        return json(await conversations.restore(caller(), conversation_id))

    @bp.get("/conversations/<conversation_id>/messages")
    @member(SCOPE)
    @asks(shapes.MessageQuery)
    @gives(shapes.MessagePage)
    async def list_messages(conversation_id: str, query: shapes.MessageQuery) -> Response:
        """The whole tree of messages in the order of writing."""
        items, cursor = await conversations.messages(
            caller(), conversation_id, cursor=query.cursor, limit=query.limit
        )
        return json({"items": items, "next_cursor": cursor})

    @bp.post("/conversations/<conversation_id>/messages")
    @member(SCOPE)
    @takes(shapes.MessageIn)
    @gives(shapes.Posted, 202)
    async def ask(conversation_id: str, asked: shapes.MessageIn) -> Response:
        """Ask. With Accept: text/event-stream the answer is the run's events themselves."""
        parent_id = asked.parent_id if "parent_id" in asked.model_fields_set else ACTIVE_BRANCH
        question = Asked(
            asked.content, asked.model, asked.options, parent_id, asked.id, tuple(asked.images)
        )
        message, run = await asking.ask(caller(), conversation_id, question, key=idempotency_key())
        return begun(run.id, {"message": message, "run": run_json(run)}, ai.events)

    @bp.post("/messages/<message_id>/regenerate")
    @member(SCOPE)
    @takes(shapes.RegenerateIn)
    @gives(shapes.Posted, 202)
    async def regenerate(message_id: str, asked: shapes.RegenerateIn) -> Response:
        """Answer a question once more, beside the answers that it has."""
        again = Asked("", asked.model, asked.options)
        message, run = await asking.regenerate(caller(), message_id, again, key=idempotency_key())
        return begun(run.id, {"message": message, "run": run_json(run)}, ai.events)

    @bp.get("/conversations/<conversation_id>/export")
    @member(SCOPE)
    @asks(shapes.ExportQuery)
    @gives_media(200, "application/json", "text/markdown")
    async def export(conversation_id: str, query: shapes.ExportQuery) -> Response:
        """The conversation as a file: all of it as JSON, or its active branch as Markdown."""
        if query.format == "json":
            response = json(await transfer.as_json(caller(), conversation_id))
        else:
            text = await transfer.as_markdown(caller(), conversation_id)
            response = Response(text, content_type="text/markdown; charset=utf-8")
        name = f"conversation-{conversation_id}.{query.format}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    return bp


def share_routes(sharing: SharingService) -> Blueprint:
    bp = Blueprint("sharing", __name__, url_prefix="/api/v1/conversations/<conversation_id>/share")

    @bp.get("")
    @member(SCOPE)
    @gives(shapes.SharesOut)
    async def list_shares(conversation_id: str) -> Response:
        """With whom one's own conversation is shared."""
        items = await sharing.shares(caller(), conversation_id)
        return json({"items": items, "next_cursor": None})

    @bp.post("")
    @member(SCOPE)
    @takes(shapes.ShareIn)
    @gives(shapes.ShareOut, 201)
    async def share(conversation_id: str, asked: shapes.ShareIn) -> Response:
        """Let a person, or everybody in a group, read it."""
        return json(await sharing.share(caller(), conversation_id, asked.kind, asked.subject), 201)

    @bp.delete("/person/<subject>")
    @member(SCOPE)
    @gives_media(204)
    async def take_back_from_person(conversation_id: str, subject: str) -> Response:
        """By the id of the account."""
        await sharing.take_back(caller(), conversation_id, "person", subject)
        return no_content()

    @bp.delete("/group/<subject>")
    @member(SCOPE)
    @gives_media(204)
    async def take_back_from_group(conversation_id: str, subject: str) -> Response:
        """By the id of the group."""
        await sharing.take_back(caller(), conversation_id, "group", subject)
        return no_content()

    return bp


def import_routes(importing: ImportService) -> Blueprint:
    bp = Blueprint("importing", __name__, url_prefix="/api/v1/conversations/import")

    @bp.post("")
    @member(SCOPE)
    @document_request(Bundle)
    @gives(ImportedOut)
    async def import_conversations() -> Response:
        """Take in exported conversations. What is here already is not doubled.

        The body is one exported document, or several as {"conversations": [...]}."""
        document = await read_json(limit_bytes=IMPORT_BYTES)
        return json(await importing.take_in(caller(), document))

    return bp


def reader_routes(sharing: SharingService) -> Blueprint:
    bp = Blueprint("readers", __name__, url_prefix="/api/v1/people")

    @bp.get("")
    @member(SCOPE)
    @asks(shapes.ReaderQuery)
    @gives(shapes.ReadersOut)
    async def find_people(query: shapes.ReaderQuery) -> Response:
        """Whom a conversation can be shared with: people whose account is used, by either of
        their names, and one's own groups. At most twenty."""
        items = await sharing.readers(caller(), query.q)
        return json({"items": items, "next_cursor": None})

    return bp
