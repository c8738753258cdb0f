"""Hard limits of a change: what no proposal may go beyond, whoever makes it and whatever a file
says of itself. The figures are those of common desktop printers; a label's narrower range wins."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent.slicer.advice.rules import Value
from agent.slicer.checks.materials import family
from agent.slicer.presets.keys import Key, Kind
from agent.slicer.values import number, strings, words

NOZZLE_C, BED_C, CHAMBER_C = 300.0, 120.0, 65.0
COLDEST_NOZZLE_C = 150.0
SPEED_MM_S, ACCELERATION_MM_S2 = 600.0, 30_000.0
FLOW_MM3_S, FLOW_GROWTH = 50.0, 1.5
LOWEST_LAYER, HIGHEST_LAYER = 0.2, 0.8  # of the nozzle
THINNEST_LINE, WIDEST_LINE = 0.6, 2.0  # of the nozzle
DIRECT_RETRACTION_MM, RETRACTION_MM = 3.0, 10.0
LARGEST_OFFSET_STEP_MM = 0.2

# These say what the printer, the nozzle or the spool is. Advice does not make it another.
HARDWARE = frozenset(
    {
        *("nozzle_diameter", "nozzle_type", "nozzle_hrc", "nozzle_height", "nozzle_volume"),
        *("printable_area", "printable_height", "bed_exclude_area", "extruder_offset"),
        *("extruder_type", "gcode_flavor", "printer_structure", "min_layer_height"),
        *("max_layer_height", "extruder_clearance_radius", "extruder_clearance_height_to_rod"),
        *("extruder_clearance_height_to_lid", "filament_diameter", "required_nozzle_HRC"),
        *("nozzle_temperature_range_low", "nozzle_temperature_range_high"),
        *("temperature_vitrification", "single_extruder_multi_material", "cooling_tube_length"),
        *("cooling_tube_retraction", "parking_pos_retraction", "use_relative_e_distances"),
        *("support_chamber_temp_control", "auxiliary_fan", "silent_mode"),
    }
)
HARDWARE_STEMS = ("machine_max_", "machine_min_")


@dataclass(frozen=True, slots=True)
class Bound:
    """From where to where, and whose limits these are. `never_above` is not even clamped to."""

    low: float | None = None
    high: float | None = None
    low_of: str = ""
    high_of: str = ""
    never_above: float | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """The settings in force, as text or lists, and which filament of several is meant."""

    settings: Mapping[str, Value] = field(default_factory=dict)
    filament: int = 0

    def elements(self, name: str) -> tuple[str, ...]:
        """The values of a key, as many as there are."""
        value = self.settings.get(name, "")
        if isinstance(value, tuple):
            return value
        if not value:
            return ()
        return strings(value) if ";" in value else words(value)

    def text(self, name: str, key: Key | None = None) -> str | None:
        """One value: that of the filament, where it is a filament's."""
        if key is not None and not key.is_list:
            whole = self.settings.get(name)
            return whole if isinstance(whole, str) else (whole or (None,))[0]
        parts = self.elements(name)
        is_filaments = key is None or key.types == ("filament",)
        at = self.filament if is_filaments and self.filament < len(parts) else 0
        return parts[at] if parts else None

    def number(self, name: str) -> float | None:
        """As a number, where it is one."""
        found = number(self.text(name) or "")
        return found if found is not None and abs(found) < 1e9 else None

    def positive(self, name: str) -> float | None:
        """As `number`; 0, which stands for "not told", is None."""
        found = self.number(name)
        return found if found is not None and found > 0 else None


def is_hardware(name: str) -> bool:
    return name in HARDWARE or name.startswith(HARDWARE_STEMS)


def bound_of(key: Key, situation: Situation) -> Bound:
    """The limits of a key here: the hard ones, and within them what the table calls sane."""
    hard = _hard(key, situation)
    low, low_of = _tighter(max, (key.low, "what is sane"), (hard.low, hard.low_of))
    high, high_of = _tighter(min, (key.high, "what is sane"), (hard.high, hard.high_of))
    return Bound(low, high, low_of, high_of, hard.never_above)


def percent_bound(key: Key) -> Bound:
    """The limits of a value in percent of another one."""
    if _is_width(key):
        return Bound(100 * THINNEST_LINE, 100 * WIDEST_LINE, "the nozzle", "the nozzle")
    if key.kind is Kind.PERCENT:
        return Bound(key.low, key.high, "what is sane", "what is sane")
    return Bound(1.0, 300.0, "what is sane", "what is sane")


def _hard(key: Key, situation: Situation) -> Bound:
    for fits, limits in _TABLE:
        if fits(key):
            return limits(key, situation)
    return Bound()


# --- temperatures ---------------------------------------------------------------------------------


def _nozzle(_key: Key, situation: Situation) -> Bound:
    usual = family(situation.text("filament_type"))
    low = situation.positive("nozzle_temperature_range_low")
    high = situation.positive("nozzle_temperature_range_high")
    whose_low = whose_high = "the filament's range"
    if usual and low is None:
        low, whose_low = usual.nozzle[0], f"what {usual.name} is printed with"
    if usual and high is None:
        high, whose_high = usual.nozzle[1], f"what {usual.name} is printed with"
    if low is None or not COLDEST_NOZZLE_C <= low <= NOZZLE_C:
        low, whose_low = COLDEST_NOZZLE_C, "what melts plastic"
    if high is None or not low <= high <= NOZZLE_C:
        high, whose_high = NOZZLE_C, "what an ordinary hot end bears"
    return Bound(low, high, whose_low, whose_high, NOZZLE_C)


def _bed(_key: Key, situation: Situation) -> Bound:
    usual = family(situation.text("filament_type"))
    if usual and usual.bed[1] < BED_C:
        return Bound(0, usual.bed[1], "", f"what {usual.name} is printed with", BED_C)
    return Bound(0, BED_C, "", "what an ordinary bed bears", BED_C)


def _chamber(_key: Key, _situation: Situation) -> Bound:
    return Bound(0, CHAMBER_C, "", "what the electronics in a chamber bear", CHAMBER_C)


def _idle(_key: Key, _situation: Situation) -> Bound:
    return Bound(0, NOZZLE_C, "", "what an ordinary hot end bears", NOZZLE_C)


# --- plastic --------------------------------------------------------------------------------------


def _volume(_key: Key, situation: Situation) -> Bound:
    now = situation.positive("filament_max_volumetric_speed")
    if now is not None and now * FLOW_GROWTH < FLOW_MM3_S:
        return Bound(0.5, now * FLOW_GROWTH, "what is sane", "one and a half times what it is now")
    return Bound(0.5, FLOW_MM3_S, "what is sane", "what an ordinary hot end melts")


def _flow(_key: Key, _situation: Situation) -> Bound:
    return Bound(0.8, 1.2, "what is sane", "what is sane")


def _retraction(_key: Key, situation: Situation) -> Bound:
    is_direct = (situation.text("extruder_type") or "").replace(" ", "").lower() == "directdrive"
    if is_direct:
        return Bound(0, DIRECT_RETRACTION_MM, "", "what a direct drive bears without jamming")
    return Bound(0, RETRACTION_MM, "", "what a hot end bears without jamming")


def _layer(key: Key, situation: Situation) -> Bound:
    nozzle = situation.positive("nozzle_diameter") or 0.4
    low, high = nozzle * LOWEST_LAYER, nozzle * HIGHEST_LAYER
    low_of = high_of = f"a nozzle of {nozzle:g} mm"
    if key.name == "layer_height":  # the printer's own limits narrow it, and never widen it
        least, most = situation.positive("min_layer_height"), situation.positive("max_layer_height")
        if least is not None and low < least <= high:
            low, low_of = least, "the printer's own limit"
        if most is not None and low <= most < high:
            high, high_of = most, "the printer's own limit"
    return Bound(low, high, low_of, high_of)


def _width(_key: Key, situation: Situation) -> Bound:
    nozzle = situation.positive("nozzle_diameter") or 0.4
    low, high = nozzle * THINNEST_LINE, nozzle * WIDEST_LINE
    return Bound(low, high, f"a nozzle of {nozzle:g} mm", f"a nozzle of {nozzle:g} mm")


# --- motion ---------------------------------------------------------------------------------------


def _speed(_key: Key, situation: Situation) -> Bound:
    told = [situation.positive(f"machine_max_speed_{axis}") for axis in "xy"]
    most = min([one for one in told if one is not None], default=SPEED_MM_S)
    if most < SPEED_MM_S:
        return Bound(1, most, "what is sane", "the printer's own maximum")
    return Bound(1, SPEED_MM_S, "what is sane", "what a desktop printer moves at")


def _acceleration(key: Key, situation: Situation) -> Bound:
    use = "travel" if "travel" in key.name else "extruding"
    most = situation.positive(f"machine_max_acceleration_{use}")
    if most is not None and most < ACCELERATION_MM_S2:
        return Bound(0, most, "", "the printer's own maximum")
    return Bound(0, ACCELERATION_MM_S2, "", "what a desktop printer bears")


def _offset(key: Key, situation: Situation) -> Bound:
    now = situation.number(key.name) or 0.0
    step = LARGEST_OFFSET_STEP_MM
    return Bound(now - step, now + step, "a safe step", "a safe step")


def _is_width(key: Key) -> bool:
    return key.name.endswith("line_width")


_TABLE: tuple[tuple[Callable[[Key], bool], Callable[[Key, Situation], Bound]], ...] = (
    (lambda key: key.name.startswith("nozzle_temperature"), _nozzle),
    (lambda key: "plate_temp" in key.name, _bed),
    (lambda key: key.name == "chamber_temperature", _chamber),
    (lambda key: key.name == "idle_temperature", _idle),
    (lambda key: key.name == "filament_max_volumetric_speed", _volume),
    (lambda key: key.name == "filament_flow_ratio", _flow),
    (lambda key: key.name in {"retraction_length", "filament_retraction_length"}, _retraction),
    (lambda key: key.name in {"layer_height", "initial_layer_print_height"}, _layer),
    (_is_width, _width),
    (lambda key: key.name == "z_offset", _offset),
    (lambda key: key.types == ("process",) and key.unit == "mm/s" and "speed" in key.name, _speed),
    (lambda key: key.types == ("process",) and key.unit == "mm/s²", _acceleration),
)


def _tighter(
    choose: Callable[..., float], *told: tuple[float | None, str]
) -> tuple[float | None, str]:
    known = [(number, whose) for number, whose in told if number is not None]
    if not known:
        return None, ""
    edge = choose(number for number, _ in known)
    return edge, next(whose for number, whose in reversed(known) if number == edge)
