"""What is sliced beside a project as it is, and what came of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from agent.slicer.rules import Change, Finding
from agent.slicer.values import Values

Intent = Literal["stronger", "faster", "finer", "lighter"]
Settings = Mapping[str, str]

MOST_VARIANTS = 8
MOST_CHANGES = 100
UNCHANGED = "as it is"
# They are run by the slicer on this computer, and a project may come from anybody.
RUN_BY_SLICERS = frozenset({"post_process", "slicing_pipeline_plugin", "plugins"})


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to slice a project."""

    name: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What slicing one variant came to. `problem` is a sentence where it did not work."""

    name: str
    changes: tuple[Change, ...]
    seconds: int | None = None
    grams: float | None = None
    layers: int | None = None
    findings: tuple[Finding, ...] = ()
    files: tuple[str, ...] = ()
    problem: str | None = None


def variant_for(intent: Intent, settings: Settings) -> Variant:
    """What a wish means, starting from how the project is set."""
    return Variant(intent, tuple(one for one in INTENTS[intent](settings) if one.old != one.new))


def stronger(settings: Settings) -> list[Change]:
    """More walls bear more than more infill; shells keep what lies under them."""
    walls, density = _number(settings, "wall_loops", 2), _percent(settings)
    shells = _number(settings, "top_shell_layers", 3), _number(settings, "bottom_shell_layers", 3)
    return [
        _to(settings, "wall_loops", f"{max(4, walls + 1):.0f}", "walls carry the load"),
        _to(settings, "sparse_infill_density", f"{min(60, max(25, density + 10)):.0f}%", "support"),
        _to(settings, "sparse_infill_pattern", "gyroid", "as strong in all directions"),
        _to(settings, "top_shell_layers", f"{max(5, shells[0]):.0f}", "closed surfaces"),
        _to(settings, "bottom_shell_layers", f"{max(4, shells[1]):.0f}", "closed surfaces"),
    ]


def faster(settings: Settings) -> list[Change]:
    """Fewer layers save most; then what fills the inside."""
    height, nozzle = _number(settings, "layer_height", 0.2), _nozzle(settings)
    density, walls = _percent(settings), _number(settings, "wall_loops", 2)
    higher = max(height, min(round(height * 1.4, 2), round(nozzle * 0.7, 2)))
    return [
        _to(settings, "layer_height", f"{higher:g}", "fewer layers"),
        _to(settings, "sparse_infill_density", f"{min(density, 10):.0f}%", "less to fill"),
        _to(settings, "wall_loops", f"{min(walls, 2):.0f}", "fewer walls"),
    ]


def finer(settings: Settings) -> list[Change]:
    """Thinner layers, and outer walls with time to be exact."""
    height, nozzle = _number(settings, "layer_height", 0.2), _nozzle(settings)
    speed = _number(settings, "outer_wall_speed", 60)
    thinner = min(height, max(round(height * 0.6, 2), round(nozzle * 0.25, 2)))
    return [
        _to(settings, "layer_height", f"{thinner:g}", "finer steps"),
        _to(settings, "outer_wall_speed", f"{max(20, min(speed, 60)):g}", "exact outer walls"),
    ]


def lighter(settings: Settings) -> list[Change]:
    """Less inside; the outside stays."""
    density, walls = _percent(settings), _number(settings, "wall_loops", 2)
    return [
        _to(settings, "sparse_infill_density", f"{min(density, 8):.0f}%", "less inside"),
        _to(settings, "wall_loops", f"{min(walls, 2):.0f}", "fewer walls"),
    ]


INTENTS: Mapping[Intent, Callable[[Settings], list[Change]]] = {
    "stronger": stronger,
    "faster": faster,
    "finer": finer,
    "lighter": lighter,
}


def _to(settings: Settings, key: str, new: str, reason: str) -> Change:
    return Change("process", key, settings.get(key), new, reason)


def _number(settings: Settings, key: str, default: float) -> float:
    found = Values(settings).number(key)
    return default if found is None else found


def _percent(settings: Settings) -> float:
    return _number(settings, "sparse_infill_density", 15)


def _nozzle(settings: Settings) -> float:
    return _number(settings, "nozzle_diameter", 0.4)
