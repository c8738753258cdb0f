"""Conversations as files: out as JSON or Markdown, in again without doubling anything."""

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.chat.shapes import (
    CONTENT_CHARACTERS,
    MESSAGE_FIELDS,
    ContextOut,
    Role,
    Sha256,
    Source,
    UsageOut,
    conversation_json,
)
from agent.chat.store import Conversations, Messages, Row
from agent.images.service import ImageService
from agent.inference.turns import branch
from agent.shared.clock import Clock, from_rfc3339, rfc3339
from agent.shared.database import Database
from agent.shared.errors import Conflict, Invalid, NotFound
from agent.shared.problems import Problem
from agent.shared.web import In, read

FORMAT = "orca-agents.conversation"
ROLE_TITLES = {"user": "You", "assistant": "Assistant", "system": "System", "tool": "Tool"}
Id = Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")


class ConversationFile(In):
    id: str = Id
    title: str = Field(max_length=300)
    model: str | None = Field(default=None, max_length=200)
    system: str | None = Field(default=None, max_length=100_000)
    created_at: str = Field(max_length=40)
    updated_at: str = Field(max_length=40)
    archived: bool = False
    pinned: bool = False
    active_message_id: str | None = None
    message_count: int = 0


class MessageFile(In):
    id: str = Id
    conversation_id: str = Id
    parent_id: str | None = None
    role: Role
    content: str = Field(max_length=CONTENT_CHARACTERS)
    thinking: str = Field(default="", max_length=CONTENT_CHARACTERS)
    images: list[Sha256] = Field(default=[], max_length=16)
    model: str | None = Field(default=None, max_length=200)
    provider: str | None = Field(default=None, max_length=50)
    status: Literal["streaming", "complete", "stopped", "interrupted", "failed"] = "complete"
    created_at: str = Field(max_length=40)
    run_id: str | None = None
    usage: UsageOut | None = None
    sources: list[Source] = Field(default=[])
    trimmed: int = Field(default=0, ge=0, le=1_000_000)
    problem: Problem | None = None
    context: ContextOut | None = None


class ImageFile(In):
    mime: str
    base64: str


class Exported(In):
    format: Literal["orca-agents.conversation"]
    version: Literal[1] = 1
    conversation: ConversationFile
    messages: list[MessageFile] = Field(max_length=200_000)
    images: dict[str, ImageFile] = Field(default={})


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
            conversation = await Conversations(connection).find(conversation_id)
            if conversation is None:
                raise NotFound("no-such-conversation", "There is no conversation with this id.")
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
        await messages.add(_row(message) for message in new)
        if known is None:
            return "created", len(new)
        return ("updated" if new or known["deleted_at"] else "unchanged"), len(new)


def _read_files(document: object) -> tuple[list[Exported], list[bytes]]:
    """The conversations of a file and their pictures, checked. Takes long for a large file.

    Raises Invalid."""
    is_bundle = isinstance(document, dict) and "conversations" in document
    files = read(Bundle, document).conversations if is_bundle else [document]
    exported = [read(Exported, file) for file in files]
    pictures: dict[str, bytes] = {}
    for file in exported:
        _check(file)
        used = {sha256 for message in file.messages for sha256 in message.images}
        pictures |= {sha256: _picture(sha256, file.images[sha256]) for sha256 in used}
    return exported, list(pictures.values())


def _picture(sha256: str, image: ImageFile) -> bytes:
    try:
        data = base64.b64decode(image.base64, validate=True)
    except ValueError:
        raise Invalid("bad-import", f"The picture {sha256} in the file is damaged.") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Invalid("bad-import", f"The picture {sha256} in the file is another one.")
    return data


def _row(message: MessageFile) -> Row:
    row = message.model_dump()
    row |= {"problem": _as_sent(message.problem), "usage": _as_sent(message.usage)}
    # The run that wrote it is not here, so that nobody could wait for its end.
    row["run_id"] = None
    if row["status"] == "streaming":
        row["status"] = "interrupted"
    return row


def _check(file: Exported) -> None:
    """Raises Invalid for what would make a broken conversation."""
    seen: set[str] = set()
    for message in file.messages:
        if message.conversation_id != file.conversation.id:
            raise Invalid("bad-import", f"Message {message.id} names another conversation.")
        if message.id in seen:
            raise Invalid("bad-import", f"Message {message.id} is in the file twice.")
        if message.parent_id is not None and message.parent_id not in seen:
            raise Invalid(
                "bad-import", f"Message {message.id} stands before the one that it answers."
            )
        if absent := [sha256 for sha256 in message.images if sha256 not in file.images]:
            raise Invalid("bad-import", f"The file lacks the picture {absent[0]}.")
        seen.add(message.id)
        _check_time(message.created_at)
        _check_json(message)
    active = file.conversation.active_message_id
    if active is not None and active not in seen:
        raise Invalid("bad-import", "active_message_id names no message of the file.")
    _check_time(file.conversation.created_at)
    _check_time(file.conversation.updated_at)


def _check_time(text: str) -> None:
    try:
        moment = from_rfc3339(text)
    except (ValueError, OverflowError):
        raise Invalid("bad-import", f"{text} is no RFC 3339 time.") from None
    if rfc3339(moment) != text:
        raise Invalid("bad-import", f"Write the time {text} as {rfc3339(moment)}.")


def _check_json(message: MessageFile) -> None:
    """What cannot be told again, such as a number of a hundred digits, is not taken in."""
    try:
        orjson.dumps([_as_sent(message.problem), _as_sent(message.usage)])
    except TypeError:
        raise Invalid(
            "bad-import", f"The usage or problem of message {message.id} cannot be kept."
        ) from None


def _as_sent(value: BaseModel | None) -> dict[str, object] | None:
    return None if value is None else value.model_dump(exclude_unset=True)


def _markdown(message: Row) -> list[str]:
    by = f" ({message['model'] or 'built-in guide'})" if message["role"] == "assistant" else ""
    lines = [f"## {ROLE_TITLES[message['role']]}{by}", "", message["content"], ""]
    for sha256 in message["images"]:
        lines += [f"*Picture {sha256[:12]}*", ""]
    if message["sources"]:
        titles = ", ".join(source["title"] for source in message["sources"])
        lines += [f"*Sources: {titles}*", ""]
    return lines
