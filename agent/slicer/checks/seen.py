"""A file as the checks look at it: what it says, typed, and what follows from that."""

from dataclasses import dataclass, field
from functools import cached_property

from agent.slicer.checks.machines import is_bowden
from agent.slicer.checks.materials import Material, family
from agent.slicer.rules import Analysis, Change, Evidence, Facts, Severity
from agent.slicer.values import Values, figure

# Which setting heats the plate that is in use.
PLATES = {
    "cool plate": "cool_plate_temp",
    "textured cool plate": "textured_cool_plate_temp",
    "engineering plate": "eng_plate_temp",
    "high temp plate": "hot_plate_temp",
    "textured pei plate": "textured_plate_temp",
    "supertack plate": "supertack_plate_temp",
    "cool plate (supertack)": "supertack_plate_temp",
    "smooth pei plate": "hot_plate_temp",
}
LONGEST = 120  # letters of what a file says that is shown, or looked for in a table
WARM_PLATES = {"hot_plate_temp", "textured_plate_temp", "eng_plate_temp"}


@dataclass(frozen=True, slots=True)
class Found:
    """What one check saw. A severity here goes before that of the check."""

    explanation: str
    fix: str
    evidence: tuple[Evidence, ...]
    changes: tuple[Change, ...] = ()
    severity: Severity | None = None


@dataclass(frozen=True)
class Seen:
    """One file. Every property is None, or empty, where the file does not say it."""

    facts: Facts
    analysis: Analysis | None = None
    spool_g: float | None = None
    values: Values = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", Values(self.facts.settings))

    # --- the machine ---

    @cached_property
    def nozzle_mm(self) -> float | None:
        return _positive(self.values.number("nozzle_diameter"))

    @cached_property
    def model(self) -> str:
        """The printer's name, with that of its model."""
        said = (self.values.string("printer_model"), self.facts.printer)
        return " / ".join(dict.fromkeys(name[:LONGEST] for name in said if name))

    @cached_property
    def is_bowden(self) -> bool | None:
        """By the preset; where that says direct, or nothing, the model's name may know better."""
        kind = (self.values.word("extruder_type") or "").lower().replace(" ", "")
        if kind == "bowden" or is_bowden(self.model):
            return True
        return False if kind == "directdrive" else None

    @cached_property
    def firmware(self) -> str | None:
        return self.values.word("gcode_flavor")

    # --- layers and lines ---

    @cached_property
    def layer_mm(self) -> float | None:
        return _positive(self.values.number("layer_height"))

    @cached_property
    def first_layer_mm(self) -> float | None:
        return _positive(self.values.number("initial_layer_print_height"))

    def width(self, key: str) -> float | None:
        """A line's width in mm. 0 means the general one, and that 0 the slicer's own choice."""
        own = self.values.size(key, self.nozzle_mm)
        if own:
            return own
        return _positive(self.values.size("line_width", self.nozzle_mm))

    def speed(self, key: str) -> float | None:
        return _positive(self.values.number(key))

    # --- filaments ---

    @cached_property
    def used(self) -> tuple[int, ...]:
        """The filaments that are printed with; all of the file's where it does not say."""
        told = [one for one in self.facts.filaments if one.used_mm or one.used_g]
        if told:
            return tuple(one.index for one in told)
        count = max(len(self.facts.filaments), self.values.length("nozzle_temperature"))
        return tuple(range(min(count, 64)))

    @cached_property
    def is_one_print(self) -> bool:
        """A project's plates are prints of their own, each with filaments of its own."""
        return len(self.facts.plates) < 2

    def kind(self, index: int) -> str | None:
        """`PETG`, as the slicer writes it."""
        listed = next((one.type for one in self.facts.filaments if one.index == index), None)
        return _short(listed or self.values.string("filament_type", index))

    def name(self, index: int) -> str | None:
        listed = next((one.name for one in self.facts.filaments if one.index == index), None)
        return _short(listed or self.values.string("filament_settings_id", index))

    def material(self, index: int) -> Material | None:
        return family(self.kind(index))

    def said_of(self, index: int) -> str | None:
        """`filament 2 (PETG)`, where there are several; `PETG` where there is one."""
        kind = self.kind(index)
        if len(self.used) < 2:
            return kind
        return f"filament {index + 1}{f' ({kind})' if kind else ''}"

    def plate_key(self, *, first: bool = False) -> str:
        plate = (self.values.text("curr_bed_type") or "").strip('"').lower()
        key = PLATES.get(plate, "hot_plate_temp")
        return f"{key}_initial_layer" if first else key

    def bed(self, index: int, *, first: bool = False) -> float | None:
        return self.values.number(self.plate_key(first=first), index)

    def either(self, key: str, index: int) -> tuple[str, float | None]:
        """A setting that a filament may overrule: the key in force, and its value."""
        own = self.values.number(f"filament_{key}", index)
        return (f"filament_{key}", own) if own is not None else (key, self.values.number(key))

    # --- what findings are made of ---

    def told(
        self,
        key: str,
        unit: str = "",
        *,
        index: int = 0,
        limit: str | None = None,
        where: str | None = None,
    ) -> Evidence:
        """A setting as evidence, with its unit."""
        value = self.values.number(key, index)
        text = self.values.word(key, index) or self.values.text(key) or ""
        if value is not None and not text.endswith("%"):
            text = measure(value, unit)
        return Evidence(key, text[:LONGEST], limit, where)

    def process(self, key: str, new: str, reason: str) -> Change:
        return Change("process", key, self.values.text(key), new, reason)

    def filament(self, index: int, key: str, new: str, reason: str) -> Change:
        old = self.values.word(key, index)
        return Change("filament", key, (old,) if old is not None else None, (new,), reason, index)

    def machine(self, key: str, new: str, reason: str) -> Change:
        """A setting of the printer, for those of its extruders that are set alike."""
        count = max(self.values.length(key), 1)
        old = tuple(self.values.word(key, index) or "" for index in range(count))
        # An extruder that is set otherwise than the first has reasons of its own.
        changed = tuple(new if one in {"", old[0]} else one for one in old)
        return Change("machine", key, old if any(old) else None, changed, reason)

    def machine_text(self, key: str, new: str, reason: str) -> Change:
        """A setting of the whole printer, which is no list."""
        return Change("machine", key, self.values.text(key), new, reason)

    def either_change(self, key: str, index: int, new: str, reason: str) -> Change:
        """Where the value in force stands: with the filament, or with the printer."""
        if key.startswith("filament_"):
            return self.filament(index, key, new, reason)
        return self.machine(key, new, reason)


def measure(value: float, unit: str = "", digits: int = 2) -> str:
    """`0.28 mm`, `30°`."""
    return f"{figure(value, digits)}{'' if unit == '°' else ' '}{unit}".strip()


def at_most(value: float, unit: str = "", digits: int = 2) -> str:
    return f"at most {measure(value, unit, digits)}"


def at_least(value: float, unit: str = "", digits: int = 2) -> str:
    return f"at least {measure(value, unit, digits)}"


def _positive(value: float | None) -> float | None:
    return value if value else None


def _short(text: str | None) -> str | None:
    return text[:LONGEST] if text else None
