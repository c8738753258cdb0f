"""The slicers that are installed here, as programs for the command line."""

import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ProgramKind = Literal["OrcaSlicer", "PrusaSlicer"]

NAMES: Mapping[ProgramKind, tuple[str, ...]] = {
    "OrcaSlicer": ("orca-slicer", "OrcaSlicer", "orcaslicer"),
    "PrusaSlicer": ("prusa-slicer", "prusa-slicer-console", "PrusaSlicer", "prusaslicer"),
}
ON_MAC: Mapping[ProgramKind, tuple[str, ...]] = {
    "OrcaSlicer": ("OrcaSlicer.app/Contents/MacOS/OrcaSlicer",),
    "PrusaSlicer": (
        "PrusaSlicer.app/Contents/MacOS/PrusaSlicer",
        "Original Prusa Drivers/PrusaSlicer.app/Contents/MacOS/PrusaSlicer",
    ),
}
ON_WINDOWS: Mapping[ProgramKind, tuple[str, ...]] = {
    "OrcaSlicer": ("OrcaSlicer/orca-slicer.exe",),
    "PrusaSlicer": ("Prusa3D/PrusaSlicer/prusa-slicer-console.exe",),
}


@dataclass(frozen=True, slots=True)
class Program:
    """A slicer that can be asked."""

    kind: ProgramKind
    path: Path


def find_programs(
    wanted: Mapping[ProgramKind, Path | None],
    environment: Mapping[str, str],
    *,
    platform: str = sys.platform,
) -> tuple[Program, ...]:
    """One of each kind at the most: where the user says, on the path, or at the usual places."""
    found = []
    for kind in NAMES:
        if named := wanted.get(kind):
            candidates = iter([named])
        else:
            candidates = _candidates(kind, environment, platform)
        if path := next((each for each in candidates if each.is_file()), None):
            found.append(Program(kind, path.absolute()))
    return tuple(found)


def _candidates(kind: ProgramKind, environment: Mapping[str, str], platform: str) -> Iterator[Path]:
    for name in NAMES[kind]:
        if found := shutil.which(name, path=environment.get("PATH", "")):
            yield Path(found)
    if platform == "darwin":
        for below in (Path("/Applications"), Path(environment.get("HOME", "/")) / "Applications"):
            yield from (below / name for name in ON_MAC[kind])
    if platform == "win32":
        for variable in ("PROGRAMFILES", "LOCALAPPDATA"):
            if base := environment.get(variable):
                yield from (Path(base) / name for name in ON_WINDOWS[kind])
