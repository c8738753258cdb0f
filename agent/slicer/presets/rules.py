"""What a preset is, and why a slicer might not load it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from agent.slicer.rules import PresetType

Value = str | tuple[str, ...]

NUMBER = re.compile(r"-?(\d+(?:\.\d*)?|\.\d+)([eE][-+]?\d+)?")
LIBRARY = "OrcaFilamentLibrary"  # the vendor whose presets all others may inherit
NOTHING: Mapping[str, Value] = MappingProxyType({})
TYPES: tuple[PresetType, ...] = ("machine", "process", "filament")


class Problem(StrEnum):
    """Why the slicer does not load a preset."""

    UNREADABLE = "unreadable"
    NO_VERSION = "no-version"
    SYSTEM_NAME = "system-name"
    NO_PARENT = "no-parent"
    CYCLE = "cycle"


SAID = {
    Problem.UNREADABLE: "The file cannot be read as a preset. OrcaSlicer deletes such a file of "
    "the user's when it starts: save a copy elsewhere first.",
    Problem.NO_VERSION: "It has no version of the form 2.3.0.0, so that OrcaSlicer leaves it out.",
    Problem.SYSTEM_NAME: "It is named like a system preset, so that OrcaSlicer leaves it out.",
    Problem.NO_PARENT: "The preset that it inherits is not installed, so that OrcaSlicer leaves it "
    "out. Install the printer or filament that it belongs to.",
    Problem.CYCLE: "It inherits from itself, over others or directly.",
}


class Stored(NamedTuple):  # and no dataclass: there are thousands of them
    """A preset as its file has it. `scope` is the vendor, or the user's folder, that it lies in;
    `file` its path below the data folder. A `is_abstract` one is there to be inherited only."""

    type: PresetType
    name: str
    scope: str
    is_system: bool
    file: str
    settings: Mapping[str, Value] = NOTHING
    inherits: str | None = None
    version: str | None = None
    is_abstract: bool = False
    former_names: tuple[str, ...] = ()
    problem: Problem | None = None
    notes: tuple[str, ...] = ()


class Preset(NamedTuple):
    """A preset with all that it inherits.

    `chain` are the names of its parents, nearest first. `settings` has values as in the files.
    `base` is what it is held against: of a user's preset the system preset above it, of a system
    preset its parent; `mine` is what was laid over that."""

    type: PresetType
    name: str
    scope: str
    is_system: bool
    inherits: str | None
    chain: tuple[str, ...]
    settings: Mapping[str, Value]
    base: Mapping[str, Value]
    mine: Mapping[str, Value]
    version: str | None = None
    problem: Problem | None = None
    notes: tuple[str, ...] = ()
    folder: str = ""
    system_parent: str | None = None  # of a user's preset: the nearest that is not the user's

    @property
    def own(self) -> dict[str, tuple[Value | None, Value]]:
        """What it changes: key -> old and new; old is None where no parent said anything."""
        return {
            key: (old, new)
            for key, new in self.mine.items()
            if (old := self.base.get(key)) is None or not is_same(old, new)
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """A key that two have differently; None is for one that does not say."""

    key: str
    old: Value | None
    new: Value | None


def is_same(one: Value, other: Value) -> bool:
    """Whether two values mean the same: `0.2` is `0.20`, and `220` is a list of one."""
    if one == other:
        return True
    ours, theirs = _elements(one), _elements(other)
    return len(ours) == len(theirs) and all(map(_is_same_text, ours, theirs))


def _elements(value: Value) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _is_same_text(one: str, other: str) -> bool:
    if one.strip() == other.strip():
        return True
    ours, theirs = one.strip(), other.strip()
    if ours.endswith("%") != theirs.endswith("%"):
        return False
    ours, theirs = ours.rstrip("%"), theirs.rstrip("%")
    if NUMBER.fullmatch(ours) and NUMBER.fullmatch(theirs):
        return float(ours) == float(theirs)
    return False
