"""From rows of a block to moves: how far, in which direction, how fast, and what they print.

Imports numpy: only the process that looks at every move may import this."""

from dataclasses import dataclass

import numpy as np

from agent.slicer.gcode.arcs import Arcs, arcs_of
from agent.slicer.gcode.scanning import (
    HOMES,
    SETS_POSITION,
    E,
    F,
    Flags,
    Floats,
    Ints,
    Scan,
    X,
    Z,
)
from agent.slicer.gcode.tracks import State

FIRST_SPEED = 25.0  # mm/s, until the file sets one


@dataclass(slots=True)
class Moves:
    """Arrays of one length, a place for each move. Lengths in mm, speeds in mm/s.

    `start` and `end` are the directions (X, Y, Z, E) at both ends, by one mm of the way; they are
    the same array where no move is an arc. `x`, `y`, `z` is where each move ends."""

    length: Floats
    filament: Floats
    speed: Floats
    start: Floats
    end: Floats
    x: Floats
    y: Floats
    z: Floats
    lines: Ints
    moves_head: Flags
    arcs: Arcs | None

    def __len__(self) -> int:
        return len(self.length)


class Position:
    """Where the head is between two blocks, and how fast it was told to be."""

    def __init__(self) -> None:
        self.axes = [0.0, 0.0, 0.0, 0.0]
        self.speed = FIRST_SPEED

    def follow(self, scan: Scan, state: State) -> Moves:
        """The moves of a block; those that go nowhere are left out."""
        values, given, lines = scan.values, scan.given, scan.lines
        is_set, is_home = scan.codes == SETS_POSITION, scan.codes == HOMES
        unit = state.unit.at(lines)
        is_absolute = state.is_absolute.at(lines) > 0
        is_absolute_e = (state.is_absolute_e.at(lines) > 0) & is_absolute
        if np.any(is_home):
            self._home(values, given, is_home)
        is_reset = is_set | is_home
        ends, ways = [], []
        for axis in range(4):
            absolute = is_absolute if axis != E else is_absolute_e
            before, after = self._along(axis, values[axis] * unit, given[axis], absolute, is_reset)
            ends.append((before, after))
            ways.append(np.where(is_reset, 0.0, after - before))
        speed = self._speeds(values[F] * unit / 60, given[F] & ~is_reset)
        speed = speed * state.speed_factor.at(lines)
        return self._moves(scan, unit, ends, ways, speed)

    def _home(self, values: Floats, given: Flags, is_home: Flags) -> None:
        names_none = is_home & ~np.any(given[X : Z + 1], axis=0)
        for axis in range(X, Z + 1):
            given[axis] |= names_none
            values[axis, is_home] = 0.0
        given[E, is_home] = False

    def _along(
        self, axis: int, value: Floats, given: Flags, absolute: Flags, is_reset: Flags
    ) -> tuple[Floats, Floats]:
        """Before and after each row: from the last place that was set, plus what was added."""
        carried = self.axes[axis]
        sets = given & (absolute | is_reset)
        last = np.maximum.accumulate(np.where(sets, np.arange(len(value)), -1))
        after = np.where(last >= 0, value[last], carried)
        adds = given & ~sets
        if np.any(adds):
            added = np.cumsum(np.where(adds, value, 0.0))
            after += added - np.where(last >= 0, added[last], 0.0)
        before = np.empty_like(after)
        before[:1], before[1:] = carried, after[:-1]
        if len(after):
            self.axes[axis] = float(after[-1])
        return before, after

    def _speeds(self, value: Floats, given: Flags) -> Floats:
        given = given & (value > 0)
        last = np.maximum.accumulate(np.where(given, np.arange(len(value)), -1))
        speed = np.where(last >= 0, value[last], self.speed)
        if len(speed):
            self.speed = float(speed[-1])
        return speed

    def _moves(
        self,
        scan: Scan,
        unit: Floats,
        ends: list[tuple[Floats, Floats]],
        ways: list[Floats],
        speed: Floats,
    ) -> Moves:
        x, y, z, e = ways
        length = np.sqrt(x * x + y * y + z * z)
        arcs = arcs_of(scan, unit, ends)
        if arcs is not None:
            length[arcs.rows] = np.hypot(arcs.length, z[arcs.rows])
        kept = np.flatnonzero((length > 1e-9) | (np.abs(e) > 1e-9))
        length, e = length[kept], e[kept]
        moves_head = length > 1e-9
        whole = np.where(moves_head, length, np.abs(e))
        start = np.stack([x[kept], y[kept], z[kept], e]) / whole
        end = start
        if arcs is not None:
            arcs = arcs.among(kept)
            start, end = arcs.turned(start, whole)
        return Moves(
            length=whole,
            filament=e,
            speed=speed[kept],
            start=start,
            end=end,
            x=ends[0][1][kept],
            y=ends[1][1][kept],
            z=ends[2][1][kept],
            lines=scan.lines[kept],
            moves_head=moves_head,
            arcs=arcs,
        )
