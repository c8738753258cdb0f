"""What holds of the file of an exported conversation wherever one is taken in: agents and hubs
write the same. How much of it they take each of them says in shapes of its own."""

import base64
import hashlib
from collections.abc import Collection, Iterable
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, Field

from agent.shared.clock import from_rfc3339, rfc3339
from agent.shared.errors import Invalid
from agent.shared.problems import Problem
from agent.shared.web import In

FORMAT = "orca-agents.conversation"
ROLE_TITLES = {"user": "You", "assistant": "Assistant", "system": "System", "tool": "Tool"}
Role = Literal["system", "user", "assistant", "tool"]
Status = Literal["streaming", "complete", "stopped", "interrupted", "failed"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Moment = Annotated[str, Field(max_length=40)]


class AboutFile(In):
    """The conversation itself."""

    id: Id
    created_at: Moment
    updated_at: Moment
    archived: bool = False
    pinned: bool = False
    active_message_id: str | None = None
    message_count: int = 0


class SaidFile(In):
    """A message of it."""

    id: Id
    conversation_id: Id
    parent_id: str | None = None
    role: Role
    images: list[Sha256] = Field(default=[], max_length=16)
    status: Status = "complete"
    created_at: Moment
    run_id: str | None = None
    trimmed: int = Field(default=0, ge=0, le=1_000_000)
    problem: Problem | None = None

    def row(self) -> dict[str, Any]:  # Any: each column has its own type
        """As it is kept: the run that wrote it is elsewhere, so nobody could wait for its end."""
        status = "interrupted" if self.status == "streaming" else self.status
        return self.model_dump() | {
            "problem": as_sent(self.problem),
            "run_id": None,
            "status": status,
        }


class ImageFile(In):
    mime: str
    base64: str


class WholeFile(In):
    """With the conversation and its messages, which each side bounds."""

    format: Literal["orca-agents.conversation"]
    version: Literal[1] = 1
    images: dict[str, ImageFile] = Field(default={})


def is_bundle(document: object) -> bool:
    """Whether it is a file of several conversations."""
    return isinstance(document, dict) and "conversations" in document


def check(about: AboutFile, messages: Iterable[SaidFile], pictures: Collection[str]) -> None:
    """`pictures`: the hashes of those in the file. Times are written as they are kept. Raises
    Invalid `bad-import` for what would make a broken conversation."""
    seen: set[str] = set()
    for one in messages:
        if one.conversation_id != about.id:
            raise Invalid("bad-import", f"Message {one.id} names another conversation.")
        if one.id in seen:
            raise Invalid("bad-import", f"Message {one.id} is in the file twice.")
        if one.parent_id is not None and one.parent_id not in seen:
            raise Invalid("bad-import", f"Message {one.id} stands before the one that it answers.")
        if absent := [sha256 for sha256 in one.images if sha256 not in pictures]:
            raise Invalid("bad-import", f"The file lacks the picture {absent[0]}.")
        seen.add(one.id)
        one.created_at = _as_kept(one.created_at, f"message {one.id}")
        check_json(one, one.problem)
    if about.active_message_id is not None and about.active_message_id not in seen:
        raise Invalid("bad-import", "active_message_id names no message of the file.")
    about.created_at = _as_kept(about.created_at, f"conversation {about.id}")
    about.updated_at = _as_kept(about.updated_at, f"conversation {about.id}")


def check_json(message: SaidFile, value: BaseModel | None) -> None:
    """Raises Invalid for what cannot be told again, such as a number of a hundred digits."""
    try:
        orjson.dumps(as_sent(value))
    except TypeError:
        raise Invalid(
            "bad-import", f"The usage or problem of message {message.id} cannot be kept."
        ) from None


def picture(sha256: str, image: ImageFile) -> bytes:
    """Its data. Raises Invalid where they are damaged, or those of another one."""
    try:
        data = base64.b64decode(image.base64, validate=True)
    except ValueError:
        raise Invalid("bad-import", f"The picture {sha256} in the file is damaged.") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Invalid("bad-import", f"The picture {sha256} in the file is another one.")
    return data


def as_sent(value: BaseModel | None) -> dict[str, object] | None:
    """With nothing that its writer left out."""
    return None if value is None else value.model_dump(exclude_unset=True)


def _as_kept(text: str, of: str) -> str:
    """A time in the one form that sorts as text."""
    try:
        return rfc3339(from_rfc3339(text))
    except (ValueError, OverflowError):
        raise Invalid("bad-import", f"{text}, of {of}, is no RFC 3339 time.") from None
