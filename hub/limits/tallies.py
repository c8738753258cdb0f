"""What models were asked since this process began, for Prometheus."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from hub.core import Reading
from hub.limits.rules import Used

MOST = 500  # of pairs of model and provider: names are not without end
SUMS = {
    "prompt_tokens": "Tokens that models have read.",
    "answer_tokens": "Tokens that models have written.",
    "cost_micros": "What it cost by the price table, in millionths.",
}
REST = ("(others)", "(others)")


class Tallies:
    """Counts what was settled."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._tokens: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])

    def count(self, model: str, used: Used, cost_micros: int) -> None:
        where = (model, used.provider)
        if where not in self._tokens and len(self._tokens) >= MOST:
            where = REST
        self._requests[*where, used.outcome] += 1
        tokens = self._tokens[where]
        tokens[0] += used.prompt_tokens
        tokens[1] += used.answer_tokens
        tokens[2] += cost_micros

    def readings(self) -> Iterator[Reading]:
        for (model, provider, outcome), count in self._requests.items():
            labels = {"model": model, "provider": provider, "outcome": outcome}
            said = "Requests to models that have ended."
            yield Reading("model_requests", said, count, labels, is_counter=True)
        for place, (name, said) in enumerate(SUMS.items()):
            for (model, provider), counts in self._tokens.items():
                labels = {"model": model, "provider": provider}
                yield Reading(name, said, counts[place], labels, is_counter=True)
