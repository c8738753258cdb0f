"""How long each move takes, with acceleration: what a firmware's planner would do.

Imports numpy: only the process that looks at every move may import this.

A move speeds up, keeps its speed and slows down. How fast it may begin is bounded by the corner
before it, and by all corners behind it that it must be able to slow down for. In squares of speeds
both bounds are sums, so that the whole look-ahead is a running minimum:

    entry²[i] = min over k ≥ i of (corner²[k] + way[i..k]),  way = 2 · acceleration · length
"""

from dataclasses import dataclass, fields

import numpy as np

from agent.slicer.gcode.scanning import Floats, Ints

TINY = 1e-12
MOST_WAITING = 200_000


@dataclass(slots=True)
class Plan:
    """Moves whose time is not known yet: what comes behind them may still slow them down.

    `corner` is the square of the fastest speed at the beginning of each move."""

    length: Floats
    speed: Floats
    acceleration: Floats
    corner: Floats
    flow: Floats  # mm³ by mm of the way
    kind: Ints
    layer: Ints
    feature: Ints
    fan: Floats

    def __len__(self) -> int:
        return len(self.length)

    def part(self, begin: int, end: int | None = None) -> "Plan":
        return Plan(*(getattr(self, field.name)[begin:end] for field in fields(self)))

    def joined(self, other: "Plan") -> "Plan":
        return Plan(
            *(
                np.concatenate((getattr(self, field.name), getattr(other, field.name)))
                for field in fields(self)
            )
        )


@dataclass(frozen=True, slots=True)
class Timed:
    """Moves that are done: seconds, and the fastest speed that each reached."""

    plan: Plan
    seconds: Floats
    peak: Floats


class Planner:
    """Takes moves as they come, gives those back whose time nothing can change any more."""

    def __init__(self, *, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._waiting: Plan | None = None
        self._last_entry = 0.0

    def add(self, plan: Plan) -> Timed | None:
        plan = self._waiting.joined(plan) if self._waiting is not None else plan
        way = 2 * plan.acceleration * plan.length
        upto = np.concatenate(([0.0], np.cumsum(way)))
        ahead = np.minimum.accumulate((plan.corner + upto[:-1])[::-1])[::-1]
        # Where what is known already asks for slowing down to nothing, the rest cannot ask more.
        done = int(np.searchsorted(ahead, upto[-1], side="right")) - 1
        if done <= 0 and len(plan) < self._most_waiting:
            self._waiting = plan
            return None
        if done <= 0:
            self._waiting = None
            return self._timed(
                plan, np.minimum(np.append(ahead, np.inf), upto[-1]) - upto, way, upto
            )
        entry = ahead[: done + 1] - upto[: done + 1]
        timed = self._timed(plan.part(0, done), entry, way[:done], upto[: done + 1])
        self._waiting = plan.part(done)
        self._waiting.corner = self._waiting.corner.copy()
        self._waiting.corner[0] = self._last_entry
        return timed

    def finish(self) -> Timed | None:
        """The end: everything slows down to nothing."""
        plan, self._waiting = self._waiting, None
        if plan is None or not len(plan):
            return None
        way = 2 * plan.acceleration * plan.length
        upto = np.concatenate(([0.0], np.cumsum(way)))
        ahead = np.minimum.accumulate(np.append(plan.corner + upto[:-1], upto[-1])[::-1])[::-1]
        return self._timed(plan, ahead - upto, way, upto)

    def _timed(self, plan: Plan, entry: Floats, way: Floats, upto: Floats) -> Timed:
        """`entry` has one more than there are moves: the square of the speed at the very end."""
        reached = np.minimum.accumulate(entry - upto) + upto
        reached = np.maximum(reached, 0.0)
        self._last_entry = float(reached[-1])
        begin, end = np.sqrt(reached[:-1]), np.sqrt(reached[1:])
        most = np.sqrt((way + reached[:-1] + reached[1:]) / 2)
        peak = np.minimum(np.maximum(plan.speed, np.maximum(begin, end)), most)
        ramps = (2 * peak - begin - end) / plan.acceleration
        ramp_length = (2 * peak * peak - reached[:-1] - reached[1:]) / (2 * plan.acceleration)
        level = np.maximum(plan.length - ramp_length, 0.0) / np.maximum(peak, TINY)
        return Timed(plan, ramps + level, peak)
