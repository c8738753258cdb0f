"""How two versions of a file differ, with a bound on how long one looks for it."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

# Of lines that are held against each other: half a second of a processor. Where lines were moved
# about, or a few stand in a file again and again, the time grows by the square of their number.
MOST_STEPS = 2_000_000
MOST_LINES = 40_000
LINES = re.compile(r"[^\n]*\n|[^\n]+")
NO_NEWLINE = "\\ No newline at end of file\n"
Change = tuple[str, int, int, int, int]  # as difflib has them: what, of the old, of the new


@dataclass(frozen=True, slots=True)
class Difference:
    """As `diff -u` writes it. `is_coarse`: all from the first to the last line that differs is
    given as replaced."""

    text: str
    added: int
    removed: int
    is_coarse: bool = False


class TooDifferentError(Exception):
    """It takes too long to find out how they differ."""


class _Bounded(difflib.SequenceMatcher[str]):
    """Counts what it looks at. Raises TooDifferentError."""

    def __init__(self, before: Sequence[str], after: Sequence[str], most_steps: int) -> None:
        super().__init__(None, before, after)
        self._steps_left = most_steps
        found = self.b2j.get  # type: ignore[attr-defined]  # where each line stands in the new one
        self._steps = list(accumulate((len(found(line, ())) + 1 for line in before), initial=0))

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> difflib.Match:
        to = len(self._steps) - 1 if ahi is None else ahi
        self._steps_left -= self._steps[to] - self._steps[alo]
        if self._steps_left < 0:
            raise TooDifferentError
        return super().find_longest_match(alo, ahi, blo, bhi)


def difference(
    path: str, old: tuple[int, str], new: tuple[int, str], *, most_steps: int = MOST_STEPS
) -> Difference:
    """Between two versions (number, content)."""
    before, after = LINES.findall(old[1]), LINES.findall(new[1])
    if before == after:
        return Difference("", 0, 0)
    try:
        changes, is_coarse = _changes(before, after, most_steps), False
    except TooDifferentError:
        changes, is_coarse = _framed(before, after, None), True
    lines = [f"--- {path} (version {old[0]})\n", f"+++ {path} (version {new[0]})\n"]
    matcher = difflib.SequenceMatcher[str](None, "", "")
    matcher.opcodes = changes  # type: ignore[attr-defined]  # for the grouping alone
    for group in matcher.get_grouped_opcodes(3):
        lines += _hunk(before, after, group)
    body = lines[2:]
    return Difference(
        "".join(line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}" for line in lines),
        sum(line.startswith("+") for line in body),
        sum(line.startswith("-") for line in body),
        is_coarse,
    )


def _changes(before: Sequence[str], after: Sequence[str], most_steps: int) -> list[Change]:
    """Raises TooDifferentError."""
    start, end = _same_at_ends(before, after)
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    if len(old) + len(new) > MOST_LINES:
        raise TooDifferentError
    return _framed(before, after, _Bounded(old, new, most_steps).get_opcodes())


def _framed(
    before: Sequence[str], after: Sequence[str], between: Sequence[Change] | None
) -> list[Change]:
    """With what is the same before and after; without `between` all of it is replaced."""
    start, end = _same_at_ends(before, after)
    old, new = len(before) - end, len(after) - end
    changes: list[Change] = [("equal", 0, start, 0, start)] if start else []
    if between is None:
        changes.append(("replace", start, old, start, new))
    else:
        changes += [
            (what, a + start, b + start, c + start, d + start) for what, a, b, c, d in between
        ]
    return [*changes, ("equal", old, len(before), new, len(after))] if end else changes


def _same_at_ends(before: Sequence[str], after: Sequence[str]) -> tuple[int, int]:
    """How many lines are the same at the beginning, and then at the end."""
    most, start, end = min(len(before), len(after)), 0, 0
    while start < most and before[start] == after[start]:
        start += 1
    while end < most - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return start, end


def _hunk(before: Sequence[str], after: Sequence[str], group: Sequence[Change]) -> list[str]:
    first, last = group[0], group[-1]
    lines = [f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n"]
    for what, old, old_end, new, new_end in group:
        if what == "equal":
            lines += [f" {line}" for line in before[old:old_end]]
        else:
            lines += [f"-{line}" for line in before[old:old_end]]
            lines += [f"+{line}" for line in after[new:new_end]]
    return lines


def _range(start: int, end: int) -> str:
    """As `diff` writes it: from 1, and of no line the one before."""
    count = end - start
    if count == 1:
        return str(start + 1)
    return f"{start + 1 if count else start},{count}"
