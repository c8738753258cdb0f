"""Where evidence comes from: the kept files, the installed presets, the slicer's live state."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from agent.slicer.context.rules import Live
from agent.slicer.presets.rules import Preset
from agent.slicer.rules import Analysis, PresetType, SlicerFile


@dataclass(frozen=True, slots=True)
class Ended:
    """How the latest print of a file ended, and what the user wrote of it."""

    result: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """What the rest of the slicer's parts answer. All but `file` may have nothing to tell.

    `file` and `preset` raise NotFound. `files_since` are those that came after a time, latest
    first. `picture` gives that of a plate (from 1; a G-code has one) as models get pictures."""

    file: Callable[[str], Awaitable[SlicerFile]]
    ended: Callable[[str], Awaitable[Ended | None]]
    files_since: Callable[[str], Awaitable[list[SlicerFile]]]
    analysis: Callable[[str], Awaitable[Analysis | None]]
    picture: Callable[[SlicerFile, int], Awaitable[str | None]]
    preset: Callable[[PresetType, str], Awaitable[Preset]]
    preset_names: Callable[[PresetType], Awaitable[Collection[str]]]
    live: Callable[[], Live | None]
