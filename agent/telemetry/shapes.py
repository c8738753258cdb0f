"""What the routes of telemetry take and give, as documented to clients."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from agent.shared.statements import Row
from agent.shared.web import In, Out, Page
from agent.telemetry.rules import Kind, Outcome, Performance

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2999, 12, 31, tzinfo=UTC)
Since = Annotated[AwareDatetime, AfterValidator(lambda at: min(max(at, EARLIEST), LATEST))]


class RequestsQuery(Page):
    """`since` is RFC 3339 with an offset; in an address write Z, or %2B for a plus."""

    project: str | None = None
    model: str | None = None
    kind: Kind | None = None
    outcome: Outcome | None = None
    since: Since | None = None
    limit: int = Field(default=50, ge=1, le=1000)


class DaysQuery(Page):
    project: str | None = None
    model: str | None = None
    since: Since | None = None
    limit: int = Field(default=100, ge=1, le=1000)


class PerformanceQuery(In):
    """Without `since`: the last seven days."""

    project: str | None = None
    model: str | None = None
    backend: str | None = None
    since: Since | None = None


class RequestOut(Out):
    """A request that has ended. 0 and "" stand for what is not known or did not happen."""

    id: str
    at: str
    kind: Kind
    outcome: Outcome
    project: str
    model: str
    backend: str
    provider: str
    client: str
    code: str
    queued_ms: float
    load_ms: float
    first_token_ms: float
    total_ms: float
    prompt_tokens: int
    completion_tokens: int
    tokens_per_second: float
    cached: bool
    was_cold: bool


class RequestsPage(Out):
    items: list[RequestOut]
    next_cursor: str | None


class DayOut(Out):
    """Counters of a project with a model on a backend on one day, in UTC."""

    day: str
    project: str
    model: str
    backend: str
    requests: int
    done: int
    cancelled: int
    failed: int
    rejected: int
    timed_out: int
    interrupted: int
    cached: int
    cold: int
    prompt_tokens: int
    completion_tokens: int
    queued_ms: int
    total_ms: int


class DaysPage(Out):
    items: list[DayOut]
    next_cursor: str | None


class SpreadOut(Out):
    """By nearest rank. The true median lies from `p50_low` to `p50_high` in 95 of 100 cases."""

    count: int
    p50: float
    p95: float
    p99: float
    p50_low: float
    p50_high: float


class PerformanceOut(Out):
    """A model on a backend. Spreads are of answers that it made to their end; null without any."""

    model: str
    backend: str
    requests: int
    outcomes: dict[str, int]
    cached: int
    cold: int
    queued_ms: SpreadOut | None
    load_cold_ms: SpreadOut | None
    load_warm_ms: SpreadOut | None
    first_token_ms: SpreadOut | None
    first_token_warm_ms: SpreadOut | None
    tokens_per_second: SpreadOut | None
    total_ms: SpreadOut | None


class PerformancePage(Out):
    """`is_whole` is false where there were more requests than the 20,000 latest, which count."""

    since: str
    until: str
    is_whole: bool
    items: list[PerformanceOut]
    next_cursor: str | None


def equal(query: RequestsQuery | DaysQuery | PerformanceQuery) -> dict[str, str]:
    """The filters that were given."""
    return query.model_dump(exclude_none=True, exclude={"since", "cursor", "limit"})


def row_json(row: Row) -> dict[str, object]:
    """A row as it leaves: without its number in the table."""
    return {name: value for name, value in row.items() if name != "number"}


def performance_json(one: Performance) -> dict[str, object]:
    return asdict(one)
