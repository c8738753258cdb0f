"""What is known of a sliced file: its facts, its motion, and what a check found in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Kind = Literal["gcode", "3mf"]
PresetType = Literal["machine", "process", "filament"]


class Slicer(StrEnum):
    ORCA = "OrcaSlicer"
    BAMBU = "BambuStudio"
    PRUSA = "PrusaSlicer"
    CURA = "Cura"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    BLOCKING = "blocking"

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return tuple(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Filament:
    """One filament of a file. `index` counts from 0, as the slicer's lists do."""

    index: int
    name: str | None = None
    type: str | None = None
    colour: str | None = None
    used_mm: float | None = None
    used_cm3: float | None = None
    used_g: float | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture inside the file. Its bytes are read when they are asked for.

    Sizes are what the file claims, in pixels; `plate` counts from 1 and is None in G-code."""

    width: int
    height: int
    mime: Literal["image/png", "image/jpeg", "image/qoi"]
    plate: int | None = None


@dataclass(frozen=True, slots=True)
class Plate:
    """One plate of a project. `index` counts from 1; time in seconds, weight in grams."""

    index: int
    name: str | None = None
    estimated_seconds: int | None = None
    grams: float | None = None
    objects: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    is_sliced: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says of itself.

    `settings` has OrcaSlicer's keys and values as text, lists joined as the slicer joins them;
    where another slicer wrote the file, its keys are translated and `written` holds its own.
    `changed` says which keys differ from the system preset, by preset type, where the file
    tells it. `notes` are sentences on what could not be read.

    `hottest_nozzle_c` and `hottest_bed_c` are the highest that the commands at both ends set for
    what is printed. `missing` names what a whole file of this slicer would end with."""

    kind: Kind
    slicer: Slicer = Slicer.UNKNOWN
    generator: str | None = None
    version: str | None = None
    sliced_at: str | None = None
    printer: str | None = None
    estimated_seconds: int | None = None
    first_layer_seconds: int | None = None
    layers: int | None = None
    max_z_mm: float | None = None
    filament_changes: int | None = None
    filaments: tuple[Filament, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)
    thumbnails: tuple[Thumbnail, ...] = ()
    plates: tuple[Plate, ...] = ()
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    hottest_nozzle_c: float | None = None
    hottest_bed_c: float | None = None
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Layers:
    """The motion by layer: sequences of one length, an entry for each layer, lowest first."""

    z_mm: Sequence[float] = ()
    height_mm: Sequence[float] = ()
    seconds: Sequence[float] = ()
    max_flow_mm3_s: Sequence[float] = ()
    mean_flow_mm3_s: Sequence[float] = ()
    max_speed_mm_s: Sequence[float] = ()
    mean_speed_mm_s: Sequence[float] = ()
    nozzle_c: Sequence[float] = ()
    bed_c: Sequence[float] = ()
    fan_percent: Sequence[float] = ()
    filament_mm: Sequence[float] = ()
    travel_mm: Sequence[float] = ()
    retractions: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Feature:
    """A type of line ("Outer wall"): its time, length, filament, and the extremes in it."""

    name: str
    seconds: float
    length_mm: float
    filament_mm: float
    max_speed_mm_s: float
    mean_speed_mm_s: float
    max_flow_mm3_s: float
    mean_flow_mm3_s: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """What one pass over every move of a G-code tells. `bounding_box` is of what is printed:
    (x min, y min, z min, x max, y max, z max) in mm. `plate` says which of a project's it is,
    counted from 1; None for a G-code by itself. `is_heated` is whether any command heats a nozzle:
    where none does, `layers.nozzle_c` holds what the settings want."""

    seconds: float
    layers: Layers
    features: tuple[Feature, ...]
    bounding_box: tuple[float, float, float, float, float, float] | None
    travel_mm: float
    travel_seconds: float
    retractions: int
    retracted_mm: float
    filament_mm: tuple[float, ...]
    tool_changes: int
    first_layer_seconds: float
    lines: int
    notes: tuple[str, ...] = ()
    plate: int | None = None
    is_heated: bool = True


@dataclass(frozen=True, slots=True)
class Evidence:
    """One number behind a finding: the key, its value, the limit, and where ("layer 12")."""

    key: str
    value: str
    limit: str | None = None
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a proposal: a preset's key, what it is, and what it should be.

    Values are written as in a preset file; a list's elements are one tuple. `filament` says
    which one of the file's it is meant for, counted from 0."""

    preset_type: PresetType
    key: str
    old: str | tuple[str, ...] | None
    new: str | tuple[str, ...]
    reason: str = ""
    filament: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. `changes` is the fix as settings, where there is one."""

    id: str
    severity: Severity
    title: str
    evidence: tuple[Evidence, ...]
    explanation: str
    fix: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class SlicerFile:
    """A file that came in and what was found in it. Times are RFC 3339; `sha256` may follow.

    `source` says how it came. Of one that is not whole only its two ends are kept."""

    id: str
    name: str
    kind: Kind
    size_bytes: int
    created_at: str
    facts: Facts
    findings: tuple[Finding, ...] = ()
    sha256: str | None = None
    source: str = "upload"
    is_whole: bool = True
