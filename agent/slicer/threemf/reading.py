"""What a 3MF says of itself: its settings, its plates, and what was changed. Blocking."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson

from agent.shared.errors import Invalid
from agent.slicer.gcode.keys import translated
from agent.slicer.gcode.reading import NO_SETTINGS, facts_of
from agent.slicer.gcode.windows import WINDOW_BYTES, windows_of
from agent.slicer.presets.keys import METADATA
from agent.slicer.presets.reading import is_secret
from agent.slicer.presets.rules import Value
from agent.slicer.presets.values import joined
from agent.slicer.rules import Facts, Slicer, Thumbnail
from agent.slicer.threemf.archive import Archive, open_archive, shown
from agent.slicer.threemf.filling import filled
from agent.slicer.threemf.gcode import member_of, plates_with_gcode
from agent.slicer.threemf.markup import BadMarkup, Node, read_markup
from agent.slicer.threemf.pictures import pictures
from agent.slicer.threemf.plates import filaments, plates

MODEL = "3D/3dmodel.model"
PROJECT = "Metadata/project_settings.config"
PRUSA = "Metadata/Slic3r_PE.config"
OBJECTS = "Metadata/model_settings.config"
SLICED = "Metadata/slice_info.config"
IS_3MF = (MODEL, "[Content_Types].xml", PROJECT)

MOST_JSON = 16 << 20
MOST_XML = 8 << 20
HEAD = 64 << 10
MOST_HEADS = 8  # of plates' G-code: a few milliseconds each
ABOUT = re.compile(rb'<metadata\s+name="Application"[^>]*>([^<]{1,120})<')
NAMED = re.compile(r"([A-Za-z]+)[- ]v?(\d[\w.+-]*)")
LINE = re.compile(r"^; ?([a-z0-9_]+) = ?(.*)$")
SLICERS = {
    "orcaslicer": Slicer.ORCA,
    "bambustudio": Slicer.BAMBU,
    "prusaslicer": Slicer.PRUSA,
    "cura": Slicer.CURA,
}
# OrcaSlicer names itself as the program that it comes from, so that others open its files.
ONLY_ORCA = frozenset(
    {"alternate_extra_wall", "hole_to_polyhole", "overhang_reverse", "print_host_webui"}
)
OBJECT_TAGS = {"config", "object", "metadata", "plate", "model_instance"}
SLICED_TAGS = {*OBJECT_TAGS, "header", "header_item", "filament", "warning"}
KEPT = frozenset({"print_settings_id", "printer_settings_id", "filament_settings_id"})
LEFT_OUT = (METADATA - KEPT) | {"different_settings_to_system"}
EMPTY = Node("", {})


@dataclass(slots=True)
class _Seen:
    """What was found so far, and what could not be read."""

    settings: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    document: Mapping[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_3mf(path: Path) -> Facts:
    """Raises Invalid for what is no 3MF or was made to do harm, OSError if it cannot be read."""
    with open_archive(path) as archive:
        if not any(name in archive.members for name in IS_3MF):
            raise Invalid("no-3mf", "The file is a zip, but no 3MF. Export the project again.")
        seen = _Seen()
        _read_settings(archive, seen)
        objects = _markup(archive, OBJECTS, OBJECT_TAGS, seen)
        sliced = _markup(archive, SLICED, SLICED_TAGS, seen)
        found = plates(objects, sliced, archive.members)
        times = [plate.estimated_seconds for plate in found if plate.estimated_seconds]
        facts = _made_by(archive, seen)
        facts = replace(
            facts,
            printer=_printer(seen.settings),
            estimated_seconds=sum(times) if times else None,
            filaments=filaments(seen.settings, sliced),
            settings=seen.settings,
            written=seen.written,
            thumbnails=_thumbnails(archive, seen),
            plates=found,
            changed=_changed(seen.document),
            notes=tuple(seen.notes),
        )
        return _with_heads(archive, facts)


def _read_settings(archive: Archive, seen: _Seen) -> None:
    if PROJECT in archive.members:
        document = _json(archive, PROJECT, seen)
        if document is not None:
            seen.document = document
            _take_settings(document, seen)
    elif text := _optional(archive, PRUSA, MOST_JSON, seen):
        lines = text.decode("utf-8", "replace").splitlines()
        pairs = (match.groups() for line in lines if (match := LINE.match(line)))
        seen.written = {key: value.strip() for key, value in pairs if not is_secret(key)}
        seen.settings = translated(seen.written, Slicer.PRUSA)
    if not seen.settings and not seen.notes:
        seen.notes.append(NO_SETTINGS)


def _take_settings(document: Mapping[str, object], seen: _Seen) -> None:
    wrong = []
    for key, value in sorted(document.items()):
        if key in LEFT_OUT or is_secret(key):
            continue
        text = _value(value)
        if text is None:
            wrong.append(shown(key))
        else:
            seen.settings[key] = joined(key, text)
    if wrong:
        seen.notes.append(f"Some settings are no text: {', '.join(wrong[:10])}.")


def _value(value: object) -> Value | None:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    return None


def _json(archive: Archive, name: str, seen: _Seen) -> dict[str, object] | None:
    content = _optional(archive, name, MOST_JSON, seen)
    if content is None:
        return None
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict):
        return document
    seen.notes.append(f"{name} cannot be read.")
    return None


def _markup(archive: Archive, name: str, wanted: set[str], seen: _Seen) -> Node:
    content = _optional(archive, name, MOST_XML, seen)
    if content is None:
        return EMPTY
    try:
        return next(read_markup(content, wanted).all("config"), EMPTY)
    except BadMarkup:
        seen.notes.append(f"{name} cannot be read.")
        return EMPTY


def _optional(archive: Archive, name: str, most: int, seen: _Seen) -> bytes | None:
    """A member that the rest can do without."""
    try:
        return archive.read(name, most=most)
    except Invalid as err:
        seen.notes.append(err.detail)
        return None


def _made_by(archive: Archive, seen: _Seen) -> Facts:
    said = ""
    if MODEL in archive.members:
        try:
            match = ABOUT.search(archive.head(MODEL, most=HEAD))
        except Invalid as err:
            seen.notes.append(err.detail)
            match = None
        said = match[1].decode("utf-8", "replace").strip() if match else ""
    named = NAMED.match(said)
    name, version = (named[1], named[2]) if named else (said, None)
    slicer = SLICERS.get(name.lower(), Slicer.UNKNOWN)
    if slicer is Slicer.BAMBU and not ONLY_ORCA.isdisjoint(seen.document):
        slicer, name = Slicer.ORCA, Slicer.ORCA.value
    if slicer is Slicer.ORCA and isinstance(stated := seen.document.get("version"), str):
        version = stated
    generator = " ".join(part for part in (name, version) if part)
    return Facts("3mf", slicer=slicer, generator=generator or None, version=version)


def _printer(settings: Mapping[str, str]) -> str | None:
    return settings.get("printer_settings_id") or settings.get("printer_model") or None


def _thumbnails(archive: Archive, seen: _Seen) -> tuple[Thumbnail, ...]:
    try:
        return tuple(thumbnail for thumbnail, _ in pictures(archive))
    except Invalid as err:
        seen.notes.append(err.detail)
        return ()


def _with_heads(archive: Archive, facts: Facts) -> Facts:
    """What G-code says of itself at its beginning, where the project says nothing of it. Its end
    is not reached without unpacking all of it."""
    told = {plate.index for plate in facts.plates if plate.estimated_seconds and plate.grams}
    able = plates_with_gcode(archive)
    for plate in [one for one in able if one not in told or len(able) == 1][:MOST_HEADS]:
        name = member_of(plate)
        try:
            head = archive.head(name, most=WINDOW_BYTES)
            said = facts_of(windows_of(name, head[: head.rfind(b"\n") + 1] or head))
        except Invalid:
            continue
        facts = filled(facts, plate, said)
    return facts


def _changed(document: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """The list begins with the process, ends with the printer, and has the filaments between."""
    groups = document.get("different_settings_to_system")
    if not isinstance(groups, list) or len(groups) < 3:
        return {}
    keys = [
        tuple(key for key in group.split(";") if key) if isinstance(group, str) else ()
        for group in groups
    ]
    together = tuple(dict.fromkeys(key for group in keys[1:-1] for key in group))
    found = {"process": keys[0], "filament": together, "machine": keys[-1]}
    return {preset_type: each for preset_type, each in found.items() if each}
