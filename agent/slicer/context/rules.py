"""What the plugin sees inside the slicer, and for how long that is worth something."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.slicer.rules import PresetType

FRESH = timedelta(minutes=10)  # a slicer that stands open is looked at now and then
EVENTS_KEPT = 50

_NOUNS: Mapping[PresetType, str] = {
    "machine": "Printer",
    "process": "Process",
    "filament": "Filament",
}


@dataclass(frozen=True, slots=True)
class LivePreset:
    """A preset that is chosen now. `unsaved` is what the user changed in it since it was saved:
    key, the saved value, and the one in force."""

    preset_type: PresetType
    name: str
    is_system: bool | None = None
    is_dirty: bool | None = None
    is_compatible: bool | None = None
    unsaved: Mapping[str, tuple[str | None, str | None]] | None = None


@dataclass(frozen=True, slots=True)
class LiveObject:
    """A model on the plate; sizes in mm."""

    name: str
    triangles: int | None = None
    size_mm: tuple[float, ...] | None = None
    is_manifold: bool | None = None


@dataclass(frozen=True, slots=True)
class LiveState:
    """One look at the slicer."""

    presets: tuple[LivePreset, ...] = ()
    objects: tuple[LiveObject, ...] = ()
    settings: Mapping[str, str] | None = None
    is_project_dirty: bool | None = None
    slicer_version: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """Something that happened in the slicer."""

    name: str
    at: datetime
    subject: str | None = None
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Live:
    """The last look, when it was taken, and what happened around it, oldest first."""

    state: LiveState | None
    received_at: datetime
    events: tuple[LiveEvent, ...] = ()

    def is_fresh(self, now: datetime) -> bool:
        return now - self.received_at <= FRESH


def lines(live: Live) -> tuple[str, ...]:
    """The state in short lines of text, as evidence. What the user's names say is data."""
    state = live.state
    told: list[str] = []
    if state is not None:
        told += [_preset_line(preset) for preset in state.presets]
        for preset in state.presets:
            told += [
                f"  unsaved in {_NOUNS[preset.preset_type].lower()}: {key}: {old} → {new}"
                for key, (old, new) in (preset.unsaved or {}).items()
            ]
        told += [_object_line(one) for one in state.objects]
    told += [
        f"Event {event.name}" + "".join(f", {part}" for part in (event.code, event.message) if part)
        for event in live.events[-5:]
    ]
    return tuple(told)


def _preset_line(preset: LivePreset) -> str:
    marks = [
        word
        for word, holds in (
            ("system", preset.is_system),
            ("with unsaved changes", preset.is_dirty),
            ("not compatible", preset.is_compatible is False),
        )
        if holds
    ]
    return f"{_NOUNS[preset.preset_type]}: {preset.name}" + (
        f" ({', '.join(marks)})" if marks else ""
    )


def _object_line(one: LiveObject) -> str:
    parts = []
    if one.size_mm:
        parts.append(" × ".join(f"{edge:.1f}" for edge in one.size_mm) + " mm")
    if one.triangles is not None:
        parts.append(f"{one.triangles} triangles")
    if one.is_manifold is False:
        parts.append("not closed")
    return f"Object: {one.name}" + (f" ({', '.join(parts)})" if parts else "")
