"""The tallies of a whole file as an analysis.

Imports numpy: only the process that looks at every move may import this."""

import math
from collections.abc import Sequence

import numpy as np

from agent.slicer.gcode.scanning import Floats, Ints
from agent.slicer.gcode.tallies import Table, Tallies
from agent.slicer.gcode.tracks import MOST_LAYERS, State
from agent.slicer.rules import Analysis, Feature, Layers

TOO_MANY = f"The file has more than {MOST_LAYERS:,} layers: those behind them are one."


def summary(tallies: Tallies, state: State, lines: int, notes: Sequence[str]) -> Analysis:
    layers = _layers(tallies.layers, state)
    tools = max(tallies.filament_mm, default=-1) + 1
    too_many = len(state.layers) > MOST_LAYERS
    return Analysis(
        seconds=round(tallies.seconds, 3),
        layers=layers,
        features=_features(tallies.features, state),
        bounding_box=_box(tallies),
        travel_mm=round(tallies.travel_mm, 3),
        travel_seconds=round(tallies.travel_s, 3),
        retractions=tallies.retractions,
        retracted_mm=round(tallies.retracted_mm, 3),
        filament_mm=tuple(round(tallies.filament_mm.get(tool, 0.0), 3) for tool in range(tools)),
        tool_changes=state.tool_changes,
        first_layer_seconds=layers.seconds[0] if layers.seconds else 0.0,
        lines=lines,
        is_heated=state.is_heated,
        notes=(*notes, *([TOO_MANY] if too_many else [])),
    )


def _box(tallies: Tallies) -> tuple[float, float, float, float, float, float] | None:
    if not np.all(np.isfinite(tallies.low)):
        return None
    x, y, z = (round(float(value), 4) for value in tallies.low)
    to_x, to_y, to_z = (round(float(value), 4) for value in tallies.high)
    return x, y, z, to_x, to_y, to_z


def _features(table: Table, state: State) -> tuple[Feature, ...]:
    """Those that print something; the one that takes the most time first."""
    found = [
        Feature(
            name=name,
            seconds=round(float(table["seconds"][at]), 3),
            length_mm=round(float(table["length"][at]), 3),
            filament_mm=round(float(table["filament"][at]), 3),
            max_speed_mm_s=round(float(table["max_speed"][at]), 3),
            mean_speed_mm_s=_ratio(table["length"][at], table["seconds"][at]),
            max_flow_mm3_s=round(float(table["max_flow"][at]), 4),
            mean_flow_mm3_s=_ratio(table["volume"][at], table["seconds"][at]),
        )
        for name, at in state.features.items()
        if table["length"][at] > 0
    ]
    return tuple(sorted(found, key=lambda feature: -feature.seconds))


def _ratio(value: float, by: float) -> float:
    return round(float(value / by), 4) if by > 0 else 0.0


def _layers(table: Table, state: State) -> Layers:
    """In the order of their heights. Where objects are printed one after the other, what lies at
    the same height is one layer."""
    printed = np.flatnonzero(table["has_extruded"][1:]) + 1
    if not len(printed):
        return Layers()
    said = [state.layers[at].z for at in printed.tolist()]
    z = np.array(
        [own if mark is None else mark for mark, own in zip(said, table["z"][printed], strict=True)]
    )
    height = np.array([state.layers[at].height or 0.0 for at in printed.tolist()])
    if np.all(np.diff(z) > 0):
        place = np.arange(len(z))
    else:
        _, place = np.unique(np.round(z, 3), return_inverse=True)
    return _columns(table, printed, place, z, height)


def _columns(table: Table, printed: Ints, place: Ints, z: Floats, height: Floats) -> Layers:
    count = int(place.max()) + 1

    def summed(name: str) -> Floats:
        values = table[name][printed]
        return np.bincount(place, weights=values, minlength=count).astype(np.float64)

    def most(values: Floats) -> Floats:
        found = np.full(count, -math.inf)
        np.maximum.at(found, place, values)
        return found

    seconds, extruding = summed("seconds"), np.maximum(summed("extruding_s"), 1e-9)
    tops = most(z)
    return Layers(
        z_mm=_rounded(tops),
        height_mm=_rounded(_heights(tops, most(height))),
        seconds=_rounded(seconds),
        max_flow_mm3_s=_rounded(most(table["max_flow"][printed])),
        mean_flow_mm3_s=_rounded(summed("volume") / extruding),
        max_speed_mm_s=_rounded(most(table["max_speed"][printed])),
        mean_speed_mm_s=_rounded(summed("extruding_mm") / extruding),
        nozzle_c=_rounded(most(table["nozzle"][printed])),
        bed_c=_rounded(most(table["bed"][printed])),
        fan_percent=_rounded(summed("fan_s") / np.maximum(seconds, 1e-9)),
        filament_mm=_rounded(summed("filament")),
        travel_mm=_rounded(summed("travel")),
        retractions=tuple(summed("retractions").astype(int).tolist()),
    )


def _heights(tops: Floats, said: Floats) -> Floats:
    """As marked, else what lies between a layer and the one below."""
    found: Floats = np.where(said > 0, said, np.diff(tops, prepend=0.0))
    return found


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(np.round(values, 4).tolist())
