"""What a G-code says of itself, read from its first and its last megabyte."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from agent.slicer.gcode import blocks, cura
from agent.slicer.gcode.ending import missing
from agent.slicer.gcode.filaments import filaments
from agent.slicer.gcode.heating import heat
from agent.slicer.gcode.keys import translated
from agent.slicer.gcode.text import decoded, seconds
from agent.slicer.gcode.windows import Windows, open_windows
from agent.slicer.rules import Facts, Slicer
from agent.slicer.values import number, strings

GENERATED = re.compile(
    rb"^;[ \t]*(?:G-code )?generated (?:by|with) ([^\n]{1,200})", re.MULTILINE | re.IGNORECASE
)
BAMBU = re.compile(rb"^; (BambuStudio [0-9][0-9.]{0,40})", re.MULTILINE)
NAMED = re.compile(r"(.+?)[ /]v?(\d[\w.-]*)(?:\+\S*)?")
MADE_AT = re.compile(r"on (\d{4}-\d\d-\d\d)(?: at |T)(\d\d:\d\d:\d\d)( UTC)?")
LAYER_Z = re.compile(rb"^;[ \t]*(?:Z|Z_HEIGHT):[ \t]*([0-9.]{1,12})", re.MULTILINE)
TOTAL_LAYERS = re.compile(rb"\nSET_PRINT_STATS_INFO\b[^\n]*\bTOTAL_LAYER=(\d{1,7})")
SLICERS = {
    "orcaslicer": Slicer.ORCA,
    "bambustudio": Slicer.BAMBU,
    "prusaslicer": Slicer.PRUSA,
    "cura": Slicer.CURA,
}
MODES = ("normal mode", "default mode", "silent mode")


def read_gcode(path: Path) -> Facts:
    """Raises Invalid for what is no G-code, OSError for what cannot be read."""
    windows = open_windows(path)
    facts, hot = facts_of(windows), heat(windows)
    return replace(
        facts,
        hottest_nozzle_c=hot.nozzle_c,
        hottest_bed_c=hot.bed_c,
        missing=missing(windows, facts.slicer),
    )


def facts_of(windows: Windows) -> Facts:
    """The same of what was read already."""
    if header := cura.header(windows):
        return cura.facts(windows, header)
    totals = blocks.totals(windows)
    config = blocks.config(windows)
    settings = config.settings
    read = translated(settings, Slicer.PRUSA) if config.is_prusa else settings
    return replace(
        _made_by(windows),
        printer=_printer(settings),
        estimated_seconds=_estimated(totals),
        first_layer_seconds=_first_layer(totals),
        layers=_layers(totals, windows),
        max_z_mm=_max_z(totals, windows),
        filament_changes=_count(totals.get("total filament change")),
        filaments=filaments(totals, read),
        settings=read,
        written=settings if config.is_prusa else {},
        thumbnails=blocks.pictures(windows),
        changed=changed(settings),
        notes=(*windows.notes, *config.complaints, *([] if settings else [NO_SETTINGS])),
    )


NO_SETTINGS = "The file holds no settings."


def _made_by(windows: Windows) -> Facts:
    for part in windows.comments:
        if match := GENERATED.search(part) or BAMBU.search(part):
            return _named(decoded(match[1]).strip())
    return Facts(kind="gcode")


def _named(said: str) -> Facts:
    program = said.split(" on ", maxsplit=1)[0].strip()
    match, made = NAMED.match(program), MADE_AT.search(said)
    name, version = (match[1], match[2]) if match else (program, None)
    return Facts(
        kind="gcode",
        slicer=SLICERS.get(name.lower().replace(" ", ""), Slicer.UNKNOWN),
        generator=f"{name} {version}" if version else name,
        version=version,
        sliced_at=f"{made[1]}T{made[2]}{'Z' if made[3] else ''}" if made else None,
    )


def _printer(settings: Mapping[str, str]) -> str | None:
    for key in ("printer_settings_id", "printer_model"):
        if found := next(iter(strings(settings.get(key, ""))), ""):
            return found
    return None


def _estimated(totals: Mapping[str, str]) -> int | None:
    for mode in MODES:
        if found := seconds(totals.get(f"estimated printing time ({mode})", "")):
            return found
    if found := seconds(totals.get("estimated printing time", "")):
        return found
    # One line says both: "model printing time: 3h 31m; total estimated time: 3h 37m"
    model, _, whole = totals.get("model printing time", "").partition("total estimated time")
    return seconds(whole) or seconds(model)


def _first_layer(totals: Mapping[str, str]) -> int | None:
    for name in ("estimated first layer printing time", "first layer printing time"):
        for mode in MODES:
            if found := seconds(totals.get(f"{name} ({mode})", "")):
                return found
    return None


def _layers(totals: Mapping[str, str], windows: Windows) -> int | None:
    for key in ("total layers count", "total layer number"):
        if found := _count(totals.get(key)):
            return found
    match = TOTAL_LAYERS.search(b"\n" + windows.head)
    return int(match[1]) if match else None


def _max_z(totals: Mapping[str, str], windows: Windows) -> float | None:
    if stated := number(totals.get("max_z_height", "")):
        return stated
    heights = [number(decoded(z)) for part in windows.comments for z in LAYER_Z.findall(part)]
    return max((z for z in heights if z), default=None)


def _count(text: str | None) -> int | None:
    value = number(text) if text else None
    return int(value) if value is not None and 0 <= value < 1e9 else None


def changed(settings: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """By preset type, the keys that differ from the system preset: the list begins with the
    process, ends with the printer, and has the filaments between them."""
    said = settings.get("different_settings_to_system", "")
    lists = [*strings(said), *([""] if said.endswith(";") else [])]
    if len(lists) < 3:
        return {}
    keys = {
        "process": lists[0].split(";"),
        "filament": [key for each in lists[1:-1] for key in each.split(";")],
        "machine": lists[-1].split(";"),
    }
    found = {kind: tuple(dict.fromkeys(k for k in names if k)) for kind, names in keys.items()}
    return {kind: names for kind, names in found.items() if names}
