"""What the plugin tells, and what is told of it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StringConstraints

from agent.shared.clock import rfc3339
from agent.shared.web import In, Out
from agent.slicer.context.rules import Live, LiveEvent, LiveObject, LivePreset, LiveState, lines

Name = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,80}$")]
Value = Annotated[str, StringConstraints(max_length=2000)]
PresetKind = Literal["machine", "process", "filament"]


class LivePresetIn(In):
    """`unsaved`: for each setting the saved value and the one in force."""

    type: PresetKind
    name: Name
    is_system: StrictBool | None = None
    is_dirty: StrictBool | None = None
    is_compatible: StrictBool | None = None
    unsaved: dict[Key, tuple[Value | None, Value | None]] = Field(
        default_factory=dict, max_length=200
    )


class LiveObjectIn(In):
    name: Name
    triangles: Annotated[int, Field(ge=0)] | None = None
    size_mm: Annotated[list[float], Field(min_length=3, max_length=3)] | None = None
    is_manifold: StrictBool | None = None


class LiveStateIn(In):
    presets: list[LivePresetIn] = Field(default_factory=list, max_length=40)
    objects: list[LiveObjectIn] = Field(default_factory=list, max_length=200)
    settings: dict[Key, Value] = Field(default_factory=dict, max_length=400)
    is_project_dirty: StrictBool | None = None
    slicer_version: Annotated[str, StringConstraints(max_length=60)] | None = None
    language: Annotated[str, StringConstraints(max_length=20)] | None = None


class LiveEventIn(In):
    name: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    subject: Value | None = None
    code: Annotated[str, StringConstraints(max_length=60)] | None = None
    message: Value | None = None


class SlicerContextIn(In):
    """One look at the slicer, events since the last one, or both."""

    state: LiveStateIn | None = None
    events: list[LiveEventIn] = Field(default_factory=list, max_length=100)


class LivePresetOut(Out):
    type: PresetKind
    name: str
    is_system: bool | None
    is_dirty: bool | None
    is_compatible: bool | None
    unsaved: dict[str, tuple[str | None, str | None]]


class LiveObjectOut(Out):
    name: str
    triangles: int | None
    size_mm: list[float] | None
    is_manifold: bool | None


class LiveStateOut(Out):
    presets: list[LivePresetOut]
    objects: list[LiveObjectOut]
    settings: dict[str, str]
    is_project_dirty: bool | None
    slicer_version: str | None
    language: str | None


class LiveEventOut(Out):
    name: str
    at: str
    subject: str | None
    code: str | None
    message: str | None


class SlicerContextOut(Out):
    """`connected`: a plugin spoke since the agent started. `fresh`: lately enough to be used as
    evidence. `summary` is what a model would be given of it."""

    connected: bool
    fresh: bool
    received_at: str | None
    age_s: float | None
    state: LiveStateOut | None
    events: list[LiveEventOut]
    summary: list[str]


def state_of(asked: LiveStateIn) -> LiveState:
    return LiveState(
        tuple(
            LivePreset(p.type, p.name, p.is_system, p.is_dirty, p.is_compatible, p.unsaved)
            for p in asked.presets
        ),
        tuple(
            LiveObject(
                one.name,
                one.triangles,
                tuple(one.size_mm) if one.size_mm else None,
                one.is_manifold,
            )
            for one in asked.objects
        ),
        asked.settings,
        asked.is_project_dirty,
        asked.slicer_version,
        asked.language,
    )


def events_of(asked: SlicerContextIn, now: datetime) -> list[LiveEvent]:
    return [LiveEvent(e.name, now, e.subject, e.code, e.message) for e in asked.events]


def context(live: Live | None, now: datetime) -> dict[str, object]:
    if live is None:
        return {
            "connected": False,
            "fresh": False,
            "received_at": None,
            "age_s": None,
            "state": None,
            "events": [],
            "summary": [],
        }
    return {
        "connected": True,
        "fresh": live.is_fresh(now),
        "received_at": rfc3339(live.received_at),
        "age_s": round((now - live.received_at).total_seconds(), 1),
        "state": _state(live.state) if live.state else None,
        "events": [_event(event) for event in live.events],
        "summary": lines(live),
    }


def _state(state: LiveState) -> dict[str, object]:
    return {
        "presets": [
            {
                "type": p.preset_type,
                "name": p.name,
                "is_system": p.is_system,
                "is_dirty": p.is_dirty,
                "is_compatible": p.is_compatible,
                "unsaved": dict(p.unsaved or {}),
            }
            for p in state.presets
        ],
        "objects": [
            {
                "name": one.name,
                "triangles": one.triangles,
                "size_mm": one.size_mm,
                "is_manifold": one.is_manifold,
            }
            for one in state.objects
        ],
        "settings": dict(state.settings or {}),
        "is_project_dirty": state.is_project_dirty,
        "slicer_version": state.slicer_version,
        "language": state.language,
    }


def _event(event: LiveEvent) -> dict[str, object]:
    return {
        "name": event.name,
        "at": rfc3339(event.at),
        "subject": event.subject,
        "code": event.code,
        "message": event.message,
    }
