"""What the routes of conversations take and give, as documented to clients."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictBool
from pydantic.json_schema import SkipJsonSchema

from agent.runs.shapes import RunOut
from agent.shared.conversation_file import Role, Sha256, Status
from agent.shared.problems import Problem
from agent.shared.web import In, Out, Page, left_out

CONTENT_CHARACTERS = 2_000_000


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("the character U+0000 cannot be kept")
    return text


Words = Annotated[str, AfterValidator(_without_nul)]
Id = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        description="A UUIDv7 that the client made. Absent: the hub makes one.",
    ),
]
Title = Annotated[Words, Field(max_length=300)]
Model = Annotated[Words, Field(max_length=200)]
System = Annotated[Words, Field(max_length=100_000)]


class ConversationIn(In):
    id: Id | None = None
    title: Title | None = None
    model: Model | None = None
    system: System | None = None


class ConversationChange(In):
    """Only the fields that are sent are changed."""

    title: Title | None = None
    model: Model | None = None
    system: System | None = None
    archived: StrictBool | None = None
    pinned: StrictBool | None = None
    active_message_id: Annotated[Words, Field(max_length=36)] | None = None

    def changes(self) -> dict[str, object]:
        """The columns to change; null takes back a model or system text, nothing else."""
        sent = self.model_dump(exclude_unset=True)
        return {
            name: value
            for name, value in sent.items()
            if value is not None or name in {"model", "system"}
        }


class Snippet(Out):
    """A hit stands between U+E000 and U+E001. Without a message it is the title."""

    message_id: str | None
    text: str


class ConversationOut(Out):
    """`is_own`: false where somebody else shares it, to be read alone. `shared_by` is the name of
    whoever does; null for one's own."""

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
    rev: int
    deleted_at: str | None
    is_own: bool
    shared_by: str | None
    snippets: list[Snippet] | SkipJsonSchema[None] = left_out()


class ConversationPage(Out):
    items: list[ConversationOut]
    next_cursor: str | None


class ConversationQuery(Page):
    """`view`: one's own, those that others share, or the bin."""

    q: str | None = Field(default=None, max_length=500)
    view: Literal["own", "shared", "deleted"] = "own"
    archived: bool = False
    limit: int = Field(default=50, ge=1, le=200)


class MessageQuery(Page):
    limit: int = Field(default=200, ge=1, le=1000)


class MessageIn(In):
    id: Id | None = None
    content: Annotated[Words, Field(max_length=CONTENT_CHARACTERS)]
    model: Model | None = None
    options: dict[str, Any] = Field(default={}, description="Ollama's options")  # Any: checked
    parent_id: Annotated[Words, Field(max_length=36)] | None = Field(
        default=None, description="Absent: the active branch goes on. null: a new beginning."
    )
    images: list[Sha256] = Field(
        default=[], max_length=8, description="Of pictures that were sent to /api/v1/images."
    )
    context: None = Field(default=None, description="Files of a slicer are the agent's.")


class RegenerateIn(In):
    model: Model | None = None
    options: dict[str, Any] = Field(default={})  # Any: checked against the table of options


class Source(Out):
    title: str
    ref: str


class MessageOut(Out):
    id: str
    conversation_id: str
    parent_id: str | None
    role: Role
    content: str
    thinking: str
    images: list[str]
    model: str | None
    provider: str | None
    status: Status
    created_at: str
    run_id: str | None
    usage: dict[str, Any] | None  # Any: JSON values
    sources: list[Source]
    trimmed: int
    problem: Problem | None
    rev: int


class MessagePage(Out):
    items: list[MessageOut]
    next_cursor: str | None


class Posted(Out):
    """The question as it was kept, and the run that answers it."""

    message: MessageOut
    run: RunOut


class ExportQuery(In):
    format: Literal["json", "md"] = "json"


def _two_letters(text: str) -> str:
    if len(text.strip()) < 2:
        raise ValueError("give at least two letters of the name")
    return text.strip()


class ReaderQuery(In):
    q: Annotated[
        Words,
        Field(max_length=200, description="At least two letters of either name."),
        AfterValidator(_two_letters),
    ]


class ReaderOut(Out):
    """Somebody, or everybody in a group."""

    kind: Literal["person", "group"]
    id: str
    name: str
    display_name: str


class ReadersOut(Out):
    items: list[ReaderOut]
    next_cursor: str | None


class ShareIn(In):
    """With a person, or with everybody in a group; `subject` is the id of either."""

    kind: Literal["person", "group"]
    subject: Annotated[Words, Field(min_length=1, max_length=200)]


class ShareOut(Out):
    """Names are those of now."""

    kind: Literal["person", "group"]
    subject: str
    name: str
    display_name: str
    created_at: str


class SharesOut(Out):
    items: list[ShareOut]
    next_cursor: str | None


CONVERSATION_FIELDS = tuple(
    name for name in ConversationOut.model_fields if name not in {"is_own", "shared_by", "snippets"}
)


def conversation_json(
    row: Mapping[str, Any],  # Any: a row
    account_id: str,
    owners: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, object]:
    """A conversation as this person sees it; `owners` are the names of other people, by their
    ids. Whether it is pinned is the owner's matter alone."""
    told = {name: row[name] for name in CONVERSATION_FIELDS}
    owner = row["account_id"]
    if owner == account_id:
        return {**told, "is_own": True, "shared_by": None}
    return {**told, "pinned": False, "is_own": False, "shared_by": owners.get(owner, "")}


def message_json(row: Mapping[str, object]) -> dict[str, object]:
    """A message as DESIGN names its fields."""
    return {name: row[name] for name in MessageOut.model_fields}


def share_json(row: Mapping[str, object]) -> dict[str, object]:
    return {name: row[name] for name in ShareOut.model_fields}


def reader_json(row: Mapping[str, object]) -> dict[str, object]:
    return {name: row[name] for name in ReaderOut.model_fields}
