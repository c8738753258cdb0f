"""What is noted of each request to a model, and what can be told from many of them."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, NamedTuple

Kind = Literal["chat", "generate", "vlm", "embed", "batch", "compat-openai", "compat-ollama", "run"]
Outcome = Literal["done", "cancelled", "failed", "rejected", "timed-out", "interrupted"]
OUTCOMES: tuple[Outcome, ...] = (
    "done",
    "cancelled",
    "failed",
    "rejected",
    "timed-out",
    "interrupted",
)
NAME_CHARACTERS = 200
LARGEST = 1 << 53  # what JSON carries exactly


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request, after its end, without a word of what was asked or answered.

    Times are measured with a clock that never jumps. `total_ms` is the whole, waiting included;
    `first_token_ms` begins when the model was asked. 0 stands for "not known" or "nothing", and
    an empty name for "it did not come to that".
    """

    id: str
    at: datetime  # when it came, by the system's clock
    kind: Kind
    outcome: Outcome
    project: str = "default"
    model: str = ""
    backend: str = ""
    provider: str = ""
    client: str = ""
    code: str = ""  # of the problem, if it ended with one
    queued_ms: float = 0.0
    load_ms: float = 0.0
    first_token_ms: float = 0.0
    total_ms: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tokens_per_second: float = 0.0
    cached: bool = False
    was_cold: bool = False  # the model had to be read into memory first


class Place(NamedTuple):
    """Whose counters of a day."""

    day: str
    project: str
    model: str
    backend: str


def tidied(record: RequestRecord) -> RequestRecord:
    """`record` as a database takes it for certain: names of bounded length that UTF-8 can hold,
    numbers that are finite and not negative."""
    return replace(
        record,
        id=_name(record.id),
        project=_name(record.project),
        model=_name(record.model),
        backend=_name(record.backend),
        provider=_name(record.provider),
        client=_name(record.client),
        code=_name(record.code),
        queued_ms=_number(record.queued_ms),
        load_ms=_number(record.load_ms),
        first_token_ms=_number(record.first_token_ms),
        total_ms=_number(record.total_ms),
        prompt_tokens=int(_number(record.prompt_tokens)),
        completion_tokens=int(_number(record.completion_tokens)),
        tokens_per_second=_number(record.tokens_per_second),
    )


def _name(text: str) -> str:
    return text[:NAME_CHARACTERS].encode(errors="replace").decode()


def _number(value: float) -> float:
    return min(max(round(value, 3), 0), LARGEST) if math.isfinite(value) else 0.0


def day_of(moment: datetime) -> str:
    """The day in UTC, as `2026-01-31`."""
    return moment.astimezone(UTC).date().isoformat()


def totals(records: Iterable[RequestRecord]) -> dict[Place, Counter[str]]:
    """What `records` add to the counters of their days."""
    found: dict[Place, Counter[str]] = {}
    for record in records:
        place = Place(day_of(record.at), record.project, record.model, record.backend)
        counters = found.setdefault(place, Counter())
        counters["requests"] += 1
        counters[record.outcome.replace("-", "_")] += 1
        counters["cached"] += record.cached
        counters["cold"] += record.was_cold
        counters["prompt_tokens"] += record.prompt_tokens
        counters["completion_tokens"] += record.completion_tokens
        counters["queued_ms"] += round(record.queued_ms)
        counters["total_ms"] += round(record.total_ms)
    return found


COUNTERS = (
    "requests",
    *(outcome.replace("-", "_") for outcome in OUTCOMES),
    "cached",
    "cold",
    "prompt_tokens",
    "completion_tokens",
    "queued_ms",
    "total_ms",
)


@dataclass(frozen=True, slots=True)
class Spread:
    """How values lie, by nearest rank. The true median lies between `p50_low` and `p50_high` in
    95 of 100 cases: two medians whose ranges meet may well be the same."""

    count: int
    p50: float
    p95: float
    p99: float
    p50_low: float
    p50_high: float


def spread(values: Iterable[float]) -> Spread | None:
    """None where there are no values."""
    ordered = sorted(values)
    if not (count := len(ordered)):
        return None
    half = 0.98 * math.sqrt(count)  # 1.96 standard deviations of how many lie below the median
    low = max(math.floor(count / 2 - half), 1)
    high = min(math.ceil(count / 2 + half) + 1, count)
    p50, p95, p99 = (nearest_rank(ordered, q) for q in (50, 95, 99))
    return Spread(count, p50, p95, p99, ordered[low - 1], ordered[high - 1])


def nearest_rank(ordered: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all do not exceed. Raises IndexError where
    there is none."""
    return ordered[max(math.ceil(percent / 100 * len(ordered)), 1) - 1]


class Sample(NamedTuple):
    """What of a record counts for the speed of a model."""

    model: str
    backend: str
    outcome: str
    cached: bool
    was_cold: bool
    queued_ms: float
    load_ms: float
    first_token_ms: float
    total_ms: float
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class Performance:
    """How fast a model was on a backend. Spreads are of answers that came to their end and were
    made by the model; None where there were none, or the server told nothing."""

    model: str
    backend: str
    requests: int
    outcomes: dict[str, int]
    cached: int
    cold: int
    queued_ms: Spread | None
    load_cold_ms: Spread | None
    load_warm_ms: Spread | None
    first_token_ms: Spread | None
    first_token_warm_ms: Spread | None
    tokens_per_second: Spread | None
    total_ms: Spread | None


def performance(samples: Iterable[Sample]) -> list[Performance]:
    """By model and backend, in the order of their names."""
    grouped: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        grouped.setdefault((sample.model, sample.backend), []).append(sample)
    return [
        _performance(model, backend, some) for (model, backend), some in sorted(grouped.items())
    ]


def _performance(model: str, backend: str, samples: list[Sample]) -> Performance:
    done = [one for one in samples if one.outcome == "done" and not one.cached]
    warm = [one for one in done if not one.was_cold]
    outcomes = Counter(one.outcome for one in samples)
    return Performance(
        model,
        backend,
        len(samples),
        {outcome: outcomes[outcome] for outcome in OUTCOMES},
        sum(one.cached for one in samples),
        sum(one.was_cold for one in samples),
        spread(one.queued_ms for one in done),
        spread(one.load_ms for one in done if one.was_cold and one.load_ms),
        spread(one.load_ms for one in warm if one.load_ms),
        spread(one.first_token_ms for one in done if one.first_token_ms),
        spread(one.first_token_ms for one in warm if one.first_token_ms),
        spread(one.tokens_per_second for one in done if one.tokens_per_second),
        spread(one.total_ms for one in done),
    )
