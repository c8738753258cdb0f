"""What is known of a file, in few words for a prompt. Whatever the file wrote itself is quoted."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from agent.slicer.advice.quoting import plain, quoted
from agent.slicer.advice.rules import Piece, PieceKind
from agent.slicer.advice.sources import Ended
from agent.slicer.presets.reading import is_secret
from agent.slicer.rules import Analysis, Facts, Feature, Filament, Finding, Plate, SlicerFile
from agent.slicer.values import duration

MOST_PLATES, MOST_FILAMENTS, MOST_FINDINGS, MOST_CHANGED = 12, 16, 40, 80
VALUE_CHARACTERS = 60
_SIMPLE = re.compile(r"[\w.,;%/+-]{1,24}(?:, [\w.%+-]{1,24}){0,7}")  # numbers, words of a list
# What most questions turn on, in the order in which it is given up last.
SETTINGS = (
    *("filament_type", "nozzle_diameter", "layer_height", "initial_layer_print_height"),
    *("nozzle_temperature", "nozzle_temperature_initial_layer"),
    *("nozzle_temperature_range_low", "nozzle_temperature_range_high"),
    *("hot_plate_temp", "hot_plate_temp_initial_layer", "textured_plate_temp", "cool_plate_temp"),
    *("curr_bed_type", "filament_max_volumetric_speed", "filament_flow_ratio"),
    *("enable_pressure_advance", "pressure_advance", "adaptive_pressure_advance"),
    *("retraction_length", "filament_retraction_length", "retraction_speed", "z_hop"),
    *("z_hop_types", "retraction_minimum_travel", "wipe", "wipe_distance", "extruder_type"),
    *("outer_wall_speed", "inner_wall_speed", "sparse_infill_speed", "top_surface_speed"),
    *("initial_layer_speed", "bridge_speed", "travel_speed", "small_perimeter_speed"),
    *("gap_infill_speed", "support_speed", "overhang_1_4_speed", "overhang_4_4_speed"),
    *("default_acceleration", "outer_wall_acceleration", "travel_acceleration", "default_jerk"),
    *("wall_loops", "wall_generator", "wall_sequence", "top_shell_layers", "bottom_shell_layers"),
    *("sparse_infill_density", "sparse_infill_pattern", "line_width", "outer_wall_line_width"),
    *("enable_support", "support_type", "support_threshold_angle", "support_top_z_distance"),
    *("brim_type", "brim_width", "skirt_loops", "raft_layers", "seam_position"),
    *("elefant_foot_compensation", "xy_hole_compensation", "xy_contour_compensation"),
    *("fan_min_speed", "fan_max_speed", "overhang_fan_speed", "close_fan_the_first_x_layers"),
    *("slow_down_for_layer_cooling", "slow_down_layer_time", "fan_cooling_layer_time"),
    *("reduce_crossing_wall", "spiral_mode", "ironing_type", "fuzzy_skin", "bridge_flow"),
    *("chamber_temperature", "print_sequence", "enable_prime_tower", "detect_thin_wall"),
    *("gcode_flavor", "printer_structure", "printable_height", "host_type"),
)


def of_file(
    file: SlicerFile, analysis: Analysis | None = None, ended: Ended | None = None
) -> list[Piece]:
    """Every piece that a file brings, without those that would be empty."""
    made: tuple[tuple[PieceKind, str, str], ...] = (
        ("file", f"The file {plain(file.name)}", _file_text(file, ended)),
        ("findings", "What the checks found", _findings_text(file.findings)),
        ("changed", "Changed from the system preset", _changed(file.facts)),
        ("settings", "Settings of the file", settings_text(file.facts)),
        ("analysis", "Motion, computed from every move", _motion(analysis)),
    )
    return [
        Piece(kind, kind, title, text, f"file/{file.id}#{kind}")
        for kind, title, text in made
        if text
    ]


def settings_text(facts: Facts, keys: Iterable[str] = SETTINGS) -> str:
    """`key = value`, a line for each that the file has."""
    return values_text(facts.settings, keys)


def values_text(settings: Mapping[str, object], keys: Iterable[str]) -> str:
    """`key = value`, a line for each key that is there."""
    return "\n".join(
        f"{key} = {shown(settings[key])}" for key in keys if key in settings and not is_secret(key)
    )


def finding_text(finding: Finding) -> str:
    """A finding as one line."""
    shown = "; ".join(
        f"{plain(one.key)} = {plain(one.value, VALUE_CHARACTERS)}"
        + (f" (limit {plain(one.limit, VALUE_CHARACTERS)})" if one.limit else "")
        + (f" at {plain(one.where, VALUE_CHARACTERS)}" if one.where else "")
        for one in finding.evidence[:6]
    )
    fix = f" Fix: {plain(finding.fix, 300)}" if finding.fix else ""
    return f"[{finding.severity}] {plain(finding.title, 160)}{f': {shown}.' if shown else '.'}{fix}"


# --- the file -------------------------------------------------------------------------------------


def _file_text(file: SlicerFile, ended: Ended | None) -> str:
    facts = file.facts
    lines = [f"Name {quoted(file.name)}, {_kind(facts)} by {quoted(facts.generator or 'unknown')}"]
    if facts.printer:
        lines.append(f"Printer {quoted(facts.printer)}")
    if totals := ", ".join(_totals(facts)):
        lines.append(totals)
    lines += [_filament(one) for one in facts.filaments[:MOST_FILAMENTS]]
    lines += [_plate(one) for one in facts.plates[:MOST_PLATES]]
    lines += [f"Note: {plain(note, 200)}" for note in facts.notes[:5]]
    if ended:
        said = f", the user says {quoted(ended.note, 300)}" if ended.note else ""
        lines.append(f"The latest print of it: {ended.result}{said}")
    return "\n".join(lines)


def _kind(facts: Facts) -> str:
    return "G-code" if facts.kind == "gcode" else "3MF project"


def _totals(facts: Facts) -> Iterator[str]:
    if facts.estimated_seconds is not None:
        yield f"Estimated {duration(facts.estimated_seconds)}"
    if facts.first_layer_seconds is not None:
        yield f"first layer {duration(facts.first_layer_seconds)}"
    if facts.layers is not None:
        yield f"{facts.layers} layers"
    if facts.max_z_mm is not None:
        yield f"{facts.max_z_mm:g} mm high"
    if facts.filament_changes:
        yield f"{facts.filament_changes} filament changes"


def _filament(one: Filament) -> str:
    parts = [f"Filament {one.index + 1}:"]
    if one.name:
        parts.append(quoted(one.name))
    if one.type:
        parts.append(plain(one.type, 20))
    if one.used_g is not None:
        parts.append(f"{one.used_g:g} g")
    if one.used_mm is not None:
        parts.append(f"{one.used_mm / 1000:.2f} m")
    return " ".join(parts)


def _plate(one: Plate) -> str:
    parts = [f"Plate {one.index}" + (f" {quoted(one.name)}" if one.name else "")]
    if one.estimated_seconds is not None:
        parts.append(duration(one.estimated_seconds))
    if one.grams is not None:
        parts.append(f"{one.grams:g} g")
    if one.objects:
        names = ", ".join(quoted(name, 40) for name in one.objects[:6])
        parts.append(f"{len(one.objects)} objects: {names}")
    parts += [f"warning {quoted(warning, 160)}" for warning in one.warnings[:3]]
    return ", ".join(parts)


# --- what was found in it -------------------------------------------------------------------------


def _findings_text(findings: Sequence[Finding]) -> str:
    if not findings:
        return "The checks found nothing wrong."
    ranked = sorted(findings, key=lambda one: -one.severity.rank)
    return "\n".join(finding_text(one) for one in ranked[:MOST_FINDINGS])


def _changed(facts: Facts) -> str:
    lines = []
    for preset_type, keys in facts.changed.items():
        for key in keys[:MOST_CHANGED]:
            if is_secret(key):
                continue
            value = shown(facts.settings[key]) if key in facts.settings else "(not told)"
            lines.append(f"{plain(preset_type, 20)}: {plain(key, 60)} = {value}")
    return "\n".join(lines)


def _motion(analysis: Analysis | None) -> str:
    if analysis is None:
        return ""
    first_layer = duration(analysis.first_layer_seconds)
    lines = [
        *([f"Of plate {analysis.plate} alone"] if analysis.plate else []),
        f"Computed time {duration(analysis.seconds)}, first layer {first_layer}",
        f"{analysis.retractions} retractions, travel {duration(analysis.travel_seconds)}",
        *_extremes(analysis),
    ]
    longest = sorted(analysis.features, key=lambda one: -one.seconds)
    lines += [_feature(one) for one in longest[:14]]
    return "\n".join(lines)


def _extremes(analysis: Analysis) -> Iterator[str]:
    layers = analysis.layers
    for title, values, unit in (
        ("Highest flow", layers.max_flow_mm3_s, "mm³/s"),
        ("Highest speed", layers.max_speed_mm_s, "mm/s"),
        ("Longest layer", layers.seconds, "s"),
    ):
        if values:
            at = max(range(len(values)), key=values.__getitem__)
            yield f"{title} {values[at]:.1f} {unit}{_at(layers.z_mm, at)}"
    if layers.seconds:
        at = min(range(len(layers.seconds)), key=layers.seconds.__getitem__)
        yield f"Shortest layer {layers.seconds[at]:.1f} s{_at(layers.z_mm, at)}"


def _at(heights: Sequence[float], at: int) -> str:
    return f" at z {heights[at]:.2f} mm" if at < len(heights) else ""


def _feature(one: Feature) -> str:
    return (
        f"{plain(one.name, 30)}: {duration(one.seconds)}, speed {one.mean_speed_mm_s:.0f} mm/s "
        f"(most {one.max_speed_mm_s:.0f}), flow {one.mean_flow_mm3_s:.1f} mm³/s "
        f"(most {one.max_flow_mm3_s:.1f})"
    )


def shown(value: object) -> str:
    """A value of a file: as it is where that is a number or a word, else quoted."""
    text = ", ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
    return plain(text, VALUE_CHARACTERS) if _SIMPLE.fullmatch(text) else quoted(text)
