"""Cura's G-code: its two kinds of header, and its settings at the end of the file."""

import configparser
import json
import re
from collections.abc import Mapping
from typing import Any

from agent.slicer.gcode import blocks
from agent.slicer.gcode.keys import translated
from agent.slicer.gcode.text import decoded
from agent.slicer.gcode.windows import Windows
from agent.slicer.rules import Facts, Filament, Slicer
from agent.slicer.values import number

STEAM_ENGINE = re.compile(
    rb"^;[ \t]*Generated with (?:\w+ )?Cura[_ ]SteamEngine ?([^\n]{0,40})", re.MULTILINE
)
GRIFFIN = b";GENERATOR.NAME:Cura"
LINE = re.compile(rb"^;[ \t]?([A-Za-z][A-Za-z0-9_. ]{0,60}):[ \t]*([^\n]{0,1000})$", re.MULTILINE)
SETTINGS = re.compile(rb"^;SETTING_3 ([^\n]*)$", re.MULTILINE)
USED = re.compile(r"([0-9.]+(?:e-?\d+)?)\s*(mm3|m)\b")
PARTLY = "Cura writes only those settings into the file that differ from its profile."
TRAINS = 16


def header(windows: Windows) -> dict[str, str]:
    """The lines `;NAME:value` before the first layer; empty where Cura did not write the file."""
    said_first = windows.comments[0]
    engine = STEAM_ENGINE.search(said_first)
    if not engine and GRIFFIN not in said_first:
        return {}
    before = said_first.partition(b"\n;LAYER:")[0]
    said: dict[str, str] = {}
    for key, value in LINE.findall(before):
        said.setdefault(decoded(key), decoded(value).strip())
    if engine:
        said["GENERATOR.VERSION"] = decoded(engine[1]).strip()
    return said


def facts(windows: Windows, said: Mapping[str, str]) -> Facts:
    written, complaints = _written(windows)
    settings = {**_of_header(said), **translated(written, Slicer.CURA)}
    version = said.get("GENERATOR.VERSION") or None
    seconds = number(said.get("PRINT.TIME", said.get("TIME", "")))
    printer = said.get("TARGET_MACHINE.NAME") or written.get("machine_name")
    return Facts(
        kind="gcode",
        slicer=Slicer.CURA,
        generator=f"Cura {version}" if version else "Cura",
        version=version,
        printer=printer,
        estimated_seconds=int(seconds) if seconds and 0 < seconds < 1e9 else None,
        layers=_layers(said),
        max_z_mm=_top(said),
        filaments=_filaments(said, settings),
        settings=settings,
        written=written,
        thumbnails=blocks.pictures(windows),
        notes=(*windows.notes, *complaints, PARTLY),
    )


def _of_header(said: Mapping[str, str]) -> dict[str, str]:
    nozzles = [
        said[key]
        for train in range(TRAINS)
        if (key := f"EXTRUDER_TRAIN.{train}.NOZZLE.DIAMETER") in said
    ]
    found = {
        "layer_height": said.get("Layer height", ""),
        "nozzle_diameter": ",".join(nozzles),
        "printer_model": said.get("TARGET_MACHINE.NAME", ""),
        "hot_plate_temp_initial_layer": said.get("BUILD_PLATE.INITIAL_TEMPERATURE", ""),
        "nozzle_temperature_initial_layer": said.get("EXTRUDER_TRAIN.0.INITIAL_TEMPERATURE", ""),
    }
    return {key: value for key, value in found.items() if value}


def _layers(said: Mapping[str, str]) -> int | None:
    count = number(said.get("LAYER_COUNT", ""))
    return int(count) if count and 0 < count < 1e9 else None


def _top(said: Mapping[str, str]) -> float | None:
    """Cura begins with the smallest of all numbers, and leaves it there when nothing is printed."""
    top = number(said.get("PRINT.SIZE.MAX.Z", said.get("MAXZ", "")))
    return top if top is not None and 0 < top < 1e5 else None


def _filaments(said: Mapping[str, str], settings: Mapping[str, str]) -> tuple[Filament, ...]:
    kind = settings.get("filament_type")
    volumes = {
        train: number(said.get(f"EXTRUDER_TRAIN.{train}.MATERIAL.VOLUME_USED", ""))
        for train in range(TRAINS)
    }
    if any(volume is not None for volume in volumes.values()):
        return tuple(
            Filament(train, type=kind, used_cm3=round(volume / 1000, 5))
            for train, volume in volumes.items()
            if volume is not None
        )
    used = USED.findall(said.get("Filament used", ""))[:TRAINS]
    return tuple(_used(index, kind, amount, unit) for index, (amount, unit) in enumerate(used))


def _used(index: int, kind: str | None, amount: str, unit: str) -> Filament:
    value = number(amount)
    if value is None:
        return Filament(index, type=kind)
    if unit == "mm3":
        return Filament(index, type=kind, used_cm3=round(value / 1000, 5))
    return Filament(index, type=kind, used_mm=round(value * 1000, 3))


def _written(windows: Windows) -> tuple[dict[str, str], list[str]]:
    """Of the profile that Cura hides in comments: a JSON text, in which each value is an INI."""
    rows = SETTINGS.findall(windows.comments[-1])
    if not rows:
        return {}, []
    try:
        # Two levels of escapes: the rows escape once more what the JSON text holds.
        said: Any = json.loads(decoded(b"".join(rows)).replace("\\\\n", "\\n"))  # Any: JSON
    except (ValueError, RecursionError):
        return {}, ["The settings that Cura wrote at the end of the file cannot be read."]
    if not isinstance(said, dict):
        return {}, ["The settings that Cura wrote at the end of the file cannot be read."]
    found = _values(said.get("global_quality"))
    extruders = said.get("extruder_quality")
    for profile in extruders[:1] if isinstance(extruders, list) else []:
        found |= _values(profile)
    return found, []


def _values(profile: object) -> dict[str, str]:
    if not isinstance(profile, str):
        return {}
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=())
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as the module's docs do it
    try:
        parser.read_string(profile)
    except configparser.Error:
        return {}
    return dict(parser["values"]) if parser.has_section("values") else {}
