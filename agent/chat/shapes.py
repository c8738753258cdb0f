"""What chat routes take and give, as documented to clients."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool
from pydantic.json_schema import SkipJsonSchema

from agent.inference.shapes import Fallback
from agent.runs.shapes import RunOut
from agent.shared.conversation_file import Role, Sha256, Status
from agent.shared.problems import Problem
from agent.shared.web import In, Out, Page, left_out

CONTENT_CHARACTERS = 2_000_000


class ConversationIn(In):
    title: str | None = Field(default=None, max_length=300)
    model: str | None = Field(default=None, max_length=200)
    system: str | None = Field(default=None, max_length=100_000)


class ConversationChange(ConversationIn):
    """Only the fields that are sent are changed."""

    archived: StrictBool | None = None
    pinned: StrictBool | None = None
    active_message_id: str | None = None

    def changes(self) -> dict[str, object]:
        """The columns to change; null takes back a model or system text, nothing else."""
        sent = self.model_dump(exclude_unset=True)
        clearable = {"model", "system"}
        return {
            name: value for name, value in sent.items() if value is not None or name in clearable
        }


class ConversationOut(Out):
    id: str
    title: str
    model: str | None
    system: str | None
    created_at: str
    updated_at: str
    archived: bool
    pinned: bool
    active_message_id: str | None
    message_count: int


class Snippet(Out):
    """A hit stands between U+E000 and U+E001. Without a message it is the title."""

    message_id: str | None
    text: str


class FoundConversation(ConversationOut):
    snippets: list[Snippet] | SkipJsonSchema[None] = left_out()


class ConversationPage(Out):
    items: list[FoundConversation]
    next_cursor: str | None


class ConversationQuery(Page):
    q: str | None = Field(default=None, max_length=500)
    archived: bool = False
    limit: int = Field(default=50, ge=1, le=200)


class MessageQuery(Page):
    limit: int = Field(default=200, ge=1, le=1000)


class ContextIn(In):
    """Evidence that goes with a question: pieces of it that are off are named in `without`."""

    file_id: str | None = Field(default=None, max_length=100)
    preset: str | None = Field(default=None, max_length=300)
    without: list[Annotated[str, Field(max_length=300)]] = Field(default=[], max_length=100)


class MessageIn(In):
    content: str = Field(max_length=CONTENT_CHARACTERS)
    images: list[Sha256] = Field(default=[], max_length=16)
    model: str | None = Field(default=None, max_length=200)
    options: dict[str, Any] = Field(default={}, description="Ollama's options")  # Any: checked
    parent_id: str | None = Field(
        default=None, description="Absent: the active branch goes on. null: a new beginning."
    )
    context: ContextIn | None = Field(
        default=None, description="Absent: as the question before. null: nothing but the words."
    )


class RegenerateIn(In):
    model: str | None = Field(default=None, max_length=200)
    options: dict[str, Any] = Field(default={})  # Any: checked against the table of options


class Source(Out):
    title: str
    ref: str


class ContextOut(Out):
    file_id: str | None = None
    preset: str | None = None
    without: list[str] = Field(default=[])


class UsageOut(Out):
    """`fallbacks`: whom the team's hub passed over for this answer, absent where nobody was."""

    prompt_tokens: int
    completion_tokens: int
    load_ms: float
    first_token_ms: float
    tokens_per_second: float
    total_ms: float | None = None
    finish_reason: str | None = None
    fallbacks: list[Fallback] | SkipJsonSchema[None] = left_out()


class MessageOut(Out):
    id: str
    conversation_id: str
    parent_id: str | None
    role: Role
    content: str
    thinking: str
    images: list[Sha256]
    model: str | None
    provider: str | None
    status: Status
    created_at: str
    run_id: str | None
    usage: UsageOut | None
    sources: list[Source]
    trimmed: int
    problem: Problem | None
    context: ContextOut | None = None


class MessagePage(Out):
    items: list[MessageOut]
    next_cursor: str | None


class Posted(Out):
    """The question as it was kept, and the run that answers it."""

    message: MessageOut
    run: RunOut


class ExportQuery(In):
    format: Literal["json", "md"] = "json"


class Imported(Out):
    created: int
    updated: int
    unchanged: int
    messages_added: int


CONVERSATION_FIELDS = tuple(ConversationOut.model_fields)
MESSAGE_FIELDS = tuple(MessageOut.model_fields)


def conversation_json(row: Mapping[str, object]) -> dict[str, object]:
    """A conversation as DESIGN names its fields."""
    return {name: row[name] for name in CONVERSATION_FIELDS}


def message_json(row: Mapping[str, object]) -> dict[str, object]:
    """A message as DESIGN names its fields."""
    return {name: row[name] for name in MESSAGE_FIELDS}
