"""How long each move takes, with acceleration: what a firmware's planner would do.

Imports numpy: only the process that looks at every move may import this.

A move speeds up, keeps its speed and slows down. How fast it may begin is bounded by the corner
before it, and by all corners behind it that it must be able to slow down for. In squares of speeds
both bounds are sums, so that the whole look-ahead is a running minimum:

    entry²[i] = min over k ≥ i of (corner²[k] + way[i..k]),  way = 2 · acceleration · length
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from agent.slicer.gcode.machine import Machine
from agent.slicer.gcode.moves import Moves
from agent.slicer.gcode.scanning import Flags, Floats, Ints

TINY = 1e-12
SQUARE_CORNER = np.sqrt(2.0) - 1.0
STRAIGHT = 1.0 - 1e-6
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
class Last:
    """Of the last move of a block, what the corner to the next one depends on."""

    direction: Floats
    speed: float
    safe: float
    acceleration: float
    moves_head: bool


class Corners:
    """The limits of every move, and the corners between them."""

    def __init__(self) -> None:
        self._last: Last | None = None

    def limit(
        self,
        moves: Moves,
        acceleration: Floats,
        machines: Sequence[Machine],
        machine: Ints,
        stops: Flags,
    ) -> tuple[Floats, Floats, Floats]:
        """Speeds, accelerations, and the squares of the corners' speeds. `stops` says before
        which moves the head stands still."""
        table = [
            np.array([getattr(one, name) for one in machines]).T
            for name in ("speed", "acceleration", "jerk")
        ]
        most_speed, most_acceleration, jerk = (
            column[:, machine] if len(machines) > 1 else column for column in table
        )
        part = np.abs(moves.start) + TINY
        overall = np.array([one.overall_speed for one in machines])[machine]
        speed = np.minimum(np.minimum(moves.speed, overall), (most_speed / part).min(axis=0))
        acceleration = np.minimum(acceleration, (most_acceleration / part).min(axis=0))
        if moves.arcs is not None:
            rows = moves.arcs.rows
            round_it = np.sqrt(acceleration[rows] * moves.arcs.radius)
            speed[rows] = np.minimum(speed[rows], np.maximum(round_it, 1.0))
        speed = np.maximum(speed, 0.01)
        corner = self._corners(moves, speed, acceleration, jerk, machines, machine, stops)
        return speed, acceleration, corner

    def _corners(
        self,
        moves: Moves,
        speed: Floats,
        acceleration: Floats,
        jerk: Floats,
        machines: Sequence[Machine],
        machine: Ints,
        stops: Flags,
    ) -> Floats:
        safe = np.minimum(speed, (jerk / (np.abs(moves.start) + TINY)).min(axis=0))
        last = self._last
        if last is None:
            last = Last(np.zeros(4), 0.0, 0.0, float(acceleration[0]), moves_head=False)
            stops = stops.copy()
            stops[0] = True
        before = np.concatenate((last.direction[:, None], moves.end[:, :-1]), axis=1)
        speed_before = np.concatenate(([last.speed], speed[:-1]))
        safe_before = np.concatenate(([last.safe], safe[:-1]))
        slower = np.minimum(speed, speed_before)
        corner = _by_jerk(before, moves.start, slower, jerk)
        both_safe = np.minimum(safe, safe_before) > 0.99 * corner
        corner = np.where(both_safe, safe, corner)
        corner[stops] = np.minimum(safe, np.where(safe_before > 0, safe_before, safe))[stops]
        corner *= corner
        if any(one.corner or one.deviation for one in machines):
            acceleration_before = np.concatenate(([last.acceleration], acceleration[:-1]))
            head_before = np.concatenate(([last.moves_head], moves.moves_head[:-1]))
            pull = np.minimum(acceleration, acceleration_before)
            angle = _by_angle(before, moves.start, slower, pull, machines, machine)
            angle[~(moves.moves_head & head_before) | stops] = 0.0
            rounded = np.array([bool(one.corner or one.deviation) for one in machines])[machine]
            corner = np.where(rounded, angle, corner)
        self._last = Last(
            moves.end[:, -1].copy(),
            float(speed[-1]),
            float(safe[-1]),
            float(acceleration[-1]),
            moves_head=bool(moves.moves_head[-1]),
        )
        return corner


def _by_jerk(before: Floats, after: Floats, speed: Floats, jerk: Floats) -> Floats:
    """No axis may change its speed at once by more than its jerk. One that turns round passes
    through standing still, so that either side counts by itself."""
    change = np.where(
        before * after > 0, np.abs(after - before), np.maximum(np.abs(before), np.abs(after))
    )
    found: Floats = np.minimum(speed, (jerk / (change + TINY)).min(axis=0))
    return found


def _by_angle(
    before: Floats,
    after: Floats,
    speed: Floats,
    acceleration: Floats,
    machines: Sequence[Machine],
    machine: Ints,
) -> Floats:
    """As if the corner were an arc that touches both ways and leaves the corner's point by a
    small distance: Marlin is told the distance, Klipper the speed at a right angle. The square."""
    corner = np.array([one.corner for one in machines])[machine]
    deviation = np.array([one.deviation for one in machines])[machine]
    cosine = -np.sum(before[:3] * after[:3], axis=0)
    norm = np.linalg.norm(before[:3], axis=0) * np.linalg.norm(after[:3], axis=0) + TINY
    half = np.sqrt(np.clip((1 - cosine / norm) / 2, 0.0, 1.0))
    reach = half / np.maximum(1 - half, TINY)
    square = np.where(corner > 0, corner * corner * SQUARE_CORNER, deviation * acceleration)
    limit = np.where(half >= STRAIGHT, np.inf, square * reach)
    return np.minimum(limit, speed * speed)


@dataclass(frozen=True, slots=True)
class Timed:
    """Moves that are done: seconds, and the fastest speed that each reached."""

    plan: Plan
    seconds: Floats
    peak: Floats


class Planner:
    """Takes moves as they come, gives those back whose time nothing can change any more."""

    def __init__(self) -> None:
        self._waiting: Plan | None = None
        self._last_entry = 0.0

    def add(self, plan: Plan) -> Timed | None:
        plan = self._waiting.joined(plan) if self._waiting is not None else plan
        way = 2 * plan.acceleration * plan.length
        upto = np.concatenate(([0.0], np.cumsum(way)))
        ahead = np.minimum.accumulate((plan.corner + upto[:-1])[::-1])[::-1]
        # Where what is known already asks for slowing down to nothing, the rest cannot ask more.
        done = int(np.searchsorted(ahead, upto[-1], side="right")) - 1
        if done <= 0 and len(plan) < MOST_WAITING:
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
