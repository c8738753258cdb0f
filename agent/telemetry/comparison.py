"""Before and after: what changed since a baseline was saved, and whether it is only noise."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Json = Mapping[str, Any]  # Any: JSON values
Verdict = Literal["better", "worse", "no clear change", "too few requests", "new", "gone"]

FORMAT = "orca-agents.baseline"
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
LEAST = 20  # of fewer, a median says little
# What is compared, how it is called, and whether more of it is better.
MEASURES = {
    "tokens_per_second": ("tokens/s", True),
    "first_token_warm_ms": ("first token, warm", False),
    "load_cold_ms": ("loading, cold", False),
    "total_ms": ("whole answer", False),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One measure of one model: medians and how many they are of, None where there were none."""

    model: str
    backend: str
    measure: str
    before: float | None
    after: float | None
    before_count: int
    after_count: int
    delta_percent: float | None
    verdict: Verdict

    @property
    def sentence(self) -> str:
        """The judgement in words."""
        if self.verdict in {"new", "gone"}:
            return "was not used before" if self.verdict == "new" else "is not used any more"
        if self.verdict == "too few requests":
            counts = f"{self.before_count} before, {self.after_count} after"
            return f"too few to tell: {counts}, {LEAST} wanted"
        if self.verdict == "no clear change":
            return "no clear change: within the noise"
        is_speed = MEASURES[self.measure][1]
        words = ("faster", "slower") if is_speed else ("shorter", "longer")
        went_up = (self.delta_percent or 0) > 0
        word = words[went_up != is_speed]
        return f"{self.verdict}: {abs(self.delta_percent or 0):.0f} % {word}"


def baseline(name: str, saved_at: str, performance: Json) -> dict[str, object]:
    """What is kept of how fast models are now."""
    kept = {key: performance[key] for key in ("since", "until", "is_whole", "items")}
    return {"format": FORMAT, "name": name, "saved_at": saved_at, **kept}


def changes(
    before: Iterable[Json], after: Iterable[Json], *, renamed: Mapping[str, str]
) -> list[Change]:
    """Of every model, by name. `renamed` says which model took the place of which."""
    old = {(renamed.get(one["model"], one["model"]), one["backend"]): one for one in before}
    new = {(one["model"], one["backend"]): one for one in after}
    return [
        change
        for where in sorted(old.keys() | new.keys())
        for measure in MEASURES
        if (change := _change(where, measure, old.get(where), new.get(where)))
    ]


def _change(
    where: tuple[str, str], measure: str, old: Json | None, new: Json | None
) -> Change | None:
    before = old[measure] if old else None
    after = new[measure] if new else None
    if not before and not after:
        return None
    delta = None
    if before and after and before["p50"]:
        delta = round((after["p50"] - before["p50"]) / before["p50"] * 100, 1)
    return Change(
        *where,
        measure,
        before["p50"] if before else None,
        after["p50"] if after else None,
        before["count"] if before else 0,
        after["count"] if after else 0,
        delta,
        _verdict(measure, before, after),
    )


def _verdict(measure: str, before: Json | None, after: Json | None) -> Verdict:
    if not before or not after:
        return "new" if after else "gone"
    if min(before["count"], after["count"]) < LEAST:
        return "too few requests"
    if after["p50_low"] <= before["p50_high"] and before["p50_low"] <= after["p50_high"]:
        return "no clear change"
    is_more = after["p50"] > before["p50"]
    return "better" if is_more == MEASURES[measure][1] else "worse"


def conclusion(found: Sequence[Change]) -> str:
    """All of it in a sentence or two."""
    clear = [one for one in found if one.verdict in {"better", "worse"}]
    told = [
        f"{one.model} on {one.backend}: {MEASURES[one.measure][0]} {one.sentence}" for one in clear
    ]
    if told:
        return "; ".join(told) + "."
    if any(one.verdict == "no clear change" for one in found):
        return "Nothing has clearly changed."
    if all(one.verdict in {"new", "gone"} for one in found):
        return "No model was used both before and after."
    return f"It is too early to tell: {LEAST} answers of a model on each side are wanted."
