"""What is sliced beside a project as it is, and what came of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from agent.slicer.rules import Change, Finding
from agent.slicer.values import Values, number

Intent = Literal["stronger", "faster", "finer", "lighter"]
Settings = Mapping[str, str]

MOST_VARIANTS = 8
MOST_CHANGES = 100
UNCHANGED = "as it is"
DENSITY = "sparse_infill_density"
POSITIVE = frozenset({"layer_height", "nozzle_diameter", "outer_wall_speed"})
# They are run by the slicer on this computer, and a project may come from anybody.
RUN_BY_SLICERS = frozenset({"post_process", "slicing_pipeline_plugin", "plugins"})


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to slice a project. What an `intent` changes shows when the project is sliced."""

    name: str
    changes: tuple[Change, ...] = ()
    intent: Intent | None = None


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
    """What a wish means, starting from how the project is sliced as it is.

    What the settings do not say is not guessed: no change follows from it."""
    changes = (one for one in INTENTS[intent](settings) if one is not None and one.old != one.new)
    return Variant(intent, tuple(changes), intent)


def stronger(settings: Settings) -> list[Change | None]:
    """More walls bear more than more infill; shells keep what lies under them."""
    return [
        _from(settings, "wall_loops", lambda walls: f"{max(4, walls + 1):.0f}", "they bear it"),
        _from(
            settings,
            DENSITY,
            lambda density: f"{max(density, min(60, max(25, density + 10))):g}%",
            "support",
        ),
        _pattern(settings),
        _from(settings, "top_shell_layers", lambda n: f"{max(5, n):.0f}", "closed surfaces"),
        _from(settings, "bottom_shell_layers", lambda n: f"{max(4, n):.0f}", "closed surfaces"),
    ]


def faster(settings: Settings) -> list[Change | None]:
    """Fewer layers save most; then what fills the inside."""
    nozzle = _number(settings, "nozzle_diameter")

    def higher(height: float) -> str:
        most = height if nozzle is None else round(nozzle * 0.7, 2)
        return f"{max(height, min(round(height * 1.4, 2), most)):g}"

    return [
        _from(settings, "layer_height", higher, "fewer layers"),
        _from(settings, DENSITY, lambda density: f"{min(density, 10):g}%", "less to fill"),
        _from(settings, "wall_loops", lambda walls: f"{min(walls, 2):.0f}", "fewer walls"),
    ]


def finer(settings: Settings) -> list[Change | None]:
    """Thinner layers, and outer walls with time to be exact."""
    nozzle = _number(settings, "nozzle_diameter")

    def thinner(height: float) -> str:
        least = height if nozzle is None else round(nozzle * 0.25, 2)
        return f"{min(height, max(round(height * 0.6, 2), least)):g}"

    return [
        _from(settings, "layer_height", thinner, "finer steps"),
        _from(settings, "outer_wall_speed", lambda v: f"{min(v, 60):g}", "exact outer walls"),
    ]


def lighter(settings: Settings) -> list[Change | None]:
    """Less inside; the outside stays."""
    return [
        _from(settings, DENSITY, lambda density: f"{min(density, 8):g}%", "less inside"),
        _from(settings, "wall_loops", lambda walls: f"{min(walls, 2):.0f}", "fewer walls"),
    ]


INTENTS: Mapping[Intent, Callable[[Settings], list[Change | None]]] = {
    "stronger": stronger,
    "faster": faster,
    "finer": finer,
    "lighter": lighter,
}


def _from(
    settings: Settings, key: str, change: Callable[[float], str], reason: str
) -> Change | None:
    """A number made another; None where there is none, or it stays the same."""
    now = _number(settings, key)
    if now is None:
        return None
    new = change(now)
    is_same = now == number(new)
    return None if is_same else Change("process", key, settings[key], new, reason)


def _pattern(settings: Settings) -> Change | None:
    now = settings.get("sparse_infill_pattern")
    if not now:
        return None
    return Change("process", "sparse_infill_pattern", now, "gyroid", "as strong in all directions")


def _number(settings: Settings, key: str) -> float | None:
    """Only a density is itself told in percent; elsewhere it is one of something unknown."""
    values = Values(settings)
    found = values.number(key) if key == DENSITY else values.size(key, None)
    return found if found is not None and (found > 0 or key not in POSITIVE) else None
