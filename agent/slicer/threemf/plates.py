"""The plates of a project, and the filaments that they are printed from."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from agent.slicer.presets.values import split
from agent.slicer.rules import Filament, Plate
from agent.slicer.threemf.markup import Node

TEXT_CHARACTERS = 300
MOST_PLATES = 1000
MOST_OBJECTS = 2000


@dataclass(slots=True)
class _Found:
    name: str | None = None
    seconds: int | None = None
    grams: float | None = None
    objects: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    is_sliced: bool = False


def plates(objects: Node, sliced: Node, members: Collection[str]) -> tuple[Plate, ...]:
    """What the project says of its plates, and what slicing them came to."""
    found: dict[int, _Found] = {}
    names = {
        node.attributes.get("id", ""): node.metadata().get("name", "")
        for node in objects.all("object")
    }
    for node in objects.all("plate"):
        about = node.metadata()
        if (plate := _plate(found, about.get("plater_id"))) is None:
            continue
        plate.name = _text(about.get("plater_name")) or None
        ids = [each.metadata().get("object_id", "") for each in node.all("model_instance")]
        plate.objects = [_text(names.get(one)) or one for one in ids[:MOST_OBJECTS]]
        plate.is_sliced = about.get("gcode_file", "") in members
    for node in sliced.all("plate"):
        about = node.metadata()
        if (plate := _plate(found, about.get("index"))) is None:
            continue
        _take_slice(plate, node, about)
    return tuple(_told(index, plate) for index, plate in sorted(found.items()))


def filaments(settings: Mapping[str, str], sliced: Node) -> tuple[Filament, ...]:
    """By the project's settings; what is used is the sum over all plates."""
    used_m: dict[int, float] = {}
    used_g: dict[int, float] = {}
    told: dict[int, Mapping[str, str]] = {}
    for node in (each for plate in sliced.all("plate") for each in plate.all("filament")):
        index = _index(node.attributes.get("id"))
        if index is None:
            continue
        told[index - 1] = node.attributes
        for used, key in ((used_m, "used_m"), (used_g, "used_g")):
            if (amount := _number(node.attributes.get(key))) is not None:
                used[index - 1] = used.get(index - 1, 0) + amount
    names = _texts(settings, "filament_settings_id")
    types, colours = _texts(settings, "filament_type"), _texts(settings, "filament_colour")
    count = max(len(names), len(types), max(told, default=-1) + 1)
    return tuple(
        Filament(
            index,
            name=_at(names, index),
            type=_at(types, index) or told.get(index, {}).get("type"),
            colour=_at(colours, index) or told.get(index, {}).get("color"),
            used_mm=round(used_m[index] * 1000, 3) if index in used_m else None,
            used_g=round(used_g[index], 3) if index in used_g else None,
        )
        for index in range(count)
    )


def _take_slice(plate: _Found, node: Node, about: Mapping[str, str]) -> None:
    seconds, grams = _number(about.get("prediction")), _number(about.get("weight"))
    plate.seconds = round(seconds) if seconds else None
    plate.grams = grams or None
    plate.is_sliced = plate.is_sliced or seconds is not None
    if not plate.objects:
        found = [_text(each.attributes.get("name")) for each in node.all("object")]
        plate.objects = [name for name in found[:MOST_OBJECTS] if name]
    warnings = [_text(each.attributes.get("msg")) for each in node.all("warning")]
    plate.warnings = [text for text in warnings if text]


def _plate(found: dict[int, _Found], index: str | None) -> _Found | None:
    number = _index(index)
    return None if number is None else found.setdefault(number, _Found())


def _told(index: int, plate: _Found) -> Plate:
    return Plate(
        index,
        name=plate.name,
        estimated_seconds=plate.seconds,
        grams=plate.grams,
        objects=tuple(plate.objects),
        warnings=tuple(plate.warnings),
        is_sliced=plate.is_sliced,
    )


def _index(text: str | None) -> int | None:
    value = _number(text)
    return int(value) if value is not None and 1 <= value <= MOST_PLATES else None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value < 1e12 else None


def _text(text: str | None) -> str:
    return " ".join((text or "").split())[:TEXT_CHARACTERS]


def _texts(settings: Mapping[str, str], key: str) -> tuple[str, ...]:
    return split(key, settings[key]) if settings.get(key) else ()


def _at(values: tuple[str, ...], index: int) -> str | None:
    return values[index] or None if index < len(values) else None
