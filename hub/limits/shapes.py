"""What the routes of quotas, costs and usage take and say."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StringConstraints, model_validator

from agent.shared.web import In, Out
from hub.limits.rules import ANY, Period, SubjectKind
from hub.limits.store import Row

NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=NO_CONTROLS)]
Pattern = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=NO_CONTROLS),
]
Most = Annotated[int, Field(strict=True, ge=0, le=10**15)]  # true is no number
Micros = Annotated[int, Field(ge=0, le=10**12)]
By = Literal["day", "month", "model", "user", "provider", "group"]


class QuotaIn(In):
    """`subject`: the id of an account, the name of a group, or a pattern of models; nothing for
    everybody. `is_each`: everybody meant has as much, otherwise they share it."""

    subject_kind: SubjectKind
    subject: Name = ""
    model: Pattern = ANY
    period: Period
    requests: Most | None = None
    tokens: Most | None = None
    cost_micros: Most | None = None
    is_each: StrictBool = False

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.subject_kind == "everybody") == bool(self.subject):
            raise ValueError("everybody has no subject, and every other kind has one")
        if self.requests is None and self.tokens is None and self.cost_micros is None:
            raise ValueError("say a limit: requests, tokens or cost_micros")
        return self


class QuotaChange(In):
    """What is null has no limit; what is left out stays."""

    requests: Most | None = None
    tokens: Most | None = None
    cost_micros: Most | None = None


class LeftOut(Out):
    """null where there is no limit."""

    requests: int | None
    tokens: int | None
    cost_micros: int | None


class QuotaOut(Out):
    id: str
    subject_kind: SubjectKind
    subject: str
    model: str
    period: Period
    requests: int | None
    tokens: int | None
    cost_micros: int | None
    is_each: bool
    created_at: str
    updated_at: str


class UsedOut(Out):
    requests: int
    tokens: int
    cost_micros: int


class SharedQuotaOut(QuotaOut):
    """With what is used of it in the present period. Where each person has as much by themselves:
    what all of them used, and nothing is `left` in common."""

    used: UsedOut
    left: LeftOut | None
    resets_at: str


class QuotasOut(Out):
    items: list[SharedQuotaOut]
    next_cursor: str | None


class OwnQuotaOut(Out):
    """What holds for whoever asks, with what is left of it. What others use counts, too, where it
    is shared."""

    id: str
    subject_kind: SubjectKind
    model: str
    period: Period
    is_each: bool
    requests: int | None
    tokens: int | None
    cost_micros: int | None
    left: LeftOut
    resets_at: str


class OwnQuotasOut(Out):
    items: list[OwnQuotaOut]
    next_cursor: str | None


class CostIn(In):
    """Of a million tokens, in millionths of the currency: 2500000 is 2.50. Patterns such as
    `gpt-*` are allowed; what names the model itself counts before them."""

    model: Pattern
    provider: Pattern = ANY
    prompt_micros_per_million: Micros
    answer_micros_per_million: Micros


class CostOut(Out):
    id: str
    model: str
    provider: str
    prompt_micros_per_million: int
    answer_micros_per_million: int
    updated_at: str


class CostsOut(Out):
    items: list[CostOut]
    next_cursor: str | None


class UsageQuery(In):
    """Both days count. Without them the last thirty."""

    since: Annotated[date | None, Field(alias="from")] = None
    until: Annotated[date | None, Field(alias="to")] = None
    by: By = "day"
    model: Name = ""
    user: Name = ""


class CountedOut(Out):
    requests: int
    failed: int
    prompt_tokens: int
    answer_tokens: int
    cost_micros: int
    milliseconds: int


class UsageOut(CountedOut):
    """`key`: a day, a month, a model, an account's id, a provider or a group; `label`: its name.
    Among days a month stands for itself whose days are not kept any more: 2024-05."""

    key: str
    label: str


class UsagesOut(Out):
    """`total` counts everything once, also what belongs to several groups."""

    since: Annotated[str, Field(serialization_alias="from")]
    until: Annotated[str, Field(serialization_alias="to")]
    by: By
    items: list[UsageOut]
    total: CountedOut
    next_cursor: str | None


def quota(row: Row) -> dict[str, object]:
    return {name: row[name] for name in QuotaOut.model_fields} | {"is_each": bool(row["is_each"])}


def cost(row: Row) -> dict[str, object]:
    return {name: row[name] for name in CostOut.model_fields}
