"""One pass over every move of a G-code: times, flows, temperatures, by layer and by feature.

Imports numpy: only the process that looks at every move may import this."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from agent.slicer.gcode.corners import Corners
from agent.slicer.gcode.machine import Printer, printer_of
from agent.slicer.gcode.moves import Moves, Position
from agent.slicer.gcode.planning import Plan, Planner
from agent.slicer.gcode.reading import read_gcode
from agent.slicer.gcode.scanning import Flags, Floats, Ints, scan
from agent.slicer.gcode.summary import summary
from agent.slicer.gcode.tallies import EXTRUSION, OTHER, RETRACTION, TRAVEL, Block, Tallies
from agent.slicer.gcode.tracks import Happening, State
from agent.slicer.gcode.windows import open_windows
from agent.slicer.rules import Analysis

BLOCK_BYTES = 1 << 20
LONGEST_LINE = 64 << 10
LAYER_MARK = re.compile(rb"^;[ \t]?(?:LAYER_CHANGE|CHANGE_LAYER|LAYER:)", re.MULTILINE)
LEAST_LAYER_MM = 0.04
NO_MARKS = "The file does not mark its layers: they are told by the height of what is printed."
LONG_LINES = "Lines of more than 64 kB were left out."


def analyse(
    path: Path, tell: Callable[[float], None], *, block_bytes: int = BLOCK_BYTES
) -> Analysis:
    """`tell` hears the share that is done. Raises Invalid for what is no G-code, OSError for what
    cannot be read."""
    facts = read_gcode(path)
    printer = printer_of(facts.settings, facts.written)
    has_marks = any(LAYER_MARK.search(part) for part in open_windows(path).comments)
    size = max(path.stat().st_size, 1)
    run = Pass(printer, has_marks=has_marks)
    with path.open("rb") as file:
        reader = Reader(file, block_bytes)
        for text in reader:
            run.block(text)
            tell(min(file.tell() / size, 1.0))
    run.finish()
    notes = [*printer.notes]
    notes += [] if has_marks else [NO_MARKS]
    notes += [LONG_LINES] if reader.has_left_out else []
    return summary(run.tallies, run.state, run.lines, notes)


class Reader:
    """Blocks of whole lines, whatever is in the file."""

    def __init__(self, file: BinaryIO, block_bytes: int) -> None:
        self._file, self._block_bytes = file, block_bytes
        self.has_left_out = False

    def __iter__(self) -> Iterator[bytes]:
        rest, skips = self._file.read(3).removeprefix(b"\xef\xbb\xbf"), False
        while chunk := self._file.read(self._block_bytes):
            if b"\n" not in chunk and b"\r" in chunk:
                chunk = chunk.replace(b"\r", b"\n")
            cut = chunk.rfind(b"\n") + 1
            if not cut:
                rest = b"" if skips else rest + chunk
                if len(rest) > LONGEST_LINE:
                    rest, skips, self.has_left_out = b"", True, True
                continue
            begin = chunk.find(b"\n") + 1 if skips else 0
            if text := rest + chunk[begin:cut]:
                yield text
            rest, skips = chunk[cut:], False
        if rest:
            yield rest + b"\n"


class Pass:
    """Everything that is known between two blocks."""

    def __init__(self, printer: Printer, *, has_marks: bool) -> None:
        self._printer, self._has_marks = printer, has_marks
        self.state, self.tallies, self.lines = State(printer), Tallies(), 0
        self._position, self._corners, self._planner = Position(), Corners(), Planner()
        self._stops_next = False
        self._layer_z = -np.inf
        self._areas = np.array([printer.area(tool) for tool in range(64)])

    def block(self, text: bytes) -> None:
        found = scan(text)
        self.lines += len(found.starts)
        happening = self.state.read(found)
        moves = self._position.follow(found, self.state)
        tool = self.state.tool.numbers_at(moves.lines)
        moves.filament *= self._by_length(moves, tool)
        kind = _kinds(moves)
        if not self._has_marks:
            self._tell_layers(moves, kind)
        self._happen(happening)
        if len(moves):
            self._moves(moves, kind, tool, self._stops(moves, happening))
        self.state.settle()

    def finish(self) -> None:
        if timed := self._planner.finish():
            self.tallies.time(timed)

    def _by_length(self, moves: Moves, tool: Ints) -> Floats:
        """What makes millimetres of filament of what `E` says."""
        factor = self.state.flow_factor.at(moves.lines)
        diameter = self.state.diameter.at(moves.lines)
        if not np.any(diameter):
            return factor
        return np.where(diameter > 0, factor / self._areas[tool], factor)

    def _tell_layers(self, moves: Moves, kind: Ints) -> None:
        drawn = np.flatnonzero(kind == EXTRUSION)
        heights = moves.z[drawn]
        changes = np.flatnonzero(np.diff(heights, prepend=self._layer_z))
        lines = moves.lines[drawn[changes]].tolist()
        for line, z in zip(lines, heights[changes].tolist(), strict=True):
            if abs(z - self._layer_z) >= LEAST_LAYER_MM:
                self.state.begin_layer(line, z)
                self._layer_z = z

    def _happen(self, happening: Happening) -> None:
        self.tallies.layers.grow(len(self.state.layers))
        self.tallies.features.grow(len(self.state.features))
        layer = self.state.layer
        if happening.stops:
            lines, seconds = (np.array(column) for column in zip(*happening.stops, strict=True))
            self.tallies.stand(layer.numbers_at(lines), seconds.astype(np.float64))
        if happening.retractions:
            self.tallies.retract(layer.numbers_at(np.array(happening.retractions)))

    def _stops(self, moves: Moves, happening: Happening) -> Flags:
        """Before which moves the head stands still."""
        stops = np.zeros(len(moves) + 1, bool)
        stops[0] = self._stops_next
        if happening.stops:
            lines = np.array([line for line, _ in happening.stops])
            stops[np.searchsorted(moves.lines, lines)] = True
        self._stops_next = bool(stops[-1])
        return stops[:-1]

    def _moves(self, moves: Moves, kind: Ints, tool: Ints, stops: Flags) -> None:
        state, lines = self.state, moves.lines
        layer, feature = state.layer.numbers_at(lines), state.feature.numbers_at(lines)
        self.tallies.count(
            Block(
                moves=moves,
                kind=kind,
                layer=layer,
                feature=feature,
                tool=tool,
                nozzle=state.nozzle.at(lines),
                bed=state.bed.at(lines),
                has_marks=self._has_marks,
            )
        )
        acceleration = np.where(kind == TRAVEL, state.travel.at(lines), state.extruding.at(lines))
        acceleration = np.where(moves.moves_head, acceleration, state.retracting.at(lines))
        limited = self._corners.limit(
            moves, acceleration, list(state.machines), state.machine.numbers_at(lines), stops
        )
        flow = np.where(kind == EXTRUSION, moves.filament / moves.length * self._areas[tool], 0.0)
        plan = Plan(
            length=moves.length,
            speed=limited.speed,
            acceleration=limited.acceleration,
            corner=limited.corner,
            flow=flow,
            kind=kind,
            layer=layer,
            feature=feature,
            fan=state.fan.at(lines),
        )
        if timed := self._planner.add(plan):
            self.tallies.time(timed)


def _kinds(moves: Moves) -> Ints:
    fed, drawn_back = moves.filament > 0, moves.filament < 0
    kind = np.full(len(moves), OTHER)
    kind[moves.moves_head & fed] = EXTRUSION
    kind[moves.moves_head & ~fed & ~drawn_back] = TRAVEL
    kind[~moves.moves_head & drawn_back] = RETRACTION
    return kind
