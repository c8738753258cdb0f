"""What lasts until it is set again: modes, limits, temperatures, the layer, the feature.

Imports numpy: only the process that looks at every move may import this."""

from dataclasses import dataclass, field, replace

import numpy as np

from agent.slicer.gcode.events import Event, What, events
from agent.slicer.gcode.features import CUSTOM
from agent.slicer.gcode.machine import Machine, Printer, with_axis
from agent.slicer.gcode.scanning import Floats, Ints, Scan

REMEMBERED_LINES = 4096
MOST_LAYERS = 100_000
MOST_FEATURES = 200
MOST_MACHINES = 10_000


class Track:
    """One number, by the lines of a block."""

    __slots__ = ("_lines", "_values", "value")

    def __init__(self, value: float) -> None:
        self.value = value
        self._lines: list[int] = []
        self._values: list[float] = []

    def set(self, line: int, value: float) -> None:
        if value != (self._values[-1] if self._values else self.value):
            self._lines.append(line)
            self._values.append(value)

    @property
    def latest(self) -> float:
        return self._values[-1] if self._values else self.value

    def at(self, lines: Ints) -> Floats:
        """The value at each of the lines, which ascend."""
        if not self._lines:
            return np.broadcast_to(np.float64(self.value), lines.shape)
        places = np.searchsorted(lines, np.array(self._lines))
        counts = np.diff(places, prepend=0, append=len(lines))
        return np.repeat(np.array([self.value, *self._values]), counts)

    def numbers_at(self, lines: Ints) -> Ints:
        return self.at(lines).astype(np.int64)

    def settle(self) -> None:
        """The block is over: its last value is the first one of the next."""
        self.value = self.latest
        self._lines.clear()
        self._values.clear()


@dataclass(slots=True)
class Layer:
    z: float | None = None
    height: float | None = None


@dataclass(slots=True)
class Happening:
    """What takes place at a line and does not last."""

    stops: list[tuple[int, float]] = field(default_factory=list)  # the line, and the seconds
    retractions: list[int] = field(default_factory=list)  # by the firmware: the lines


class State:
    """Reads events in their order. Layer and feature 0 are what comes before the first mark."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self._known: dict[bytes, tuple[Event, ...]] = {}
        self.layers: list[Layer] = [Layer()]
        self.features: dict[str, int] = {CUSTOM: 0}
        self.machines: dict[Machine, int] = {printer.machine: 0}
        self._machine_now = printer.machine
        self.tool_changes = 0
        self._has_tool = False
        self.is_heated = False
        self._nozzles: dict[int, float] = {}
        self.layer, self.feature, self.machine = Track(0), Track(0), Track(0)
        self.is_absolute, self.is_absolute_e, self.unit = Track(1), Track(1), Track(1)
        self.extruding = Track(printer.extruding)
        self.travel = Track(printer.travel)
        self.retracting = Track(printer.retracting)
        self.fan, self.tool = Track(0), Track(0)
        self.nozzle, self.bed = Track(printer.nozzle or 0), Track(printer.bed or 0)
        self.speed_factor, self.flow_factor = Track(1), Track(1)
        self.diameter = Track(printer.diameters[0] if printer.is_volumetric else 0)
        self._tracks = [own for own in vars(self).values() if isinstance(own, Track)]
        self._plain = {
            What.ABSOLUTE: self.is_absolute,
            What.ABSOLUTE_E: self.is_absolute_e,
            What.UNIT: self.unit,
            What.RETRACT_ACCELERATION: self.retracting,
            What.FAN: self.fan,
            What.BED: self.bed,
            What.SPEED_FACTOR: self.speed_factor,
            What.FLOW_FACTOR: self.flow_factor,
            What.VOLUMETRIC: self.diameter,
        }

    def read(self, scan: Scan) -> Happening:
        """Follows every event of a block; the tracks know afterwards what holds where."""
        happening = Happening()
        starts = scan.starts[scan.events].tolist()
        ends = scan.ends[scan.events].tolist()
        for line, start, end in zip(scan.events.tolist(), starts, ends, strict=True):
            text = scan.block[start:end]
            found = self._known.get(text)
            if found is None:
                found = events(text)
                if len(self._known) < REMEMBERED_LINES and len(text) < 100:
                    self._known[text] = found
            for event in found:
                self._follow(line, event, happening)
        return happening

    def settle(self) -> None:
        for track in self._tracks:
            track.settle()

    def _follow(self, line: int, event: Event, happening: Happening) -> None:
        what, value = event.what, event.value
        if what in self._plain:
            self._plain[what].set(line, value)
        elif what is What.FEATURE:
            self.feature.set(line, self._feature(event.name))
        elif what is What.ACCELERATION:
            self.extruding.set(line, min(value, self._printer.most_extruding))
        elif what is What.TRAVEL_ACCELERATION:
            self.travel.set(line, min(value, self._printer.most_travel))
        elif what is What.STOP:
            happening.stops.append((line, min(max(value, 0.0), 86_400.0)))
        elif what is What.RETRACTION:
            happening.retractions.append(line)
        elif what in {What.LAYER, What.LAYER_Z, What.LAYER_HEIGHT}:
            self._layer(line, what, value)
        elif what in {What.TOOL, What.NOZZLE, What.OTHER_NOZZLE}:
            self._tool(line, event, happening)
        else:
            self._limit(line, event)

    def _feature(self, name: str) -> int:
        if len(self.features) >= MOST_FEATURES:
            return self.features.get(name, 0)
        return self.features.setdefault(name, len(self.features))

    def _layer(self, line: int, what: What, value: float) -> None:
        if what is What.LAYER:
            if len(self.layers) <= MOST_LAYERS:
                self.layers.append(Layer())
            self.layer.set(line, len(self.layers) - 1)
            return
        layer = self.layers[-1]  # only the first of a layer: later ones are of single lines
        if what is What.LAYER_Z and layer.z is None:
            layer.z = value
        elif what is What.LAYER_HEIGHT and layer.height is None:
            layer.height = value

    def _tool(self, line: int, event: Event, happening: Happening) -> None:
        tool = int(self.tool.latest)
        if event.what is What.TOOL:
            new = int(event.value)
            if new == tool:
                self._has_tool = True
                return
            self._nozzles[tool] = self.nozzle.latest
            self.tool.set(line, new)
            self.nozzle.set(line, self._nozzles.get(new, self.nozzle.latest))
            if self._has_tool:  # the first one is a choice, not a change
                self.tool_changes += 1
                happening.stops.append((line, self._printer.tool_change_s))
            self._has_tool = True
            return
        self.is_heated |= event.value > 0
        if event.what is What.NOZZLE or event.axis == tool:
            self.nozzle.set(line, event.value)
        else:
            self._nozzles[event.axis] = event.value

    def begin_layer(self, line: int, z: float) -> None:
        """Where a file has no marks, the heights of what is printed make the layers."""
        self._layer(line, What.LAYER, 0.0)
        self._layer(line, What.LAYER_Z, z)

    def _limit(self, line: int, event: Event) -> None:
        machine = self._changed(self._machine_now, event)
        if machine not in self.machines and len(self.machines) >= MOST_MACHINES:
            return
        self._machine_now = machine
        self.machine.set(line, self.machines.setdefault(machine, len(self.machines)))

    def _changed(self, machine: Machine, event: Event) -> Machine:
        value = event.value
        if event.what is What.MOST_SPEED:
            speed = value / 60 if self._printer.is_by_minute else value
            return replace(machine, speed=with_axis(machine.speed, event.axis, speed))
        if event.what is What.MOST_ACCELERATION:
            most = with_axis(machine.acceleration, event.axis, value)
            return replace(machine, acceleration=most)
        if event.what is What.JERK:
            return replace(machine, jerk=with_axis(machine.jerk, event.axis, value), deviation=0.0)
        if event.what is What.CORNER_SPEED:
            return replace(machine, corner=value)
        if event.what is What.JUNCTION_DEVIATION:
            return replace(machine, deviation=value)
        return replace(machine, overall_speed=value)
