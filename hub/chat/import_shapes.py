"""A file of an exported conversation, as hubs and agents write it."""

from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, Field

from agent.shared.conversation_file import AboutFile, Id, SaidFile, WholeFile
from agent.shared.web import In, Out
from hub.chat.shapes import CONTENT_CHARACTERS, Model, Source, System, Title, Words

MOST_MESSAGES, MOST_CONVERSATIONS = 20_000, 10_000
LONGEST_JSON = 10_000  # bytes of what is kept as it is
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


class ConversationFile(AboutFile):
    title: Title
    model: Model | None = None
    system: System | None = None
    active_message_id: Id | None = None


class MessageFile(SaidFile):
    parent_id: Id | None = None
    content: Content
    thinking: Content = ""
    model: Model | None = None
    provider: Model | None = None
    usage: Told = None
    sources: list[Source] = Field(default=[], max_length=1000)
    context: Told = None


class Exported(WholeFile):
    conversation: ConversationFile
    messages: list[MessageFile] = Field(max_length=MOST_MESSAGES)


class Bundle(In):
    """Several conversations in one file."""

    conversations: list[dict[str, Any]] = Field(max_length=MOST_CONVERSATIONS)  # Any: each read


class ImportedOut(Out):
    """Conversations, and the messages in all of them."""

    created: int
    updated: int
    unchanged: int
    messages_added: int
