"""Quotas, costs and periods: what holds for whom and what is left, decided with values alone."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Literal

SubjectKind = Literal["user", "group", "model", "everybody"]
Period = Literal["day", "month"]
Outcome = Literal["done", "failed", "cancelled"]
ANY = "*"
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a request takes: money in millionths of the hub's currency."""

    requests: int = 0
    tokens: int = 0
    cost_micros: int = 0


@dataclass(frozen=True, slots=True)
class Quota:
    """How much a subject may use in a period; what is None has no limit. With `is_each` every
    person has as much, otherwise the subject's people share it."""

    id: str
    subject_kind: SubjectKind
    subject: str
    model: str
    period: Period
    requests: int | None
    tokens: int | None
    cost_micros: int | None
    is_each: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Counter:
    """One of a quota's, in one of its periods. Sorted, they are locked without a deadlock."""

    quota_id: str
    starts_at: str
    who: str


@dataclass(frozen=True, slots=True)
class Reservation:
    """What was set aside for one request. It ends by itself when its replica has died. Where
    another model has to answer, its id is the first one's with `~` and a number."""

    id: str
    account_id: str
    model: str
    day: str
    amounts: Amounts
    counters: tuple[Counter, ...] = ()
    answer_tokens: int = 0  # how long the answer may be: less than wanted where no more was left

    @property
    def key(self) -> str:
        """What stays the same whichever model answers: the id of the run, if it is for one."""
        return self.id.partition("~")[0]

    @property
    def next_id(self) -> str:
        number = self.id.partition("~")[2] or "0"
        return f"{self.key}~{int(number) + 1}"


@dataclass(frozen=True, slots=True)
class Used:
    """What a request came to. Of a provider that said nothing, what was counted here."""

    prompt_tokens: int
    answer_tokens: int
    seconds: float
    provider: str
    outcome: Outcome = "done"


@dataclass(frozen=True, slots=True)
class Price:
    """Of a million tokens, for a model (or a pattern) at a provider."""

    model: str
    provider: str
    prompt_micros_per_million: int
    answer_micros_per_million: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose request, for which model: what decides which quotas hold."""

    account_id: str
    groups: Sequence[str]
    model: str


def holds(quota: Quota, asked: Asked) -> bool:
    """Whether a quota is about this request."""
    if not fnmatchcase(asked.model, quota.model):
        return False
    match quota.subject_kind:
        case "user":
            return quota.subject == asked.account_id
        case "group":
            return quota.subject in asked.groups
        case "model":
            return fnmatchcase(asked.model, quota.subject)
        case "everybody":
            return True


def counter_of(quota: Quota, account_id: str, now: datetime) -> Counter:
    return Counter(quota.id, period_starts(quota.period, now), account_id if quota.is_each else "")


def period_starts(period: Period, now: datetime) -> str:
    """The day on which it began, by UTC: `2026-01-31`, or the first of the month."""
    day = now.astimezone(UTC).date()
    return (day if period == "day" else day.replace(day=1)).isoformat()


def resets_at(period: Period, now: datetime) -> datetime:
    """When the next one begins."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "day":
        return midnight + timedelta(days=1)
    return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)


def exceeds(quota: Quota, used: Amounts, wanted: Amounts) -> str | None:
    """The name of the first limit that `wanted` would not fit under; None if all of it fits."""
    for name in ("requests", "tokens", "cost_micros"):
        most: int | None = getattr(quota, name)
        more: int = getattr(wanted, name)
        if most is not None and more and getattr(used, name) + more > most:
            return name
    return None


def room(
    what: str, most: int, prices: Sequence[Price], model: str, prompt_tokens: int, longest: int
) -> int:
    """How long an answer, shorter than `longest`, fits under `most` of `what` with its question;
    less than nothing where the question alone does not fit."""
    if what == "tokens":
        return min(most - prompt_tokens, longest - 1)
    if what != "cost_micros":
        return -1

    def dear(answer_tokens: int) -> int:
        return dearest(prices, model, prompt_tokens, answer_tokens)

    return bisect_right(range(longest), most, key=dear) - 1


def left(quota: Quota, used: Amounts) -> dict[str, int | None]:
    """By limit; None where there is none."""
    return {
        name: None if most is None else max(0, most - getattr(used, name))
        for name in ("requests", "tokens", "cost_micros")
        for most in (getattr(quota, name),)
    }


def cost(price: Price | None, prompt_tokens: int, answer_tokens: int) -> int:
    """In millionths, rounded up: what costs something is never free."""
    if price is None:
        return 0
    whole = (
        prompt_tokens * price.prompt_micros_per_million
        + answer_tokens * price.answer_micros_per_million
    )
    return -(-whole // MILLION)


def price_of(prices: Iterable[Price], model: str, provider: str) -> Price | None:
    """The one that says most about it: by its model before a pattern, then by its provider."""
    fitting = [
        one for one in prices if fnmatchcase(model, one.model) and one.provider in (provider, ANY)
    ]
    return max(
        fitting,
        key=lambda one: (one.model == model, len(one.model), one.provider == provider),
        default=None,
    )


def dearest(prices: Iterable[Price], model: str, prompt_tokens: int, answer_tokens: int) -> int:
    """What it costs at most, while it is not known which provider answers."""
    known = list(prices)
    providers = {one.provider for one in known} | {ANY}
    return max(cost(price_of(known, model, one), prompt_tokens, answer_tokens) for one in providers)
