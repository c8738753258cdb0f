"""Speeds and accelerations against each other and against the printer."""

import math

from agent.slicer.checks.check import Check
from agent.slicer.checks.seen import Found, Seen, at_least, at_most, measure
from agent.slicer.rules import Change, Evidence, Severity
from agent.slicer.values import figure

SPEED = "mm/s"
ACCELERATION = "mm/s²"
SPEEDS = (
    "outer_wall_speed",
    "inner_wall_speed",
    "sparse_infill_speed",
    "internal_solid_infill_speed",
    "top_surface_speed",
    "gap_infill_speed",
    "bridge_speed",
    "support_speed",
)
# Which acceleration a speed is reached with; without it the default.
PAIRS = (
    ("outer_wall_speed", "outer_wall_acceleration"),
    ("inner_wall_speed", "inner_wall_acceleration"),
    ("sparse_infill_speed", "sparse_infill_acceleration"),
    ("internal_solid_infill_speed", "internal_solid_infill_acceleration"),
)
ACCELERATIONS = (
    "default_acceleration",
    "outer_wall_acceleration",
    "inner_wall_acceleration",
    "top_surface_acceleration",
    "travel_acceleration",
)
RUN_UP_MM = 60  # longer than most lines of most parts
OVERHANG_SPEEDS = ("overhang_2_4_speed", "overhang_3_4_speed", "overhang_4_4_speed")


def above_machine(seen: Seen) -> Found | None:
    limits = [
        v for axis in "xy" if (v := seen.values.number(f"machine_max_speed_{axis}")) is not None
    ]
    if not limits or not (most := min(limits)):
        return None
    fast = [
        (key, speed)
        for key in (*SPEEDS, "travel_speed")
        if (speed := seen.speed(key)) is not None and speed > most
    ]
    if not fast:
        return None
    return Found(
        "The printer's own limit is below these speeds. Its firmware goes no faster, so that the "
        "print takes longer than they promise.",
        "Lower the speeds, or raise the limit if the printer can do more.",
        (
            *(seen.told(key, SPEED, limit=at_most(most, SPEED)) for key, _ in fast),
            seen.told("machine_max_speed_x", SPEED),
        ),
        tuple(seen.process(key, figure(most), "The printer's own limit.") for key, _ in fast),
    )


def acceleration_above_machine(seen: Seen) -> Found | None:
    printing = seen.values.number("machine_max_acceleration_extruding")
    travelling = seen.values.number("machine_max_acceleration_travel") or printing
    hard = []
    for key in ACCELERATIONS:
        value = seen.values.size(key, seen.values.number("default_acceleration"))
        most = travelling if key == "travel_acceleration" else printing
        if value and most and value > most:
            hard.append((key, most))
    if not hard:
        return None
    return Found(
        "The printer's own limit is below these accelerations. They are cut to it, so that "
        "raising them changes nothing.",
        "Lower them to the limit, or raise the limit if the printer can do more.",
        tuple(seen.told(k, ACCELERATION, limit=at_most(most, ACCELERATION)) for k, most in hard),
        tuple(seen.process(k, figure(most), "The printer's own limit.") for k, most in hard),
    )


def never_reached(seen: Seen) -> Found | None:
    slow = []
    default = seen.values.number("default_acceleration")
    for speed_key, key in PAIRS:
        speed = seen.speed(speed_key)
        acceleration = seen.values.size(key, default) or default
        if speed and acceleration and speed * speed / acceleration > RUN_UP_MM:
            slow.append((speed_key, speed, acceleration))
    if not slow:
        return None
    return Found(
        "A line has to be this long before the printer reaches the speed and brakes again. Most "
        "lines are shorter, so that the speed is never reached, and raising it changes nothing.",
        "Raise the acceleration if the printer can do more without ringing, or lower the speed: "
        "the print then takes as long, and is more even.",
        tuple(
            Evidence(
                key,
                measure(speed, SPEED),
                f"{figure((acceleration * RUN_UP_MM) ** 0.5, 0)} mm/s at "
                f"{figure(acceleration)} mm/s²",
                f"lines longer than {figure(speed * speed / acceleration, 0)} mm",
            )
            for key, speed, acceleration in slow
        ),
    )


def outer_wall_fastest(seen: Seen) -> Found | None:
    outer, inner = seen.speed("outer_wall_speed"), seen.speed("inner_wall_speed")
    if outer is None or inner is None or outer <= inner:
        return None
    return Found(
        "The outer wall, which everybody sees, is printed faster than the inner walls, which "
        "nobody does.",
        "Print the outer wall slower than the inner ones, or as fast.",
        (
            seen.told("outer_wall_speed", SPEED, limit=at_most(inner, SPEED)),
            seen.told("inner_wall_speed", SPEED),
        ),
        (seen.process("outer_wall_speed", figure(inner), "As fast as the inner walls."),),
    )


def bridge_fast(seen: Seen) -> Found | None:
    speed = seen.speed("bridge_speed")
    if speed is None or speed <= 120:
        return None
    return Found(
        "A bridge is drawn through the air from one side to the other. This fast it tears, or is "
        "not firm when the next line pulls at it.",
        "Set the speed of bridges to 25 to 60 mm/s.",
        (seen.told("bridge_speed", SPEED, limit=at_most(120, SPEED)),),
        (seen.process("bridge_speed", "50", "Slow enough to become firm on the way."),),
    )


def overhang_fast(seen: Seen) -> Found | None:
    if seen.values.flag("enable_overhang_speed") is not True:
        return None
    outer = seen.speed("outer_wall_speed")
    last = OVERHANG_SPEEDS[-1]
    speed = seen.values.size(last, outer)
    if speed is None or speed <= 80:
        return None
    return Found(
        "Where the wall hangs out farthest it is still printed this fast. The line has nothing "
        "below it, is not cooled in time, and curls up or drops.",
        "Set the speed of the steepest overhangs to 10 to 30 mm/s.",
        (seen.told(last, SPEED, limit=at_most(80, SPEED)),),
        (seen.process(last, "20", "What hangs in the air needs time."),),
    )


def overhang_slowing_off(seen: Seen) -> Found | None:
    outer = seen.speed("outer_wall_speed")
    if seen.values.flag("enable_overhang_speed") is not False or outer is None or outer <= 60:
        return None
    return Found(
        "Walls that hang out are printed as fast as all others. Their edges curl up, and the "
        "nozzle knocks against them.",
        "Switch on Slow down for overhangs.",
        (
            seen.told("enable_overhang_speed", limit="1"),
            seen.told("outer_wall_speed", SPEED, limit=at_most(60, SPEED)),
        ),
        (seen.process("enable_overhang_speed", "1", "What hangs in the air needs time."),),
    )


def travel_slow(seen: Seen) -> Found | None:
    travel, outer = seen.speed("travel_speed"), seen.speed("outer_wall_speed")
    if travel is None or outer is None or travel >= max(outer, 80):
        return None
    return Found(
        "Ways through the air are slow. Meanwhile the nozzle drips, which draws strings.",
        "Set the travel speed to at least 150 mm/s, if the printer can.",
        (
            seen.told("travel_speed", SPEED, limit=at_least(max(outer, 80), SPEED)),
            seen.told("outer_wall_speed", SPEED),
        ),
        _faster_travel(seen, travel, outer),
    )


def _faster_travel(seen: Seen, travel: float, outer: float) -> tuple[Change, ...]:
    """Not beyond the printer's own limit."""
    limits = [v for axis in "xy" if (v := seen.values.number(f"machine_max_speed_{axis}"))]
    good = min(max(150.0, outer), *limits, math.inf)
    if good <= travel:
        return ()
    reason = "The shorter the way takes, the less drips."
    return (seen.process("travel_speed", figure(good), reason),)


def arcs_for_klipper(seen: Seen) -> Found | None:
    if seen.firmware != "klipper" or not seen.values.flag("enable_arc_fitting"):
        return None
    return Found(
        "Klipper cuts every arc into short lines again, by its own resolution, and refuses arcs "
        "if [gcode_arcs] is not in its configuration. The file gets smaller, the curves no better.",
        "Switch arc fitting off for Klipper.",
        (seen.told("enable_arc_fitting", limit="0"), seen.told("gcode_flavor")),
        (seen.process("enable_arc_fitting", "0", "Klipper works with lines."),),
    )


def coarse(seen: Seen) -> Found | None:
    value = seen.values.number("resolution")
    if value is None or value <= 0.05:
        return None
    return Found(
        "Curves are drawn with straight pieces that leave the model by this much; from about "
        "0.05 mm on one sees and feels them.",
        "Set the resolution to 0.01 to 0.02 mm.",
        (seen.told("resolution", "mm", limit=at_most(0.05, "mm")),),
        (seen.process("resolution", "0.012", "Finer than one sees."),),
    )


CHECKS = (
    Check(
        "speed-above-machine",
        "Speeds above the printer's limit",
        Severity.INFO,
        "settings",
        above_machine,
    ),
    Check(
        "acceleration-above-machine",
        "Accelerations above the printer's limit",
        Severity.INFO,
        "settings",
        acceleration_above_machine,
    ),
    Check(
        "speed-never-reached",
        "Speeds that the acceleration does not allow",
        Severity.INFO,
        "settings",
        never_reached,
    ),
    Check(
        "outer-wall-fastest",
        "Outer walls faster than inner ones",
        Severity.INFO,
        "settings",
        outer_wall_fastest,
    ),
    Check("bridge-fast", "Fast bridges", Severity.WARNING, "settings", bridge_fast),
    Check("overhang-fast", "Fast overhangs", Severity.WARNING, "settings", overhang_fast),
    Check(
        "overhang-slowing-off",
        "Overhangs are not slowed down",
        Severity.INFO,
        "settings",
        overhang_slowing_off,
    ),
    Check("travel-slow", "Slow travels", Severity.INFO, "settings", travel_slow),
    Check("arcs-for-klipper", "Arcs for Klipper", Severity.INFO, "settings", arcs_for_klipper),
    Check("resolution-coarse", "Coarse curves", Severity.WARNING, "settings", coarse),
)
