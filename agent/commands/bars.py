"""Small plots of letters: a column of blocks for each stretch of layers."""

import itertools
import math
from collections.abc import Callable, Sequence

WIDEST = 6
LEVELS = " ▁▂▃▄▅▆▇█"
Gather = Callable[[Sequence[float]], float]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def gathered(values: Sequence[float], width: int, gather: Gather) -> list[float]:
    """At most `width` numbers: each stands for as many neighbours as the others, or one more.
    Few values are drawn several columns wide. What is no number counts as nothing."""
    finite = [value if math.isfinite(value) else 0.0 for value in values]
    if len(finite) <= width:
        wide = min(width // max(len(finite), 1), WIDEST)
        return [value for value in finite for _ in range(wide)]
    edges = [len(finite) * step // width for step in range(width + 1)]
    return [gather(finite[low:high]) for low, high in itertools.pairwise(edges)]


def columns(values: Sequence[float], top: float, height: int) -> list[str]:
    """The lines of a plot from top to bottom; `top` fills a column. A value above 0 is seen."""
    steps = len(LEVELS) - 1
    filled = []
    for value in values:
        share = min(max(value / top, 0.0), 1.0) if top > 0 else 0.0
        filled.append(max(round(share * steps * height), 1 if value > 0 else 0))
    return [
        "".join(LEVELS[min(max(fill - row * steps, 0), steps)] for fill in filled)
        for row in reversed(range(height))
    ]


def stretches(values: Sequence[float]) -> list[tuple[int, float]]:
    """Where a value begins to be another: the index, and the value from there on."""
    return [
        (index, value)
        for index, value in enumerate(values)
        if not index or value != values[index - 1]
    ]
