"""A data folder of the slicer, read once and then only where a file has changed."""

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from agent.slicer.presets.catalogue import Catalogue
from agent.slicer.presets.reading import (
    NO_STAMP,
    SUFFIX,
    Lists,
    Stamp,
    read_file,
    read_json,
    read_preset,
    stamp_of,
)
from agent.slicer.presets.rules import TYPES, Stored
from agent.slicer.rules import PresetType

MOST_FILES = 100_000
DEEPEST = 8
LOCAL = "_local"  # bundles of a user's
LISTS = ("machine_list", "process_list", "filament_list")


Kept = tuple[Stamp, Stored | None]


class Found(NamedTuple):
    """A file that may hold a preset."""

    entry: os.DirEntry[str]
    file: str  # below the data folder
    scope: str
    type: PresetType
    is_system: bool


@dataclass(slots=True)
class Seen:
    """What was noticed on the way through a folder."""

    most_files: int
    files: int = 0
    notes: list[str] = field(default_factory=list)

    def takes_another(self) -> bool:
        """Whether there is room for one file more."""
        if self.files == self.most_files:
            note = f"Only the first {self.most_files} files were read."
            if note not in self.notes:
                self.notes.append(note)
            return False
        self.files += 1
        return True


class Tree:
    """One data folder. Its methods block: call them in a thread, one at a time."""

    def __init__(self, folder: Path, *, most_files: int = MOST_FILES) -> None:
        self.folder = folder
        self._most_files = most_files
        self._root = os.path.realpath(folder)
        self._kept: dict[str, Kept] = {}
        self._indexes: dict[str, tuple[Stamp, frozenset[str] | None]] = {}
        self._lists = Lists()
        self.catalogue = Catalogue((), folder=str(folder))
        self.notes: tuple[str, ...] = ()
        self.parsed = 0  # files, since the beginning

    def refresh(self) -> Catalogue:
        """The presets as they are on disk now."""
        seen = Seen(self._most_files)
        with _no_collecting():
            kept = self._found(seen)
        notes = tuple(seen.notes)
        if self._differs(kept) or notes != self.notes:
            self._kept, self.notes = kept, notes
            presets = (stored for _, stored in kept.values() if stored is not None)
            self.catalogue = Catalogue(presets, folder=str(self.folder))
        return self.catalogue

    def _found(self, seen: Seen) -> dict[str, Kept]:
        kept: dict[str, Kept] = {}
        before = self._kept
        for found in self._files(seen):
            path = found.entry.path
            known = before.get(path)
            if known is None or known[0] != _stamp(found.entry):
                known = self._read(found)
            kept[path] = known
        return kept

    def _differs(self, kept: Mapping[str, Kept]) -> bool:
        # The very same entries in the same order: nothing was read anew.
        return len(kept) != len(self._kept) or any(
            ours is not theirs
            for ours, theirs in zip(kept.values(), self._kept.values(), strict=True)
        )

    def _read(self, found: Found) -> Kept:
        self.parsed += 1
        stamp, content = read_file(found.entry.path)
        stored = read_preset(
            content,
            preset_type=found.type,
            scope=found.scope,
            file=found.file,
            is_system=found.is_system,
            lists=self._lists,
        )
        return stamp, stored

    def _files(self, seen: Seen) -> Iterator[Found]:
        """System presets first; of the users' folders the one used last first."""
        for vendor, path in self._folders(Path(self._root) / "system", seen):
            listed = self._listed(vendor)
            start = len(f"system/{vendor}/")
            for found in self._presets(path, f"system/{vendor}", vendor, seen):
                if listed is None or found.file[start:] in listed:
                    yield found
        users = list(self._folders(Path(self._root) / "user", seen))
        users.sort(key=lambda each: _changed_at(each[1]), reverse=True)
        for user, path in users:
            yield from self._presets(path, f"user/{user}", user, seen)
            for bundle, inside in self._folders(Path(path) / LOCAL, seen):
                file = f"user/{user}/{LOCAL}/{bundle}"
                yield from self._presets(inside, file, f"{user}/{bundle}", seen)

    def _presets(self, path: str, file: str, scope: str, seen: Seen) -> Iterator[Found]:
        is_system = file.startswith("system/")
        for preset_type in TYPES:
            folders = [(f"{path}/{preset_type}", f"{file}/{preset_type}", 0)]
            while folders:
                inside, below, depth = folders.pop(0)
                for entry in self._entries(inside, seen):
                    where = f"{below}/{entry.name}"
                    if entry.name.endswith(SUFFIX) and entry.is_file():
                        if not seen.takes_another():
                            return
                        yield Found(entry, where, scope, preset_type, is_system)
                    elif depth < DEEPEST and entry.is_dir(follow_symlinks=False):
                        folders.append((entry.path, where, depth + 1))

    def _folders(self, path: Path, seen: Seen) -> Iterator[tuple[str, str]]:
        for entry in self._entries(str(path), seen):
            if entry.is_dir():
                yield entry.name, entry.path

    def _entries(self, path: str, seen: Seen) -> list[os.DirEntry[str]]:
        """In order of their names; a link that leads out of the data folder is passed over."""
        try:
            if not self._is_inside(path):
                self._say_outside(path, seen)
                return []
            with os.scandir(path) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            return []
        return [entry for entry in found if self._stays_inside(entry, seen)]

    def _stays_inside(self, entry: os.DirEntry[str], seen: Seen) -> bool:
        if not entry.is_symlink() or self._is_inside(entry.path):
            return True
        self._say_outside(entry.path, seen)
        return False

    def _say_outside(self, path: str, seen: Seen) -> None:
        below = os.path.relpath(path, self._root)
        seen.notes.append(f"{below} leads out of the folder and was passed over.")

    def _is_inside(self, path: str) -> bool:
        real = os.path.realpath(path)
        return real == self._root or real.startswith(self._root + os.sep)

    def _listed(self, vendor: str) -> frozenset[str] | None:
        """The files that a vendor's index names; None where it says nothing useful."""
        path = f"{self._root}/system/{vendor}{SUFFIX}"
        if not self._is_inside(path):
            return None
        try:
            stamp = stamp_of(Path(path).stat())
        except OSError:
            return None
        known = self._indexes.get(vendor)
        if known is None or known[0] != stamp:
            stamp, content = read_file(path)
            known = self._indexes[vendor] = stamp, _sub_paths(read_json(content))
        return known[1]


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Thousands of objects are made that all stay: looking for cycles among them meanwhile takes
    a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _sub_paths(index: dict[str, object] | None) -> frozenset[str] | None:
    if index is None:
        return None
    found = set()
    for name in LISTS:
        items = index.get(name)
        for item in items if isinstance(items, list) else ():
            path = item.get("sub_path") if isinstance(item, dict) else None
            if isinstance(path, str):
                found.add(str(PurePosixPath(path.replace("\\", "/"))))
    return frozenset(found) or None


def _stamp(entry: os.DirEntry[str]) -> Stamp:
    try:
        return stamp_of(entry.stat())
    except OSError:
        return NO_STAMP


def _changed_at(path: str) -> int:
    """When anything in a user's folder was last changed, as far as its folders tell."""
    newest = 0
    for name in ("", *TYPES):
        try:
            newest = max(newest, Path(path, name).stat().st_mtime_ns)
        except OSError:
            continue
    return newest
