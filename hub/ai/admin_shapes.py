"""What the routes of model servers, routes and policy take and give."""

from typing import Annotated, Literal

from pydantic import Field, StrictBool, model_validator

from agent.inference.provider import Kind
from agent.shared.web import In, Out
from hub.ai.choosing import By
from hub.ai.specs import KEY, NAME, ProviderFields
from hub.ai.store import Row

Pattern = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x20\x7f]+$")]
Patterns = Annotated[list[Pattern], Field(max_length=200)]


class ProviderIn(ProviderFields):
    """A model server; its key is kept sealed and never shown."""


class ProviderChange(In):
    """What is absent stays. With another host the key has to be given again; null removes it.
    With null for `is_cloud` its address decides."""

    name: str | None = Field(default=None, pattern=NAME)
    url: str | None = Field(default=None, min_length=1, max_length=500)
    key: str | None = Field(default=None, pattern=KEY, description="It has no spaces.")
    is_cloud: StrictBool | None = None
    priority: int | None = Field(default=None, ge=0, le=10_000)
    parallel: int | None = Field(default=None, ge=1, le=1000)
    models: Patterns | None = None
    is_on: StrictBool | None = None

    def values(self) -> dict[str, object]:
        """What was sent; null means something for two of them alone."""
        sent = self.model_dump(exclude_unset=True)
        nulls = ("key", "is_cloud")
        return {name: one for name, one in sent.items() if one is not None or name in nulls}


class ProviderOut(Out):
    """`state` is up, down, unknown or off; `source` says where it is set. `follows_address`:
    `is_cloud` is what its address says."""

    id: str
    name: str
    kind: Kind
    url: str
    source: Literal["environment", "file", "console"]
    has_key: bool
    is_cloud: bool
    follows_address: bool
    priority: int
    parallel: int
    models: list[str]
    is_on: bool
    state: str
    detail: str | None
    warning: str | None
    version: str | None
    models_count: int
    in_flight: int
    breaker: str


class ProvidersOut(Out):
    items: list[ProviderOut]
    next_cursor: str | None


class TestOut(Out):
    is_up: bool
    latency_ms: float | None
    version: str | None
    models: list[str]
    detail: str | None


class CandidateIn(In):
    provider: Pattern = Field(default="*", description="Name of a model server, or *.")
    model: Pattern = Field(default="*", description="Name of a model; * is the one asked for.")


class RouteIn(In):
    """Names that match `pattern` are answered by the candidates, one after the other: as they stand
    (order), the cheapest, the fastest, or those on the premises (place) first."""

    pattern: Pattern
    candidates: list[CandidateIn] = Field(min_length=1, max_length=50)
    by: By = "order"
    position: int = Field(default=100, ge=0, le=100_000)
    is_on: StrictBool = True
    note: str = Field(default="", max_length=500)


class RouteChange(In):
    pattern: Pattern | None = None
    candidates: list[CandidateIn] | None = Field(default=None, min_length=1, max_length=50)
    by: By | None = None
    position: int | None = Field(default=None, ge=0, le=100_000)
    is_on: StrictBool | None = None
    note: str | None = Field(default=None, max_length=500)


class CandidateOut(Out):
    """`is_missing`: there is no model server of this name any more."""

    provider: str
    model: str
    is_missing: bool


class RouteOut(Out):
    id: str
    pattern: str
    position: int
    by: By
    candidates: list[CandidateOut]
    is_on: bool
    note: str
    created_at: str
    updated_at: str


class RoutesOut(Out):
    items: list[RouteOut]
    next_cursor: str | None


class RuleIn(In):
    """A group's rule, or that of everybody who is in no group with a rule."""

    subject_kind: Literal["everybody", "group"]
    subject: str = Field(default="", max_length=200, description="Name of the group.")
    models: Patterns = Field(default=["*"])
    providers: Patterns = Field(default=["*"])
    cloud: StrictBool = Field(default=True, description="Whether text may leave for a cloud.")

    @model_validator(mode="after")
    def _has_a_subject(self) -> "RuleIn":
        if (self.subject_kind == "group") != bool(self.subject):
            raise ValueError("a group's rule names the group, and that of everybody names none")
        return self


class PolicyIn(In):
    rules: list[RuleIn] = Field(max_length=500)


class RuleOut(Out):
    subject_kind: Literal["everybody", "group"]
    subject: str
    models: list[str]
    providers: list[str]
    cloud: bool


class PolicyOut(Out):
    rules: list[RuleOut]


class MyPolicyOut(Out):
    """What holds for you: with several rules, what any of them allows."""

    cloud: bool
    models: list[str]
    providers: list[str]
    rules: list[RuleOut]


def sent(asked: In) -> dict[str, object]:
    """What was sent of a change; null is as if it were absent."""
    whole = asked.model_dump()  # with what a candidate leaves out
    return {name: whole[name] for name in asked.model_fields_set if whole[name] is not None}


def route_json(row: Row) -> dict[str, object]:
    return {name: row[name] for name in RouteOut.model_fields}


def rule_json(row: Row) -> dict[str, object]:
    return {name: row[name] for name in RuleOut.model_fields}
