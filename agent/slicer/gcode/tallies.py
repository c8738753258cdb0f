"""Sums and extremes by layer and by feature, while the moves go by.

Imports numpy: only the process that looks at every move may import this."""

from dataclasses import dataclass

import numpy as np

from agent.slicer.gcode.moves import Moves
from agent.slicer.gcode.planning import Timed
from agent.slicer.gcode.scanning import Flags, Floats, Ints

TRAVEL, EXTRUSION, RETRACTION, OTHER = range(4)
# Coordinates are rounded to a micrometre or ten: the flow of what is shorter means nothing.
SHORTEST_MM = 0.1


class Table:
    """Columns that grow; every row begins at 0."""

    def __init__(self, *columns: str) -> None:
        self._columns = {name: np.zeros(64) for name in columns}
        self.count = 1

    def __getitem__(self, name: str) -> Floats:
        return self._columns[name][: self.count]

    def grow(self, count: int) -> None:
        self.count = max(self.count, count)
        for name, column in self._columns.items():
            if len(column) < self.count:
                more = np.zeros(max(self.count, 2 * len(column)))
                more[: len(column)] = column
                self._columns[name] = more

    def add(self, name: str, rows: Ints, values: Floats) -> None:
        """`rows` may repeat, and lie close together."""
        if len(rows):
            first = int(rows.min())
            sums = np.bincount(rows - first, weights=values)
            self._columns[name][first : first + len(sums)] += sums

    def raise_to(self, name: str, rows: Ints, values: Floats) -> None:
        np.maximum.at(self._columns[name], rows, values)

    def last(self, name: str, rows: Ints, values: Floats) -> None:
        """Of several values for one row, the last one counts."""
        if len(rows):
            ends = np.flatnonzero(np.append(rows[1:] != rows[:-1], True))
            self._columns[name][rows[ends]] = values[ends]


LAYER_COLUMNS = (
    "seconds",
    "extruding_s",
    "extruding_mm",
    "volume",
    "max_flow",
    "max_speed",
    "fan_s",
    "filament",
    "travel",
    "retractions",
    "nozzle",
    "bed",
    "z",
    "has_extruded",
)
FEATURE_COLUMNS = (
    "seconds",
    "length",
    "filament",
    "volume",
    "max_flow",
    "max_speed",
)


@dataclass(frozen=True, slots=True)
class Block:
    """What holds at each move of a block."""

    moves: Moves
    kind: Ints
    layer: Ints
    feature: Ints
    tool: Ints
    nozzle: Floats
    bed: Floats
    has_marks: bool


class Tallies:
    def __init__(self) -> None:
        self.layers = Table(*LAYER_COLUMNS)
        self.features = Table(*FEATURE_COLUMNS)
        self.seconds = self.travel_mm = self.travel_s = self.retracted_mm = 0.0
        self.retractions = 0
        self._was_retraction = False
        self._now: dict[int, float] = {}  # by tool: how far its filament has come, and how far at
        self.filament_mm: dict[int, float] = {}  # the farthest
        self.low, self.high = np.full(3, np.inf), np.full(3, -np.inf)

    def stand(self, layers: Ints, seconds: Floats) -> None:
        """Times in which nothing moves."""
        self.seconds += float(seconds.sum())
        self.layers.add("seconds", layers, seconds)

    def retract(self, layers: Ints) -> None:
        """By the firmware, which knows how far."""
        self.retractions += len(layers)
        self.layers.add("retractions", layers, np.ones(len(layers)))

    def count(self, block: Block) -> None:
        """What does not depend on speeds."""
        moves, kind, layer = block.moves, block.kind, block.layer
        travels, extrusions = kind == TRAVEL, kind == EXTRUSION
        self.travel_mm += float(moves.length[travels].sum())
        self.layers.add("travel", layer[travels], moves.length[travels])
        self.layers.add("filament", layer[extrusions], moves.filament[extrusions])
        self.layers.last("nozzle", layer[extrusions], block.nozzle[extrusions])
        self.layers.last("bed", layer[extrusions], block.bed[extrusions])
        self.layers.raise_to("z", layer[extrusions], moves.z[extrusions])
        self.layers.raise_to("has_extruded", layer[extrusions], np.ones(extrusions.sum()))
        self.features.add("length", block.feature[extrusions], moves.length[extrusions])
        self.features.add("filament", block.feature[extrusions], moves.filament[extrusions])
        self._retract(block)
        self._feed(block.tool, moves.filament)
        self._bound(block, extrusions)

    def _retract(self, block: Block) -> None:
        """Several moves back in a row, as when the nozzle is wiped, are one retraction."""
        fed = np.flatnonzero(block.moves.filament)
        if not len(fed):
            return
        back = block.moves.filament[fed] < 0
        begins = back & ~np.concatenate(([self._was_retraction], back[:-1]))
        self._was_retraction = bool(back[-1])
        self.retractions += int(begins.sum())
        self.retracted_mm -= float(block.moves.filament[fed][back].sum())
        self.layers.add("retractions", block.layer[fed], begins.astype(np.float64))

    def _feed(self, tools: Ints, filament: Floats) -> None:
        """Drawing back and coming again uses nothing: what counts is how far it has ever been."""
        for tool in np.unique(tools).tolist():
            upto = np.cumsum(filament[tools == tool]) + self._now.get(tool, 0.0)
            self._now[tool] = float(upto[-1])
            farthest = self.filament_mm.get(tool, 0.0)
            self.filament_mm[tool] = max(farthest, float(upto.max()))

    def _bound(self, block: Block, extrusions: Flags) -> None:
        """Only of what is printed: not of what the printer's own start G-code draws."""
        drawn = extrusions & (block.layer > 0)
        if block.has_marks:
            drawn &= block.feature > 0
        if not np.any(drawn):
            return
        moves = block.moves
        ends = [moves.x[drawn], moves.y[drawn], moves.z[drawn]]
        begins = [
            end - way * moves.length[drawn]
            for end, way in zip(ends, moves.start[:3, drawn], strict=True)
        ]
        if moves.arcs is not None:
            straight = drawn.copy()
            straight[moves.arcs.rows] = False
            keeps = straight[drawn]
            begins = [begin[keeps] for begin in begins]
            round_x, round_y = moves.arcs.corners(drawn)
            begins[0], begins[1] = np.append(begins[0], round_x), np.append(begins[1], round_y)
        for axis in range(3):
            both = np.append(ends[axis], begins[axis])
            self.low[axis] = min(self.low[axis], both.min())
            self.high[axis] = max(self.high[axis], both.max())

    def time(self, timed: Timed) -> None:
        plan, seconds, peak = timed.plan, timed.seconds, timed.peak
        layer, feature = plan.layer, plan.feature
        self.seconds += float(seconds.sum())
        self.travel_s += float(seconds[plan.kind == TRAVEL].sum())
        self.layers.add("seconds", layer, seconds)
        self.layers.add("fan_s", layer, seconds * plan.fan)
        drawn = np.flatnonzero(plan.kind == EXTRUSION)
        volume = plan.flow[drawn] * plan.length[drawn]
        for table, row in ((self.layers, layer[drawn]), (self.features, feature[drawn])):
            is_layers = table is self.layers
            table.add("extruding_s" if is_layers else "seconds", row, seconds[drawn])
            table.add("volume", row, volume)
            table.raise_to("max_speed", row, peak[drawn])
            long = plan.length[drawn] >= SHORTEST_MM
            table.raise_to("max_flow", row[long], (plan.flow * peak)[drawn][long])
        self.layers.add("extruding_mm", layer[drawn], plan.length[drawn])
