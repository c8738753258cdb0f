"""What the routes of artefacts take and give, as documented to clients."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.json_schema import SkipJsonSchema

from agent.shared.web import In, Out, Page, left_out

CheckStateName = Literal["waiting", "fine", "wrong", "unchecked"]


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("the character U+0000 cannot be kept")
    return text


Words = Annotated[str, AfterValidator(_without_nul)]
Content = Annotated[Words, Field(max_length=1 << 20)]
Number = Annotated[int, Field(ge=1, le=1_000_000)]


class ArtefactIn(In):
    """Without `set_id` it begins a set of its own; the path of a file that is there makes the next
    version of that."""

    path: Annotated[Words, Field(min_length=1, max_length=200)]
    content: Content
    language: Annotated[Words, Field(max_length=30)] = ""
    set_id: Annotated[Words, Field(max_length=36)] | None = None
    title: Annotated[Words, Field(max_length=300)] = ""


class VersionIn(In):
    content: Content


class ArtefactQuery(Page):
    set_id: Annotated[Words, Field(max_length=36)] | None = None
    q: Annotated[Words, Field(max_length=200)] = ""
    limit: int = Field(default=50, ge=1, le=200)


class SetQuery(Page):
    limit: int = Field(default=50, ge=1, le=200)


class VersionQuery(In):
    version: Number | None = Field(default=None, description="Absent: the latest.")


class VersionsQuery(In):
    cursor: Number | None = None
    limit: int = Field(default=50, ge=1, le=200)


class DiffQuery(In):
    first: Number | None = Field(
        default=None, alias="from", description="Absent: the one before `to`."
    )
    second: Number | None = Field(default=None, alias="to", description="Absent: the latest.")


class FindingOut(Out):
    line: int
    text: str


class VersionOut(Out):
    """`check_state`: waiting until it was looked at, unchecked where there is no parser for it.
    `is_whole`: false where the answer was cut off in the middle of the file. `refused_path`: how
    the model called it, where that leads out of its folder or is no name of a file, so that it
    was given another."""

    number: int
    size_bytes: int
    sha256: str
    created_at: str
    made_by: Literal["model", "person"]
    model: str | None
    run_id: str | None
    message_id: str | None
    is_whole: bool
    refused_path: str | None
    check_state: CheckStateName
    check_findings: list[FindingOut]
    content: str | SkipJsonSchema[None] = left_out()


class VersionsOut(Out):
    items: list[VersionOut]
    next_cursor: int | None


class ArtefactOut(Out):
    """A file as it is now; `latest` is its newest version, or the one that was asked for."""

    id: str
    set_id: str
    path: str
    language: str
    version: int
    size_bytes: int
    sha256: str
    created_at: str
    updated_at: str
    latest: VersionOut


class ArtefactsOut(Out):
    items: list[ArtefactOut]
    next_cursor: str | None


class SetOut(Out):
    """Files that belong together. Those of a conversation have its id."""

    id: str
    title: str
    conversation_id: str | None
    created_at: str
    updated_at: str
    files: int


class SetsOut(Out):
    items: list[SetOut]
    next_cursor: str | None


class DiffOut(Out):
    """`text` is as `diff -u` writes it, empty where both are the same. `is_coarse`: the versions
    differ too much to be compared line by line; all from the first to the last line that differs
    is given as replaced."""

    path: str
    from_version: int
    to_version: int
    text: str
    added: int
    removed: int
    is_coarse: bool


def version_json(row: Mapping[str, Any], *, whole: bool = False) -> dict[str, object]:  # Any: a row
    names = [name for name in VersionOut.model_fields if name != "content"]
    told = {name: row[name] for name in names}
    return {**told, "content": row["content"]} if whole else told


def artefact_json(
    row: Mapping[str, object], version: Mapping[str, Any], *, whole: bool = False
) -> dict[str, object]:  # Any: a row's values
    told = {name: row[name] for name in ArtefactOut.model_fields if name != "latest"}
    return {**told, "latest": version_json(version, whole=whole)}


def set_json(row: Mapping[str, object]) -> dict[str, object]:
    return {name: row[name] for name in SetOut.model_fields}
