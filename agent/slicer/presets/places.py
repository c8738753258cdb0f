"""Where OrcaSlicer keeps its data on this computer."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

NAMES = ("OrcaSlicer", "OrcaSlicerNightly", "OrcaSlicer-nightly")
FLATPAKS = (
    "com.orcaslicer.OrcaSlicer",
    "io.github.orcaslicer.OrcaSlicer",
    "io.github.softfever.OrcaSlicer",
)
PORTABLE = "data_dir"


def data_folders(
    wanted: Sequence[Path],
    environment: Mapping[str, str],
    programs: Iterable[Path] = (),
    *,
    platform: str = sys.platform,
) -> list[Path]:
    """The data folders that exist, those that the user named first, each once.

    `programs` are slicers: a portable one has its data beside it."""
    usual = [] if wanted else _usual(environment, platform)
    beside = [program.parent / PORTABLE for program in programs] if not wanted else []
    found: dict[Path, Path] = {}
    for folder in (*wanted, *usual, *beside):
        try:
            if folder.is_dir():
                found.setdefault(folder.resolve(), folder)
        except OSError:
            continue
    return list(found)


def _usual(environment: Mapping[str, str], platform: str) -> Iterator[Path]:
    for base in _bases(environment, platform):
        for name in NAMES:
            yield base / name


def _bases(environment: Mapping[str, str], platform: str) -> Iterator[Path]:
    if platform == "win32":
        if roaming := environment.get("APPDATA"):
            yield Path(roaming)
        return
    home = environment.get("HOME")
    if platform == "darwin":
        if home:
            yield Path(home) / "Library" / "Application Support"
        return
    if config := environment.get("XDG_CONFIG_HOME"):
        yield Path(config)
    elif home:
        yield Path(home) / ".config"
    if home:
        for program in FLATPAKS:
            yield Path(home) / ".var" / "app" / program / "config"
