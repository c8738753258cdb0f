"""Conversations and messages over HTTP."""

from quart import Blueprint, Response, g
from quart_schema import document_request

from agent.chat.asking import ACTIVE_BRANCH, Asked, AskingService
from agent.chat.service import ConversationService
from agent.chat.shapes import (
    ContextIn,
    ConversationChange,
    ConversationIn,
    ConversationOut,
    ConversationPage,
    ConversationQuery,
    ExportQuery,
    Imported,
    MessageIn,
    MessagePage,
    MessageQuery,
    Posted,
    RegenerateIn,
)
from agent.chat.transfer import Bundle, TransferService
from agent.inference.inference import Who
from agent.runs.routes import begun
from agent.runs.service import RunService
from agent.runs.shapes import run_json
from agent.shared.errors import Denied
from agent.shared.web import (
    asker,
    asks,
    counted,
    gives,
    gives_media,
    idempotency_key,
    json,
    needs,
    read_json,
    takes,
)
from agent.slicer.advice.rules import Wanted

IMPORT_BYTES = 256 * 1024 * 1024


def routes(
    conversations: ConversationService,
    asking: AskingService,
    transfer: TransferService,
    runs: RunService,
) -> Blueprint:
    bp = Blueprint("chat", __name__, url_prefix="/api/v1")

    @bp.post("/conversations")
    @needs("chat")
    @takes(ConversationIn)
    @gives(ConversationOut, 201)
    async def open_conversation(asked: ConversationIn) -> Response:
        """Open a conversation."""
        return json(
            await conversations.open(title=asked.title, model=asked.model, system=asked.system), 201
        )

    @bp.get("/conversations")
    @needs("chat")
    @asks(ConversationQuery)
    @gives(ConversationPage)
    async def list_conversations(query: ConversationQuery) -> Response:
        """Pinned first, then the latest; with `q` those with every word in one text."""
        if query.q and query.q.strip():
            items, cursor = await conversations.find(
                query.q, cursor=query.cursor, limit=query.limit
            )
        else:
            items, cursor = await conversations.page(
                archived=query.archived, cursor=query.cursor, limit=query.limit
            )
        return json({"items": items, "next_cursor": cursor})

    @bp.get("/conversations/<conversation_id>")
    @needs("chat")
    @gives(ConversationOut)
    async def one_conversation(conversation_id: str) -> Response:
        """One conversation, without its messages."""
        return json(await conversations.get(conversation_id))

    @bp.patch("/conversations/<conversation_id>")
    @needs("chat")
    @takes(ConversationChange)
    @gives(ConversationOut)
    async def change_conversation(conversation_id: str, asked: ConversationChange) -> Response:
        """Rename, pin, archive, choose the model, or choose the branch that is shown."""
        return json(await conversations.change(conversation_id, asked.changes()))

    @bp.delete("/conversations/<conversation_id>")
    @needs("chat")
    @gives_media(204)
    async def delete_conversation(conversation_id: str) -> Response:
        """Delete. It can be restored for seven days."""
        await conversations.delete(conversation_id)
        return Response(status=204)

    @bp.post("/conversations/<conversation_id>/restore")
    @needs("chat")
    @gives(ConversationOut)
    async def restore_conversation(conversation_id: str) -> Response:
        """Undo a deletion."""
        return json(await conversations.restore(conversation_id))

    @bp.get("/conversations/<conversation_id>/messages")
    @needs("chat")
    @asks(MessageQuery)
    @gives(MessagePage)
    async def list_messages(conversation_id: str, query: MessageQuery) -> Response:
        """The whole tree of messages in the order of writing."""
        items, cursor = await conversations.messages(
            conversation_id, cursor=query.cursor, limit=query.limit
        )
        return json({"items": items, "next_cursor": cursor})

    @bp.post("/conversations/<conversation_id>/messages")
    @needs("chat")
    @counted
    @takes(MessageIn)
    @gives(Posted, 202)
    async def ask(conversation_id: str, asked: MessageIn) -> Response:
        """Ask. With Accept: text/event-stream the answer is the run's events themselves."""
        question = Asked(
            asked.content,
            tuple(asked.images),
            asked.model,
            asked.options,
            asked.parent_id if "parent_id" in asked.model_fields_set else ACTIVE_BRANCH,
            Who(*asker()),
            _wanted(asked.context) if "context" in asked.model_fields_set else None,
        )
        message, run = await asking.ask(conversation_id, question, key=idempotency_key())
        return begun(run.id, {"message": message, "run": run_json(run)}, runs.events)

    @bp.post("/messages/<message_id>/regenerate")
    @needs("chat")
    @counted
    @takes(RegenerateIn)
    @gives(Posted, 202)
    async def regenerate(message_id: str, asked: RegenerateIn) -> Response:
        """Answer a question once more, beside the answers that it has."""
        message, run = await asking.regenerate(
            message_id,
            model=asked.model,
            options=asked.options,
            key=idempotency_key(),
            who=Who(*asker()),
        )
        return begun(run.id, {"message": message, "run": run_json(run)}, runs.events)

    @bp.get("/conversations/<conversation_id>/export")
    @needs("chat")
    @asks(ExportQuery)
    @gives_media(200, "application/json", "text/markdown")
    async def export(conversation_id: str, query: ExportQuery) -> Response:
        """The conversation as a file: all of it as JSON, or its active branch as Markdown."""
        if query.format == "json":
            response = json(await transfer.as_json(conversation_id))
        else:
            text = await transfer.as_markdown(conversation_id)
            response = Response(text, content_type="text/markdown; charset=utf-8")
        name = f"conversation-{conversation_id}.{query.format}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    @bp.post("/conversations/import")
    @needs("chat")
    @document_request(Bundle)
    @gives(Imported)
    async def import_conversations() -> Response:
        """Take in exported conversations. What is here already is not doubled.

        The body is one exported document, or several as {"conversations": [...]}."""
        return json(await transfer.take_in(await read_json(limit_bytes=IMPORT_BYTES)))

    return bp


def _wanted(context: ContextIn | None) -> Wanted:
    """Raises Denied for who may talk, but not look into files and presets."""
    if context is None:
        return Wanted()
    wanted = Wanted(context.file_id, context.preset, tuple(context.without))
    if not wanted.is_empty and not g.caller.may("slicer"):
        raise Denied(
            "scope-missing", "A question about a file needs a token with the scope slicer."
        )
    return wanted
