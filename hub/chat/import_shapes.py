"""A file of an exported conversation, as hubs and agents write it."""

from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, Field

from agent.shared.problems import Problem
from agent.shared.web import In, Out
from hub.chat.shapes import CONTENT_CHARACTERS, Model, Sha256, Source, System, Title, Words

MOST_MESSAGES, MOST_CONVERSATIONS = 20_000, 10_000
LONGEST_JSON = 10_000  # bytes of what is kept as it is
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Moment = Annotated[Words, Field(max_length=40)]
Content = Annotated[Words, Field(max_length=CONTENT_CHARACTERS)]


def _short(value: dict[str, Any] | None) -> dict[str, Any] | None:  # Any: JSON values
    try:
        text = orjson.dumps(value)
    except TypeError:  # a number of a hundred digits
        text = b""
    if not text or len(text) > LONGEST_JSON or b"\\u0000" in text:
        raise ValueError("this cannot be kept")
    return value


Told = Annotated[dict[str, Any] | None, AfterValidator(_short)]  # Any: as above


class ConversationFile(In):
    id: Id
    title: Title
    model: Model | None = None
    system: System | None = None
    created_at: Moment
    updated_at: Moment
    archived: bool = False
    pinned: bool = False
    active_message_id: Id | None = None
    message_count: int = 0


class MessageFile(In):
    id: Id
    conversation_id: Id
    parent_id: Id | None = None
    role: Literal["system", "user", "assistant", "tool"]
    content: Content
    thinking: Content = ""
    images: list[Sha256] = Field(default=[], max_length=16)
    model: Model | None = None
    provider: Model | None = None
    status: Literal["streaming", "complete", "stopped", "interrupted", "failed"] = "complete"
    created_at: Moment
    run_id: str | None = None
    usage: Told = None
    sources: list[Source] = Field(default=[], max_length=1000)
    trimmed: int = Field(default=0, ge=0, le=1_000_000)
    problem: Problem | None = None
    context: Told = None


class ImageFile(In):
    mime: str
    base64: str


class Exported(In):
    format: Literal["orca-agents.conversation"]
    version: Literal[1] = 1
    conversation: ConversationFile
    messages: list[MessageFile] = Field(max_length=MOST_MESSAGES)
    images: dict[str, ImageFile] = Field(default={})


class Bundle(In):
    """Several conversations in one file."""

    conversations: list[dict[str, Any]] = Field(max_length=MOST_CONVERSATIONS)  # Any: each read


class ImportedOut(Out):
    """Conversations, and the messages in all of them."""

    created: int
    updated: int
    unchanged: int
    messages_added: int
