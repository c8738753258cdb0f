"""How fast each move may be, and the corner between two moves.

Imports numpy: only the process that looks at every move may import this."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.slicer.gcode.machine import Machine
from agent.slicer.gcode.moves import Moves
from agent.slicer.gcode.scanning import Flags, Floats, Ints

TINY = 1e-12
SLOWEST = 0.01  # mm/s
SQUARE_CORNER = np.sqrt(2.0) - 1.0
STRAIGHT = 1.0 - 1e-6


@dataclass(frozen=True, slots=True)
class Limited:
    """By move: mm/s, mm/s², and the square of the fastest speed at its beginning."""

    speed: Floats
    acceleration: Floats
    corner: Floats


@dataclass(frozen=True, slots=True)
class _Rules:
    """The machine's limits at each move; by axis where there are four rows."""

    speed: Floats
    acceleration: Floats
    jerk: Floats
    overall_speed: Floats
    corner: Floats
    deviation: Floats

    @classmethod
    def of(cls, machines: Sequence[Machine], machine: Ints) -> "_Rules":
        def column(name: str) -> Floats:
            values = np.array([getattr(one, name) for one in machines]).T
            return values[..., machine] if len(machines) > 1 else values

        return cls(*(column(name) for name in cls.__slots__))


@dataclass(frozen=True, slots=True)
class _Side:
    """The moves before each corner: those of the block, moved by one."""

    direction: Floats
    speed: Floats
    safe: Floats
    acceleration: Floats
    moves_head: Flags

    def then(self, before: "_Side") -> "_Side":
        """With the last of the block before in front, and without the last one."""
        return _Side(
            *(
                np.concatenate((getattr(before, name), getattr(self, name)[..., :-1]), axis=-1)
                for name in self.__slots__
            )
        )

    def first(self) -> "_Side":
        return _Side(*(getattr(self, name)[..., :1] for name in self.__slots__))

    def last(self) -> "_Side":
        return _Side(*(getattr(self, name)[..., -1:].copy() for name in self.__slots__))


class Corners:
    """Remembers the last move of a block, for the corner to the first one of the next."""

    def __init__(self) -> None:
        self._last: _Side | None = None

    def limit(
        self,
        moves: Moves,
        acceleration: Floats,
        machines: Sequence[Machine],
        machine: Ints,
        stops: Flags,
    ) -> Limited:
        """`machine` says which of `machines` holds; `stops`, before which moves the head stands
        still."""
        rules = _Rules.of(machines, machine)
        part = np.abs(moves.start) + TINY
        speed = np.minimum(moves.speed, rules.overall_speed)
        speed = np.minimum(speed, (rules.speed / part).min(axis=0))
        acceleration = np.minimum(acceleration, (rules.acceleration / part).min(axis=0))
        if moves.arcs is not None:  # what turns the head takes acceleration as well
            rows = moves.arcs.rows
            round_it = np.sqrt(acceleration[rows] * moves.arcs.radius)
            speed[rows] = np.minimum(speed[rows], np.maximum(round_it, 1.0))
        speed = np.maximum(speed, SLOWEST)
        safe = np.minimum(speed, (rules.jerk / part).min(axis=0))
        side = _Side(moves.end, speed, safe, acceleration, moves.moves_head)
        if self._last is None:
            stops = np.concatenate(([True], stops[1:]))
        before = side.then(self._last or side.first())
        self._last = side.last()
        corner = _by_jerk(before, moves, side, rules.jerk, stops)
        if any(one.corner or one.deviation for one in machines):
            angle = _by_angle(before, moves, side, rules)
            angle[~(moves.moves_head & before.moves_head) | stops] = 0.0
            corner = np.where((rules.corner > 0) | (rules.deviation > 0), angle, corner)
        return Limited(speed, acceleration, corner)


def _by_jerk(before: _Side, moves: Moves, after: _Side, jerk: Floats, stops: Flags) -> Floats:
    """No axis may change its speed at once by more than its jerk. One that turns round passes
    through standing still, so that either side counts by itself."""
    ends, begins = before.direction, moves.start
    change = np.where(
        ends * begins > 0, np.abs(begins - ends), np.maximum(np.abs(ends), np.abs(begins))
    )
    slower = np.minimum(before.speed, after.speed)
    corner = np.minimum(slower, (jerk / (change + TINY)).min(axis=0))
    both_safe = np.minimum(before.safe, after.safe)
    corner = np.where(both_safe > 0.99 * corner, after.safe, corner)
    corner = np.where(stops, both_safe, corner)
    square: Floats = corner * corner
    return square


def _by_angle(before: _Side, moves: Moves, after: _Side, rules: _Rules) -> Floats:
    """As if the corner were an arc that touches both ways and leaves the corner's point by a
    small distance: Marlin is told the distance, Klipper the speed at a right angle."""
    ends, begins = before.direction[:3], moves.start[:3]
    norm = np.linalg.norm(ends, axis=0) * np.linalg.norm(begins, axis=0) + TINY
    cosine = -np.sum(ends * begins, axis=0) / norm
    half = np.sqrt(np.clip((1 - cosine) / 2, 0.0, 1.0))
    acceleration = np.minimum(before.acceleration, after.acceleration)
    square = np.where(
        rules.corner > 0,
        rules.corner * rules.corner * SQUARE_CORNER,
        rules.deviation * acceleration,
    )
    limit = np.where(half >= STRAIGHT, np.inf, square * half / np.maximum(1 - half, TINY))
    slower = np.minimum(before.speed, after.speed)
    found: Floats = np.minimum(limit, slower * slower)
    return found
