"""A project copied for a slicer to open: its models and settings, and nothing that is run."""

import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import orjson

from agent.shared.errors import Invalid
from agent.slicer.presets.reading import is_secret
from agent.slicer.rules import Change
from agent.slicer.threemf.archive import Archive, open_archive
from agent.slicer.threemf.reading import MOST_JSON, PROJECT, PRUSA
from agent.slicer.variants.rules import RUN_BY_SLICERS

BLOCK_BYTES = 1 << 20
KEPT = ("3D/", "_rels/", "Metadata/", "[Content_Types].xml")
LEFT_OUT = (".gcode", ".gcode.md5", ".png", ".jpg", ".jpeg")
# Presets that lie in a project, and where its settings stood once.
EMBEDDED = re.compile(r"metadata/(?:process|filament|machine)_settings_\d{1,6}\.config")
OLD_SETTINGS = "metadata/print_profile.config"
NOTHING_THERE = (
    "The project brings no settings that could be changed. Save it in OrcaSlicer, or name the "
    "presets to slice it with."
)
CHANGED = "different_settings_to_system"


def copy_project(source: Path, target: Path, changes: Sequence[Change], *, most_bytes: int) -> None:
    """Writes the project with changed settings. Blocking.

    Raises Invalid for what is harmful, or larger than `most_bytes` when unpacked."""
    with (
        open_archive(source) as archive,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy,
    ):
        if changes and PROJECT.casefold() not in map(str.casefold, archive.members):
            raise Invalid("no-settings", NOTHING_THERE)
        total = 0
        for name in archive.members:
            if not name.startswith(KEPT) or name.endswith((*LEFT_OUT, "/")):
                continue
            known = name.casefold()  # slicers find them however they are spelt
            if known == PROJECT.casefold():
                copy.writestr(name, _settings(archive, name, changes))
            elif known == PRUSA.casefold():
                copy.writestr(name, _lines(archive, name))
            elif EMBEDDED.fullmatch(known):
                copy.writestr(name, _settings(archive, name, ()))
            elif known != OLD_SETTINGS:
                total = _copy(archive, copy, name, total, most_bytes)


def _copy(archive: Archive, copy: zipfile.ZipFile, name: str, total: int, most_bytes: int) -> int:
    with archive.open(name) as member, copy.open(name, "w", force_zip64=True) as out:
        while block := member.read(BLOCK_BYTES):
            total += len(block)
            if total > most_bytes:
                raise Invalid("unsafe-archive", "Unpacked, the project is larger than may be.")
            out.write(block)
    return total


def _settings(archive: Archive, name: str, changes: Iterable[Change]) -> bytes:
    try:
        document = orjson.loads(archive.read(name, most=MOST_JSON) or b"")
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise Invalid("no-settings", "The settings of the project cannot be read. Save it anew.")
    for key in [key for key in document if key in RUN_BY_SLICERS or is_secret(key)]:
        document[key] = [] if isinstance(document[key], list) else ""
    for change in changes:
        document[change.key] = _as_there(document.get(change.key), change.new)
    _say_changed(document, changes)
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _as_there(old: object, new: str | tuple[str, ...]) -> str | list[str]:
    """The new value in the form of the old one: a list has as many elements as before."""
    values = [new] if isinstance(new, str) else list(new)
    if isinstance(old, list):
        return values * max(1, len(old)) if len(values) == 1 else values
    return values[0] if isinstance(old, str) and values else new if isinstance(new, str) else values


def _say_changed(document: dict[str, object], changes: Iterable[Change]) -> None:
    """The slicer keeps what is listed as changed when it compares with its own presets."""
    groups = document.get(CHANGED)
    if not isinstance(groups, list) or len(groups) < 3:
        return
    places: Mapping[str, int] = {"process": 0, "filament": 1, "machine": len(groups) - 1}
    for change in changes:
        at = places[change.preset_type]
        keys = [key for key in str(groups[at]).split(";") if key]
        if change.key not in keys:
            groups[at] = ";".join([*keys, change.key])


def _lines(archive: Archive, name: str) -> bytes:
    """PrusaSlicer's settings without what it would run."""
    content = (archive.read(name, most=MOST_JSON) or b"").decode("utf-8", "replace")
    keys = [*RUN_BY_SLICERS]
    kept = [
        line
        for line in content.splitlines()
        if (key := line.lstrip("; ").split("=")[0].strip()) not in keys and not is_secret(key)
    ]
    return "\n".join([*kept, ""]).encode()
