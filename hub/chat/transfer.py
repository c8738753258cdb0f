"""Conversations as files: all of one as JSON that an agent takes in, or a branch as Markdown."""

from agent.inference.turns import branch
from agent.shared.conversation_file import FORMAT, ROLE_TITLES
from agent.shared.databases import Databases
from hub.access import Principal
from hub.chat.pictures import PictureService
from hub.chat.service import seen
from hub.chat.store import Messages, Row

CONVERSATION_FIELDS = (
    "id",
    "title",
    "model",
    "system",
    "created_at",
    "updated_at",
    "archived",
    "pinned",
    "active_message_id",
    "message_count",
)
MESSAGE_FIELDS = (
    "id",
    "conversation_id",
    "parent_id",
    "role",
    "content",
    "thinking",
    "images",
    "model",
    "provider",
    "status",
    "created_at",
    "run_id",
    "usage",
    "sources",
    "trimmed",
    "problem",
    "context",
)


class TransferService:
    """For everybody who may read the conversation."""

    def __init__(self, database: Databases, pictures: PictureService) -> None:
        self._database, self._pictures = database, pictures

    async def as_json(self, who: Principal, conversation_id: str) -> dict[str, object]:
        """Everything of it. Raises NotFound."""
        conversation, messages = await self._whole(who, conversation_id)
        hashes = sorted({sha256 for row in messages for sha256 in row["images"]})
        kept = await self._pictures.several(conversation["account_id"], hashes)
        return {
            "format": FORMAT,
            "version": 1,
            "conversation": {name: conversation[name] for name in CONVERSATION_FIELDS},
            "messages": [{name: row[name] for name in MESSAGE_FIELDS} for row in messages],
            "images": {
                sha256: {"mime": row["mime"], "base64": row["base64"]}
                for sha256, row in sorted(kept.items())
            },
        }

    async def as_markdown(self, who: Principal, conversation_id: str) -> str:
        """The active branch, for people. Raises NotFound."""
        conversation, messages = await self._whole(who, conversation_id)
        by_id = {row["id"]: row for row in messages}
        parents = {row["id"]: row["parent_id"] for row in messages}
        lines = [f"# {conversation['title'] or 'Conversation'}", ""]
        for message_id in branch(parents, conversation["active_message_id"]):
            row = by_id[message_id]
            by = f" ({row['model']})" if row["role"] == "assistant" and row["model"] else ""
            lines += [f"## {ROLE_TITLES[row['role']]}{by}", "", row["content"], ""]
            lines += [f"*Picture {sha256[:12]}*\n" for sha256 in row["images"]]
        return "\n".join(lines)

    async def _whole(self, who: Principal, conversation_id: str) -> tuple[Row, list[Row]]:
        async with self._database.reading() as connection:
            conversation = await seen(connection, who, conversation_id)
            return conversation, await Messages(connection).page(conversation_id, 0, None)
