"""Arcs in the plane of the bed: G2 clockwise, G3 the other way.

Imports numpy: only the process that looks at every move may import this."""

from dataclasses import dataclass

import numpy as np

from agent.slicer.gcode.scanning import CENTRE_X, CENTRE_Y, RADIUS, Flags, Floats, Ints, Scan

CLOCKWISE, COUNTER = 2, 3
TURN = 2 * np.pi


@dataclass(frozen=True, slots=True)
class Arcs:
    """`rows` says which moves they are; angles in radians, seen from the centre; `sweep` is
    positive counter-clockwise. `length` is along the bed, in mm."""

    rows: Ints
    centre_x: Floats
    centre_y: Floats
    radius: Floats
    begin: Floats
    sweep: Floats
    length: Floats

    def among(self, kept: Ints) -> "Arcs":
        """The same, counted in the rows that were kept."""
        place = np.searchsorted(kept, self.rows)
        place = np.minimum(place, max(len(kept) - 1, 0))
        stays = kept[place] == self.rows if len(kept) else np.zeros(len(self.rows), bool)
        return Arcs(
            place[stays],
            *(
                column[stays]
                for column in (
                    self.centre_x,
                    self.centre_y,
                    self.radius,
                    self.begin,
                    self.sweep,
                    self.length,
                )
            ),
        )

    def turned(self, direction: Floats, whole: Floats) -> tuple[Floats, Floats]:
        """The directions at both ends: along the tangents, not along the chord."""
        start, end = direction.copy(), direction.copy()
        share = self.length / whole[self.rows]
        side = np.sign(self.sweep) * share
        for column, angle in ((start, self.begin), (end, self.begin + self.sweep)):
            column[0, self.rows] = -np.sin(angle) * side
            column[1, self.rows] = np.cos(angle) * side
        return start, end

    def corners(self, drawn: Flags) -> tuple[Floats, Floats]:
        """Where the drawn ones are farthest left, right, below, above: at whole quarter turns."""
        found_x, found_y = [], []
        for quarter in range(4):
            angle = quarter * np.pi / 2
            ahead = np.where(self.sweep > 0, angle - self.begin, self.begin - angle) % TURN
            passes = drawn[self.rows] & (ahead <= np.abs(self.sweep))
            found_x.append((self.centre_x + self.radius * np.cos(angle))[passes])
            found_y.append((self.centre_y + self.radius * np.sin(angle))[passes])
        return np.concatenate(found_x), np.concatenate(found_y)


def arcs_of(scan: Scan, unit: Floats, ends: list[tuple[Floats, Floats]]) -> Arcs | None:
    """None where a block has none. An arc without centre and radius is a straight line."""
    is_arc = (scan.codes == CLOCKWISE) | (scan.codes == COUNTER)
    has_centre = scan.given[CENTRE_X] | scan.given[CENTRE_Y]
    rows = np.flatnonzero(is_arc & (has_centre | scan.given[RADIUS]))
    if not len(rows):
        return None
    (from_x, to_x), (from_y, to_y) = ((before[rows], after[rows]) for before, after in ends[:2])
    is_clockwise = scan.codes[rows] == CLOCKWISE
    centre_x = from_x + scan.values[CENTRE_X, rows] * unit[rows]
    centre_y = from_y + scan.values[CENTRE_Y, rows] * unit[rows]
    by_radius = ~has_centre[rows]
    if np.any(by_radius):
        said = scan.values[RADIUS, rows] * unit[rows]
        x, y = _centres(from_x, from_y, to_x, to_y, said, is_clockwise)
        centre_x, centre_y = np.where(by_radius, x, centre_x), np.where(by_radius, y, centre_y)
    radius = np.hypot(from_x - centre_x, from_y - centre_y)
    begin = np.arctan2(from_y - centre_y, from_x - centre_x)
    finish = np.arctan2(to_y - centre_y, to_x - centre_x)
    sweep = np.where(is_clockwise, begin - finish, finish - begin) % TURN
    sweep = np.where(sweep < 1e-9, TURN, sweep)  # back where it began: a whole turn
    length = radius * sweep
    return Arcs(
        rows, centre_x, centre_y, radius, begin, np.where(is_clockwise, -sweep, sweep), length
    )


def _centres(
    from_x: Floats, from_y: Floats, to_x: Floats, to_y: Floats, radius: Floats, clockwise: Flags
) -> tuple[Floats, Floats]:
    """Beside the middle of the chord; a negative radius means the longer way round."""
    x, y = to_x - from_x, to_y - from_y
    chord = np.hypot(x, y)
    height = np.sqrt(np.maximum(radius * radius - chord * chord / 4, 0.0))
    side = np.where(clockwise, -1.0, 1.0) * np.where(radius < 0, -1.0, 1.0)
    scale = np.divide(side * height, chord, out=np.zeros_like(chord), where=chord > 0)
    return from_x + x / 2 - y * scale, from_y + y / 2 + x * scale
