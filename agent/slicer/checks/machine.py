"""The printer: its area, its start and end, its firmware."""

import math

from agent.slicer.checks.check import Check
from agent.slicer.checks.programs import (
    calls_macros,
    has_conditions,
    homes,
    last_nozzle_target,
    lines,
    switches_off,
)
from agent.slicer.checks.seen import Found, Seen, at_least, at_most, measure
from agent.slicer.rules import Evidence, Severity
from agent.slicer.values import figure, points

SLACK_MM = 0.5
STARTS_BY_ITSELF = {"reprapfirmware"}  # it runs start.g and stop.g around each print
PREHEAT = 180  # below it a fixed temperature is for probing, not for printing
COLD = 150  # no plastic of this program's table melts below it
KLIPPER_WORDS = ("SET_VELOCITY_LIMIT", "BED_MESH_", "SET_PRESSURE_ADVANCE", "QUAD_GANTRY_LEVEL")


def too_tall(seen: Seen) -> Found | None:
    height, room = seen.facts.max_z_mm, seen.values.number("printable_height")
    if height is None or not room or height <= room + SLACK_MM:
        return None
    return Found(
        "The print is higher than the printer. At the top the axis hits its end: lost steps, and "
        "the nozzle in the part.",
        "Lay the model down, scale it, or cut it; or choose the printer that it is meant for.",
        (
            Evidence("height", measure(height, "mm"), at_most(room, "mm")),
            seen.told("printable_height", "mm"),
        ),
    )


def outside_area(seen: Seen) -> Found | None:
    box = seen.analysis.bounding_box if seen.analysis else None
    area = points(seen.values.text("printable_area") or "")
    if box is None or len(area) < 3:
        return None
    xs, ys = [x for x, _ in area], [y for _, y in area]
    room = seen.values.number("printable_height")
    beyond = (
        ("x", box[0], min(xs), box[3], max(xs)),
        ("y", box[1], min(ys), box[4], max(ys)),
        ("z", 0.0, 0.0, box[5], room or box[5]),
    )
    evidence = tuple(
        Evidence(
            axis,
            f"{figure(low)} to {figure(high)} mm",
            f"{figure(least)} to {figure(most)} mm",
        )
        for axis, low, least, high, most in beyond
        if low < least - SLACK_MM or high > most + SLACK_MM
    )
    if not evidence:
        return None
    return Found(
        "The file prints outside of what the printer can reach. It runs against the end of an axis "
        "and loses its place, or prints beside the plate.",
        "Slice for the printer that will print it, with the part and its brim inside the plate.",
        evidence,
    )


def start_missing(seen: Seen) -> Found | None:
    program = seen.values.program("machine_start_gcode")
    if program is None or seen.firmware in STARTS_BY_ITSELF:
        return None
    if homes(program) or calls_macros(program):
        return None
    return Found(
        "Before a print nothing homes the axes: the printer does not know where the nozzle is, and "
        "may drive it into the plate.",
        "Take over the start G-code of the printer's system preset; at the least it needs G28.",
        (Evidence("machine_start_gcode", _short(program), "a line with G28, or a macro"),),
    )


def fixed_temperature(seen: Seen) -> Found | None:
    program = seen.values.program("machine_start_gcode")
    if program is None or not seen.used or has_conditions(program) or calls_macros(program):
        return None
    wanted = seen.values.number("nozzle_temperature_initial_layer", seen.used[0])
    line, fixed = last_nozzle_target(program) or ("", None)
    if fixed is None or not wanted or fixed < PREHEAT or abs(fixed - wanted) < 15:
        return None
    return Found(
        "The start G-code heats to a number that is written into it, whatever the filament needs. "
        "The first lines, or the whole print, are made at that temperature.",
        "Write {nozzle_temperature_initial_layer[0]} in place of the number.",
        (
            Evidence("machine_start_gcode", line, measure(wanted, "°C")),
            seen.told("nozzle_temperature_initial_layer", "°C", index=seen.used[0]),
        ),
    )


def stays_hot(seen: Seen) -> Found | None:
    program = seen.values.program("machine_end_gcode")
    if program is None or seen.firmware in STARTS_BY_ITSELF or calls_macros(program):
        return None
    is_bed_hot = any(seen.bed(index) for index in seen.used)
    heated = ("nozzle", "bed") if is_bed_hot else ("nozzle",)
    hot = [what for what in heated if not switches_off(program, what)]
    if not hot:
        return None
    return Found(
        f"After the print nothing switches off the {' and the '.join(hot)}. What is in a hot "
        "nozzle burns and clogs it, and a printer should not heat unwatched."
        if "nozzle" in hot
        else "After the print nothing switches off the bed, which heats until somebody comes.",
        "Add M104 S0 and M140 S0 to the end G-code.",
        (Evidence("machine_end_gcode", _short(program), "M104 S0 and M140 S0"),),
        severity=None if "nozzle" in hot else Severity.INFO,
    )


def flavour_mismatch(seen: Seen) -> Found | None:
    start = (seen.values.program("machine_start_gcode") or "").upper()
    words = [word for word in KLIPPER_WORDS if word in start]
    if seen.firmware is None or seen.firmware == "klipper" or not words:
        return None
    is_advanced = any(seen.values.flag("enable_pressure_advance", i) for i in seen.used)
    return Found(
        "The start G-code speaks to Klipper, but the file is written for another firmware. "
        "Klipper does not understand the commands for jerk"
        + (" and pressure advance, which the filament sets here in vain." if is_advanced else "."),
        "Set the G-code flavor of the printer to Klipper.",
        (
            seen.told("gcode_flavor", limit="klipper"),
            Evidence("machine_start_gcode", ", ".join(words)),
        ),
        (seen.machine_text("gcode_flavor", "klipper", "What the start G-code speaks to."),),
        Severity.WARNING if is_advanced else None,
    )


def never_heated(seen: Seen) -> Found | None:
    if seen.analysis is None or _heats_by_macro(seen):
        return None
    temperatures = [one for one in seen.analysis.layers.nozzle_c if math.isfinite(one)]
    if not temperatures or not any(seen.analysis.filament_mm):
        return None
    hottest = max(temperatures) if seen.analysis.is_heated else 0.0
    if hottest >= COLD:
        return None
    return Found(
        "No line of the file heats the nozzle to where plastic melts. The printer refuses to "
        "extrude, or grinds the filament.",
        "Take over the start G-code of the printer's system preset.",
        (Evidence("nozzle", measure(hottest, "°C"), at_least(COLD, "°C"), "in every layer"),),
    )


def first_temperature_differs(seen: Seen) -> Found | None:
    if seen.analysis is None or _heats_by_macro(seen) or len(seen.used) != 1:
        return None
    layers, index = seen.analysis.layers, seen.used[0]
    pairs = (
        ("nozzle", layers.nozzle_c, "nozzle_temperature_initial_layer", COLD),
        ("bed", layers.bed_c, seen.plate_key(first=True), 1),
    )
    evidence = []
    for what, told, key, least in pairs:
        wanted = seen.values.number(key, index)
        if not told or not wanted or not told[0] >= least or abs(told[0] - wanted) <= 15:
            continue
        evidence += [
            Evidence(what, measure(told[0], "°C"), measure(wanted, "°C"), "layer 1"),
            seen.told(key, "°C", index=index),
        ]
    if not evidence:
        return None
    return Found(
        "The file prints its first layer at another temperature than its settings say. The start "
        "G-code has numbers of its own, or the file was changed after slicing.",
        "Use the slicer's placeholders in the start G-code, and slice again.",
        tuple(evidence),
    )


def _heats_by_macro(seen: Seen) -> bool:
    """A macro's temperatures are not in the file; without its text nothing is known either."""
    program = seen.values.program("machine_start_gcode")
    return program is None or calls_macros(program)


def _short(program: str) -> str:
    text = "; ".join(" ".join(line.split()) for line in lines(program))
    return (f"{text[:77]}…" if len(text) > 78 else text) or "empty"


CHECKS = (
    Check("too-tall", "Higher than the printer", Severity.BLOCKING, "the file", too_tall),
    Check(
        "outside-area",
        "Outside of what the printer reaches",
        Severity.BLOCKING,
        "every move",
        outside_area,
    ),
    Check(
        "start-without-homing",
        "A start that does not home",
        Severity.BLOCKING,
        "settings",
        start_missing,
    ),
    Check(
        "start-fixed-temperature",
        "A start with a temperature of its own",
        Severity.WARNING,
        "settings",
        fixed_temperature,
    ),
    Check("end-stays-hot", "An end that stays hot", Severity.WARNING, "settings", stays_hot),
    Check(
        "firmware-flavour",
        "Written for another firmware",
        Severity.INFO,
        "settings",
        flavour_mismatch,
    ),
    Check(
        "never-heated", "A nozzle that stays cold", Severity.BLOCKING, "every move", never_heated
    ),
    Check(
        "first-layer-temperature",
        "A first layer at another temperature",
        Severity.WARNING,
        "every move",
        first_temperature_differs,
    ),
)
