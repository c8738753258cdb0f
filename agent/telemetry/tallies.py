"""What Prometheus is told, counted in memory since the start; labels are few, whoever asks."""

from bisect import bisect_left
from collections import Counter

from agent.telemetry.rules import RequestRecord

OTHER = "other"
MODELS, BACKENDS, CODES = 50, 20, 100
LABEL_CHARACTERS = 100
# A cached answer takes a millisecond, a long one of a large model on a small machine ten minutes.
TOTAL_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600)
FIRST_TOKEN_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 12, 30, 60, 120, 300)
WAIT_S = (0.001, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)
TOKENS_PER_SECOND = (1, 2, 5, 10, 15, 20, 30, 40, 60, 80, 120, 200, 400, 1000)


class Names:
    """The first `most` names keep theirs, all others share one."""

    def __init__(self, most: int) -> None:
        self._most, self._known = most, dict[str, str]()

    def __call__(self, name: str) -> str:
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= self._most:
                return OTHER
            known = self._known[name] = name[:LABEL_CHARACTERS] or "none"
        return known


class Histogram:
    """Counts by upper bound; a value on a bound belongs below it."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds, self.counts, self.sum = bounds, [0] * (len(bounds) + 1), 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[tuple[str, float]]:
        """As Prometheus wants them: bound and how many lie at it or below, the last for all."""
        rows, below = [], 0
        for bound, count in zip((*self.bounds, None), self.counts, strict=True):
            below += count
            rows.append(("+Inf" if bound is None else str(float(bound)), float(below)))
        return rows


Where = tuple[str, str]  # model and backend


class Histograms(dict[Where, Histogram]):
    """One for each model and backend that was heard of."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        super().__init__()
        self._bounds = bounds

    def __missing__(self, where: Where) -> Histogram:
        made = self[where] = Histogram(self._bounds)
        return made


class Tallies:
    """Everything that is counted by request."""

    def __init__(self) -> None:
        self._model, self._backend, self._code = Names(MODELS), Names(BACKENDS), Names(CODES)
        self.requests: Counter[tuple[str, str, str, str]] = Counter()  # kind first, outcome last
        self.errors: Counter[str] = Counter()
        self.prompt_tokens: Counter[Where] = Counter()
        self.completion_tokens: Counter[Where] = Counter()
        self.cached: Counter[Where] = Counter()
        self.cold: Counter[Where] = Counter()
        self.total_s, self.first_token_s = Histograms(TOTAL_S), Histograms(FIRST_TOKEN_S)
        self.queued_s, self.speed = Histograms(WAIT_S), Histograms(TOKENS_PER_SECOND)
        self.dropped = 0  # records that could not be saved, and were given up

    def add(self, record: RequestRecord) -> None:
        where = self._model(record.model), self._backend(record.backend)
        self.requests[(record.kind, *where, record.outcome)] += 1
        if record.code:
            self.errors[self._code(record.code)] += 1
        if record.prompt_tokens:
            self.prompt_tokens[where] += record.prompt_tokens
        if record.completion_tokens:
            self.completion_tokens[where] += record.completion_tokens
        if record.cached:
            self.cached[where] += 1
        elif record.was_cold:
            self.cold[where] += 1
        self.total_s[where].add(record.total_ms / 1000)
        self.queued_s[where].add(record.queued_ms / 1000)
        if record.first_token_ms:
            self.first_token_s[where].add(record.first_token_ms / 1000)
        if record.tokens_per_second:
            self.speed[where].add(record.tokens_per_second)
