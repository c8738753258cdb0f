"""What the icon shows, what is told unasked, and where the window may be: decided from facts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

SMALLEST = (360, 420)
USUAL = (1100, 760)
TITLE_BAR = 40
SEEN_OF_TITLE = 80
RESTARTS, WITHIN_S = 3, 300.0

Kind = Literal["pulled", "pull-failed", "held", "updated"]


class State(StrEnum):
    """What the icon shows."""

    STARTING = "starting"
    READY = "ready"
    WORKING = "working"
    NO_MODEL = "no-model"
    PAUSED = "paused"
    HELD = "held"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Seen:
    """The agent at one moment. `held` are prints that wait for a click: (id, file, printer)."""

    version: str
    model: str | None
    is_working: bool
    is_paused: bool
    held: tuple[tuple[str, str, str], ...] = ()
    pulls: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # run: (model, state)
    notify: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell, and the page that shows it."""

    kind: Kind
    values: Mapping[str, str]
    page: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where the window is on the desktop, in the desktop's own pixels."""

    width: int = USUAL[0]
    height: int = USUAL[1]
    x: int | None = None
    y: int | None = None
    is_maximized: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """The part of the desktop that one screen shows."""

    x: int
    y: int
    width: int
    height: int


def seen(told: Mapping[str, Any]) -> Seen:  # Any: JSON
    """What the agent's route tells an icon. Raises LookupError or TypeError for anything else."""
    return Seen(
        version=str(told["version"]),
        model=told["model"],
        is_working=bool(told["working"]),
        is_paused=bool(told["paused"]),
        held=tuple((one["id"], one["name"], one["printer"]) for one in told["held"]),
        pulls={one["run_id"]: (one["model"], one["state"]) for one in told["pulls"]},
        notify=frozenset(name for name, is_on in told["notify"].items() if is_on),
    )


def state_of(now: Seen | None, *, is_starting: bool) -> State:
    """The most pressing of what holds."""
    if now is None:
        return State.STARTING if is_starting else State.GONE
    if now.held:
        return State.HELD
    if now.is_paused:
        return State.PAUSED
    if now.is_working:
        return State.WORKING
    return State.READY if now.model else State.NO_MODEL


def notices(before: Seen | None, now: Seen, *, known_version: str = "") -> list[Notice]:
    """What happened between two looks. At the first nothing is new but the version."""
    found = []
    last_version = before.version if before else known_version
    if "updates" in now.notify and last_version and last_version != now.version:
        found.append(Notice("updated", {"version": now.version}, "settings"))
    if before is None:
        return found
    if "held" in now.notify:
        known = {one[0] for one in before.held}
        found += [
            Notice("held", {"file": name, "printer": printer}, "held")
            for id_, name, printer in now.held
            if id_ not in known
        ]
    if "pulls" in now.notify:
        found += _pulls(before, now)
    return found


def may_restart(ended_at_s: Iterable[float], now_s: float) -> bool:
    """Whether an agent that crashed is started once more by itself."""
    return crashes(ended_at_s, now_s) < RESTARTS


def crashes(ended_at_s: Iterable[float], now_s: float) -> int:
    """How many of them count yet."""
    return sum(now_s - at < WITHIN_S for at in ended_at_s)


def place(remembered: Mapping[str, object], screens: Iterable[Screen]) -> Place:
    """Where the window goes: as remembered, but never where nobody can see or grip it."""
    known = list(screens)
    width, height, x, y = (_number(remembered.get(name)) for name in ("width", "height", "x", "y"))
    width, height = width or USUAL[0], height or USUAL[1]
    is_maximized = remembered.get("is_maximized") is True
    on = next((one for one in known if _shows(one, width, x, y)), None)
    bounds = on or (known[0] if known else None)
    if bounds:
        width, height = min(width, bounds.width), min(height, bounds.height)
    width, height = max(width, SMALLEST[0]), max(height, SMALLEST[1])
    return Place(width, height, x if on else None, y if on else None, is_maximized)


def language(said: Iterable[str]) -> str:
    """`de` or `en`: the first that is known of the languages that a system names."""
    for one in said:
        name = one.strip().lower().replace("_", "-").split("-")[0].split(".")[0]
        if name in {"de", "en"}:
            return name
        if name == "c":
            break
    return "en"


def spoken(environment: Mapping[str, str]) -> list[str]:
    """The languages that the environment of a POSIX system names, the first wanted most."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if chosen := environment.get(name):
            wishes = [] if chosen.split(".")[0] in {"C", "POSIX"} else _wishes(environment)
            return [*wishes, chosen]
    return []


def _wishes(environment: Mapping[str, str]) -> list[str]:
    return [one for one in environment.get("LANGUAGE", "").split(":") if one]


def _pulls(before: Seen, now: Seen) -> list[Notice]:
    kinds: dict[str, Kind] = {"done": "pulled", "failed": "pull-failed"}
    return [
        Notice(kinds[state], {"model": model}, "models")
        for run, (model, state) in now.pulls.items()
        if state in kinds and before.pulls.get(run, ("", ""))[1] != state
    ]


def _shows(screen: Screen, width: int, x: int | None, y: int | None) -> bool:
    """Whether enough of the title bar is on this screen to take hold of the window."""
    if x is None or y is None:
        return False
    seen_px = min(x + width, screen.x + screen.width) - max(x, screen.x)
    return seen_px >= SEEN_OF_TITLE and screen.y <= y <= screen.y + screen.height - TITLE_BAR


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, (int, float)) and abs(value) < 100_000 else None
