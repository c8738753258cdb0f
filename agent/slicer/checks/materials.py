"""What plastics need, whoever made them: temperatures, cooling, adhesion.

The ranges are wide on purpose: what lies outside is unusual for every brand of the material."""

import re
from dataclasses import dataclass
from types import MappingProxyType

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Material:
    """A family of plastics. Temperatures in °C; `bed` is that of a heated, not a cool plate."""

    name: str
    nozzle: Range
    bed: Range
    chamber_max: float | None = None
    warps: bool = False
    wants_enclosure: bool = False
    wants_bed_heat: bool = False
    wants_fan: bool = False
    dislikes_fan: bool = False
    is_flexible: bool = False
    oozes: bool = False


_FAMILIES = (
    Material("PLA", (180, 250), (20, 75), 45, wants_fan=True),
    Material("PHA", (170, 245), (0, 70), 45, wants_fan=True),
    Material("PVB", (190, 250), (30, 85), 50, wants_fan=True),
    Material("PETG", (210, 275), (50, 100), 60, wants_bed_heat=True, oozes=True),
    Material("PCTG", (230, 285), (50, 100), 60, wants_bed_heat=True, oozes=True),
    Material("PET", (240, 315), (50, 120), wants_bed_heat=True),
    Material("TPU", (190, 260), (0, 75), 45, is_flexible=True, oozes=True),
    Material("ABS", (220, 290), (75, 125), warps=True, wants_enclosure=True, wants_bed_heat=True,
             dislikes_fan=True),
    Material("ASA", (225, 295), (75, 125), warps=True, wants_enclosure=True, wants_bed_heat=True,
             dislikes_fan=True),
    Material("HIPS", (210, 280), (60, 120), warps=True, wants_enclosure=True,
             wants_bed_heat=True, dislikes_fan=True),
    Material("PC", (245, 320), (80, 150), warps=True, wants_enclosure=True, wants_bed_heat=True,
             dislikes_fan=True),
    Material("PA", (220, 330), (30, 130), warps=True, wants_enclosure=True, wants_bed_heat=True,
             dislikes_fan=True),
    Material("PPA", (260, 340), (60, 150), warps=True, wants_enclosure=True, wants_bed_heat=True,
             dislikes_fan=True),
    Material("PPS", (280, 370), (80, 160), warps=True, wants_enclosure=True, wants_bed_heat=True,
             dislikes_fan=True),
    Material("PP", (190, 280), (0, 120), warps=True),
    Material("PVA", (180, 250), (30, 80), 55),
    Material("BVOH", (180, 250), (30, 80), 55),
)  # fmt: skip
FAMILIES = MappingProxyType({one.name: one for one in _FAMILIES})

_ALIASES = MappingProxyType(
    {"FLEX": "TPU", "TPE": "TPU", "PAHT": "PA", "NYLON": "PA", "PETT": "PET"}
)
_FIBRES = {"CF", "GF", "AF", "CFX", "GFX"}
_FOAMING = re.compile(r"\bAERO\b|\bLW\b|FOAM", re.IGNORECASE)
_ABRASIVE = re.compile(
    r"\b(carbon|kevlar|aramid|glass[- ]?fib\w+)\b|\bglow\b"
    r"|\b(metal|steel|bronze|copper|iron|brass)[- ]?fill|\b(CF|GF)\d*\b",
    re.IGNORECASE,
)


def family(kind: str | None) -> Material | None:
    """The family of a filament type as the slicer writes it: `PA6-CF` is a PA."""
    if not kind or is_foaming(kind):
        return None
    stem = kind.strip().upper().split("-", maxsplit=1)[0].split(" ")[0].rstrip("+")
    stem = _ALIASES.get(stem, stem)
    return FAMILIES.get(stem) or FAMILIES.get(stem.rstrip("0123456789"))


def is_foaming(text: str | None) -> bool:
    """Foaming filaments are printed hot, slow and with half the flow, on purpose."""
    return bool(text and _FOAMING.search(text))


def is_fibre_filled(kind: str | None) -> bool:
    parts = re.split(r"[- ]", (kind or "").upper())
    return any(part.rstrip("0123456789") in _FIBRES for part in parts[1:])


def is_abrasive(kind: str | None, name: str | None) -> bool:
    """By its type, or by what its name says is in it."""
    return is_fibre_filled(kind) or bool(name and _ABRASIVE.search(name))
