"""Conversations as files: out as JSON or Markdown, in again without doubling anything."""

import asyncio
import base64
from collections.abc import Sequence
from typing import Any

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.chat.shapes import (
    CONTENT_CHARACTERS,
    MESSAGE_FIELDS,
    ContextOut,
    Source,
    UsageOut,
    conversation_json,
)
from agent.chat.store import Conversations, Messages, Row, present
from agent.images.service import ImageService
from agent.inference.turns import branch
from agent.shared.clock import Clock, rfc3339
from agent.shared.conversation_file import (
    FORMAT,
    ROLE_TITLES,
    AboutFile,
    SaidFile,
    WholeFile,
    as_sent,
    check,
    check_json,
    is_bundle,
    picture,
)
from agent.shared.database import Database
from agent.shared.errors import Conflict
from agent.shared.web import In, read


class ConversationFile(AboutFile):
    title: str = Field(max_length=300)
    model: str | None = Field(default=None, max_length=200)
    system: str | None = Field(default=None, max_length=100_000)


class MessageFile(SaidFile):
    content: str = Field(max_length=CONTENT_CHARACTERS)
    thinking: str = Field(default="", max_length=CONTENT_CHARACTERS)
    model: str | None = Field(default=None, max_length=200)
    provider: str | None = Field(default=None, max_length=50)
    usage: UsageOut | None = None
    sources: list[Source] = Field(default=[])
    context: ContextOut | None = None


class Exported(WholeFile):
    conversation: ConversationFile
    messages: list[MessageFile] = Field(max_length=200_000)


class Bundle(In):
    """Several conversations in one file."""

    conversations: list[dict[str, Any]] = Field(max_length=100_000)  # Any: read one by one


class TransferService:
    """Writes and reads files of conversations."""

    def __init__(self, database: Database, images: ImageService, clock: Clock) -> None:
        self._database, self._images, self._clock = database, images, clock

    async def as_json(self, conversation_id: str) -> dict[str, object]:
        """Everything of one conversation, its pictures too. Raises NotFound."""
        conversation, messages = await self._whole(conversation_id)
        hashes = {sha256 for message in messages for sha256 in message["images"]}
        images = {}
        for sha256 in sorted(hashes):
            image, data = await self._images.get(sha256)
            images[sha256] = {"mime": image.mime, "base64": base64.b64encode(data).decode()}
        told = [{name: message[name] for name in MESSAGE_FIELDS} for message in messages]
        return {
            "format": FORMAT,
            "version": 1,
            "conversation": conversation_json(conversation),
            "messages": told,
            "images": images,
        }

    async def as_markdown(self, conversation_id: str) -> str:
        """The active branch, for people. Raises NotFound."""
        conversation, messages = await self._whole(conversation_id)
        by_id = {message["id"]: message for message in messages}
        parents = {message["id"]: message["parent_id"] for message in messages}
        lines = [f"# {conversation['title'] or 'Conversation'}", ""]
        for message_id in branch(parents, conversation["active_message_id"]):
            lines += _markdown(by_id[message_id])
        return "\n".join(lines)

    async def take_in(self, document: object) -> dict[str, int]:
        """Adds what is not here yet: all of it, or nothing. What is here is left as it is.

        Raises Invalid for a file that is none of ours and Conflict for ids that clash."""
        exported, pictures = await asyncio.to_thread(_read_files, document)
        for data in pictures:
            await self._images.check(data)
        for data in pictures:
            await self._images.keep(data)
        counts = {"created": 0, "updated": 0, "unchanged": 0, "messages_added": 0}
        async with self._database.writing() as connection:
            for file in exported:
                outcome, added = await self._take_conversation(connection, file)
                counts[outcome] += 1
                counts["messages_added"] += added
        return counts

    async def _whole(self, conversation_id: str) -> tuple[Row, Sequence[Row]]:
        async with self._database.reading() as connection:
            conversation = await present(connection, conversation_id)
            return conversation, await Messages(connection).page(conversation_id, 0, -1)

    async def _take_conversation(
        self, connection: AsyncConnection, file: Exported
    ) -> tuple[str, int]:
        conversation_id = file.conversation.id
        conversations, messages = Conversations(connection), Messages(connection)
        known = await conversations.find(conversation_id, deleted=True)
        homes = await messages.homes([message.id for message in file.messages])
        if any(home != conversation_id for home in homes.values()):
            raise Conflict("id-clash", "A message of the file belongs to another conversation.")
        new = [message for message in file.messages if message.id not in homes]
        if known is None:
            await conversations.add(
                file.conversation.model_dump()
                | {
                    "title_is_automatic": not file.conversation.title,
                    "message_count": len(file.messages),
                }
            )
        elif new or known["deleted_at"]:
            changes: dict[str, object] = {
                "deleted_at": None,
                "message_count": known["message_count"] + len(new),
            }
            if new:
                changes |= {
                    "updated_at": rfc3339(self._clock()),
                    "active_message_id": file.conversation.active_message_id,
                }
            await conversations.change(conversation_id, changes)
        await messages.add(message.row() | {"usage": as_sent(message.usage)} for message in new)
        if known is None:
            return "created", len(new)
        return ("updated" if new or known["deleted_at"] else "unchanged"), len(new)


def _read_files(document: object) -> tuple[list[Exported], list[bytes]]:
    """The conversations of a file and their pictures, checked. Takes long for a large file.

    Raises Invalid."""
    files = read(Bundle, document).conversations if is_bundle(document) else [document]
    exported = [read(Exported, file) for file in files]
    pictures: dict[str, bytes] = {}
    for file in exported:
        check(file.conversation, file.messages, file.images)
        for message in file.messages:
            check_json(message, message.usage)
        used = {sha256 for message in file.messages for sha256 in message.images}
        pictures |= {sha256: picture(sha256, file.images[sha256]) for sha256 in used}
    return exported, list(pictures.values())


def _markdown(message: Row) -> list[str]:
    by = f" ({message['model'] or 'built-in guide'})" if message["role"] == "assistant" else ""
    lines = [f"## {ROLE_TITLES[message['role']]}{by}", "", message["content"], ""]
    for sha256 in message["images"]:
        lines += [f"*Picture {sha256[:12]}*", ""]
    if message["sources"]:
        titles = ", ".join(source["title"] for source in message["sources"])
        lines += [f"*Sources: {titles}*", ""]
    return lines
