"""How much plastic the hot end is asked to melt."""

import math
from collections.abc import Sequence

from agent.slicer.checks.check import Check
from agent.slicer.checks.layer_runs import runs, where
from agent.slicer.checks.materials import is_foaming
from agent.slicer.checks.seen import Found, Seen, at_most, measure
from agent.slicer.rules import Change, Evidence, Severity
from agent.slicer.values import figure

FLOW = "mm³/s"
LIMIT = "filament_max_volumetric_speed"
# What feature is printed how wide and how fast. Thin and rare ones cannot be the widest flow.
FEATURES = (
    ("Outer wall", "outer_wall_speed", "outer_wall_line_width"),
    ("Inner wall", "inner_wall_speed", "inner_wall_line_width"),
    ("Sparse infill", "sparse_infill_speed", "sparse_infill_line_width"),
    ("Solid infill", "internal_solid_infill_speed", "internal_solid_infill_line_width"),
    ("Top surface", "top_surface_speed", "top_surface_line_width"),
)
SLOWED = 1.5  # a little slower is what every fast profile is
MEASURED_SLACK = 1.15  # rounding of short moves
COMMON_HOTEND = 11.0  # mm³/s through 0.4 mm that any hot end melts; it grows with the nozzle
FASTEST_HOTEND = 45.0
FASTEST_FLEXIBLE = 15.0


def flow_of(seen: Seen, speed_key: str, width_key: str) -> float | None:
    """Cross-section times speed. A line is a rectangle with round sides, as the slicer counts."""
    speed, width, height = seen.speed(speed_key), seen.width(width_key), seen.layer_mm
    if speed is None or width is None or height is None:
        return None
    return speed * height * (width - height * (1 - math.pi / 4))


def _widest(seen: Seen) -> tuple[str, str, float] | None:
    flows = [(n, key, flow_of(seen, key, width)) for n, key, width in FEATURES]
    known = [(name, key, flow) for name, key, flow in flows if flow is not None]
    return max(known, key=lambda one: one[2], default=None)


def slowed_by_limit(seen: Seen) -> Found | None:
    if len(seen.used) != 1 or not (limit := seen.values.number(LIMIT, seen.used[0])):
        return None
    evidence = []
    for name, key, width in FEATURES:
        flow, speed = flow_of(seen, key, width), seen.speed(key)
        if flow and speed and flow > limit * SLOWED:
            possible = measure(speed * limit / flow, "mm/s", 0)
            evidence.append(
                Evidence(
                    key,
                    measure(speed, "mm/s"),
                    at_most(speed * limit / flow, "mm/s", 0),
                    f"{name}: {figure(flow, 1)} {FLOW}, printed at about {possible}",
                )
            )
    if not evidence:
        return None
    return Found(
        "These speeds need more melted plastic than the filament's limit allows, so the slicer "
        "prints them slower. That is safe; the print only takes longer than the speeds promise, "
        "and raising them further changes nothing.",
        "Nothing has to be done. To print faster, find the filament's real limit with the "
        "calibration Max flowrate; lower speeds make all lines equally fast instead.",
        (seen.told(LIMIT, FLOW, index=seen.used[0], where=seen.said_of(seen.used[0])), *evidence),
    )


def no_limit(seen: Seen) -> Found | None:
    widest, nozzle = _widest(seen), seen.nozzle_mm
    unlimited = [index for index in seen.used if seen.values.number(LIMIT, index) == 0]
    if widest is None or nozzle is None or not unlimited:
        return None
    name, key, flow = widest
    usual = COMMON_HOTEND * nozzle / 0.4
    if flow <= usual:
        return None
    reason = f"{name} asks for {figure(flow, 1)} {FLOW}; begin with what common hot ends reach."
    return Found(
        f"Without a limit the slicer prints {name.lower()} at {figure(flow, 1)} {FLOW}. Where the "
        "hot end cannot melt that much, the extruder slips and lines come out thin and weak.",
        "Set Max volumetric speed in the filament's settings. The calibration Max flowrate finds "
        "what your hot end reaches with this filament.",
        (
            *(seen.told(LIMIT, FLOW, index=i, where=seen.said_of(i)) for i in unlimited),
            seen.told(key, "mm/s", limit=f"about {figure(usual, 0)} {FLOW} through this nozzle"),
        ),
        tuple(seen.filament(i, LIMIT, figure(usual, 0), reason) for i in unlimited),
    )


def limit_too_high(seen: Seen) -> Found | None:
    nozzle = seen.nozzle_mm
    for index in seen.used:
        limit, material = seen.values.number(LIMIT, index), seen.material(index)
        if not limit or nozzle is None:
            continue
        most = FASTEST_HOTEND * max(nozzle / 0.4, 1)
        if material and material.is_flexible:
            most = FASTEST_FLEXIBLE
        if limit <= most:
            continue
        what = "of a flexible filament" if most == FASTEST_FLEXIBLE else "through this nozzle"
        return Found(
            f"Hardly any hot end melts this much {what}. A limit that is never reached in truth "
            "protects from nothing: the extruder slips or grinds before the slicer slows.",
            "Find the real limit with the calibration Max flowrate, and take 10 to 20 % off.",
            (
                seen.told(
                    LIMIT, FLOW, index=index, limit=at_most(most, FLOW), where=seen.said_of(index)
                ),
            ),
            (
                seen.filament(
                    index, LIMIT, figure(most, 0), "The most that hot ends are known to reach."
                ),
            ),
        )
    return None


def odd_ratio(seen: Seen) -> Found | None:
    for index in seen.used:
        ratio = seen.values.number("filament_flow_ratio", index)
        if ratio is None or is_foaming(seen.kind(index)) or is_foaming(seen.name(index)):
            continue
        whole = ratio * (seen.values.number("print_flow_ratio") or 1)
        if 0.85 <= whole <= 1.12:
            continue
        much = "more" if whole > 1 else "less"
        return Found(
            f"The print gets {abs(whole - 1) * 100:.0f} % {much} plastic than its lines have room "
            f"for. Filaments rarely need beyond 0.90 to 1.05; such a value often stands in for "
            "another fault, such as a wrong filament diameter or a clogged nozzle.",
            "Set the flow ratio back to about 0.98 and run the flow rate calibration.",
            (
                seen.told(
                    "filament_flow_ratio",
                    index=index,
                    limit="0.85 to 1.12",
                    where=seen.said_of(index),
                ),
            ),
            (_usual_ratio(seen, index, ratio),),
        )
    return None


def _usual_ratio(seen: Seen, index: int, ratio: float) -> Change:
    reason = "A usual start to calibrate from."
    if 0.85 <= ratio <= 1.12:  # then the print's own factor is what is odd
        return seen.process("print_flow_ratio", "1", reason)
    return seen.filament(index, "filament_flow_ratio", "0.98", reason)


def over_limit(flows: Sequence[float], limit: float) -> list[int]:
    """The layers that pass it. The first one holds what the start G-code purges."""
    return [i for i, flow in enumerate(flows) if i > 0 and flow > limit * MEASURED_SLACK]


def measured_over_limit(seen: Seen) -> Found | None:
    limits = [limit for i in seen.used if (limit := seen.values.number(LIMIT, i))]
    if seen.analysis is None or not limits or len(limits) < len(seen.used):
        return None
    layers, limit = seen.analysis.layers, max(limits)
    over = over_limit(layers.max_flow_mm3_s, limit)
    if not over:
        return None
    peak = max(over, key=lambda index: layers.max_flow_mm3_s[index])
    height = layers.z_mm[peak] if peak < len(layers.z_mm) else None
    return Found(
        f"In {len(over)} layers moves push more plastic than the filament's limit. There the hot "
        "end may not keep up: gaps, weak layers, a clicking extruder. The slicer keeps to the "
        "limit by itself, so the file was changed after slicing, or the limit was raised for a "
        "part of it.",
        "Slice again with the limit in force, and look for post-processing that changes speeds.",
        (
            Evidence(
                "flow",
                measure(layers.max_flow_mm3_s[peak], FLOW, 1),
                at_most(limit, FLOW),
                f"layer {peak + 1}" + (f" at {figure(height)} mm" if height is not None else ""),
            ),
            Evidence("layers over the limit", str(len(over)), None, where(runs(over), layers)),
        ),
    )


def odd_diameter(seen: Seen) -> Found | None:
    for index in seen.used:
        diameter = seen.values.number("filament_diameter", index)
        if not diameter or 1.6 <= diameter <= 1.9 or 2.7 <= diameter <= 3.05:
            continue
        usual = "1.75" if diameter < 2.4 else "2.85"
        return Found(
            "Filament is 1.75 or 2.85 mm thick. With another figure here every line gets the wrong "
            "amount of plastic, by the square of the difference.",
            f"Set the filament's diameter to {usual} mm, or to what a caliper says.",
            (
                seen.told(
                    "filament_diameter",
                    "mm",
                    index=index,
                    limit="1.75 or 2.85 mm",
                    where=seen.said_of(index),
                ),
            ),
            (seen.filament(index, "filament_diameter", usual, "What spools of this kind have."),),
        )
    return None


CHECKS = (
    Check("flow-over-limit", "More flow than the filament's limit", Severity.WARNING,
          "every move", measured_over_limit),
    Check("flow-unlimited", "No limit of flow, and speeds that would need one", Severity.WARNING,
          "settings", no_limit),
    Check("flow-limit-too-high", "A limit of flow that no hot end reaches", Severity.WARNING,
          "settings", limit_too_high),
    Check("flow-slows-print", "Speeds that the flow limit does not allow", Severity.INFO,
          "settings", slowed_by_limit),
    Check("flow-ratio", "An unusual flow ratio", Severity.WARNING, "settings", odd_ratio),
    Check("filament-diameter", "A filament diameter that does not exist", Severity.WARNING,
          "settings", odd_diameter),
)  # fmt: skip
