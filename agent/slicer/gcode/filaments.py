"""The filaments of a file: what its totals and its settings say of each."""

import math
from collections.abc import Mapping

from agent.slicer.gcode.text import numbers
from agent.slicer.rules import Filament
from agent.slicer.values import strings

LENGTHS = ("filament used [mm]", "total filament length [mm]")
VOLUMES = ("filament used [cm3]", "total filament volume [cm^3]")
WEIGHTS = ("filament used [g]", "total filament weight [g]")


def filaments(totals: Mapping[str, str], settings: Mapping[str, str]) -> tuple[Filament, ...]:
    """In the order of the slicer's lists. A header that names the used ones alone (`filament:
    2,4`, counted from 1) puts its numbers there."""
    names = strings(settings.get("filament_settings_id", ""))
    types = strings(settings.get("filament_type", ""))
    colours = strings(settings.get("filament_colour", "") or settings.get("extruder_colour", ""))
    used = {what: _first(totals, keys) for what, keys in USED.items()}
    places = _places(totals, max(len(values) for values in used.values()))
    count = max(len(names), len(types), *(place + 1 for place in places), 0)
    diameters = numbers(settings.get("filament_diameter", totals.get("filament_diameter", "")))
    return tuple(
        _filament(
            index,
            {what: _at(values, places, index) for what, values in used.items()},
            (_text(names, index), _text(types, index), _text(colours, index)),
            _number(diameters, index),
        )
        for index in range(min(count, MOST))
    )


MOST = 256
USED = {
    "mm": LENGTHS,
    "cm3": VOLUMES,
    "g": WEIGHTS,
    "cost": ("filament cost",),
}


def _filament(
    index: int,
    used: Mapping[str, float | None],
    said: tuple[str | None, str | None, str | None],
    diameter_mm: float | None,
) -> Filament:
    name, kind, colour = said
    return Filament(
        index,
        name,
        kind,
        colour,
        used_mm=used["mm"],
        used_cm3=_cm3(used["mm"], used["cm3"], diameter_mm),
        used_g=used["g"],
        cost=used["cost"],
    )


def _cm3(length_mm: float | None, volume: float | None, diameter_mm: float | None) -> float | None:
    """Headers of printers by Bambu call it cm³ and write mm³: the length tells which it is."""
    if volume is None or not length_mm:
        return volume
    expected = length_mm * math.pi * ((diameter_mm or 1.75) / 2) ** 2
    return round(volume / 1000, 5) if abs(volume - expected) < expected / 2 else volume


def _first(totals: Mapping[str, str], keys: tuple[str, ...]) -> list[float | None]:
    return next((found for key in keys if (found := numbers(totals.get(key, "")))), [])


def _places(totals: Mapping[str, str], count: int) -> list[int]:
    """At which filament each number of the totals belongs."""
    named = [int(n) - 1 for n in numbers(totals.get("filament", "")) if n and 1 <= n <= MOST]
    is_named = "total filament length [mm]" in totals and len(named) == count
    return named if is_named else list(range(count))


def _at(values: list[float | None], places: list[int], index: int) -> float | None:
    return _number(values, places.index(index)) if index in places else None


def _number(values: list[float | None], index: int) -> float | None:
    return values[index] if index < len(values) else None


def _text(values: tuple[str, ...], index: int) -> str | None:
    return values[index] or None if index < len(values) else None
