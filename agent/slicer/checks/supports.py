"""Supports, and what hangs in the air without them."""

import math

from agent.slicer.checks.check import Check
from agent.slicer.checks.seen import Found, Seen, at_least, at_most, measure
from agent.slicer.rules import Evidence, Feature, Severity, Slicer

SHARE = 0.05
LENGTH_MM = 1000
SHORTEST_MM = 40.0  # of overhang walls that count at all
PLATE_RINGS, PLATE_SHARE = 1.5, 0.8
LEAST_BRIDGES_CM2, SMALL_BRIDGES_CM2, LARGE_BRIDGES_CM2 = 2.0, 10.0, 40.0
WALLS = {"outer wall", "inner wall", "overhang wall"}


def _features(seen: Seen, *names: str) -> list[Feature]:
    if seen.analysis is None:
        return []
    return [one for one in seen.analysis.features if one.name.lower() in names]


def overhangs_unsupported(seen: Seen) -> Found | None:
    if seen.values.flag("enable_support") is not False:
        return None
    hanging = sum(one.length_mm for one in _features(seen, "overhang wall"))
    walls = sum(one.length_mm for one in _features(seen, *WALLS))
    around, foot_mm2 = _outline(seen)
    if hanging < around:
        return None
    bridges_mm2 = _bridges_mm2(seen)
    is_much = hanging >= SHARE * walls
    # The walls of a plate on a high foot are few of all walls: the plate below shows as bridges.
    is_plate = hanging >= PLATE_RINGS * around and bridges_mm2 >= PLATE_SHARE * foot_mm2
    if not is_much and not is_plate:
        return None
    return Found(
        "A good part of the walls hangs over the layer below, and nothing holds it. Edges curl "
        "up, and steep places drop into the air.",
        "Look at the overhangs in the preview. Turn the part, or switch supports on; tree supports "
        "use least plastic.",
        (
            Evidence(
                "overhang walls",
                f"{measure(hanging / 1000, 'm', 1)}, {hanging / walls * 100:.0f} % of the walls",
                at_most(SHARE * 100, "%"),
            ),
            *(
                [Evidence("bridges", f"{measure(bridges_mm2 / 100, 'cm²', 1)}")]
                if bridges_mm2
                else []
            ),
            seen.told("enable_support"),
        ),
        (
            seen.process("enable_support", "1", "Holds what hangs."),
            seen.process("support_type", "tree(auto)", "Uses least plastic."),
        ),
        None if is_much else Severity.INFO,
    )


def _outline(seen: Seen) -> tuple[float, float]:
    """How far it is around what is printed, seen from above, and how large that is."""
    box = seen.analysis.bounding_box if seen.analysis else None
    if box is None:
        return LENGTH_MM, math.inf
    across, along = box[3] - box[0], box[4] - box[1]
    return max(2 * (across + along), SHORTEST_MM), across * along


def _bridges_mm2(seen: Seen) -> float:
    width = seen.width("outer_wall_line_width") or 0.42
    return sum(one.length_mm for one in _features(seen, "bridge")) * width


def bridges_unsupported(seen: Seen) -> Found | None:
    """Others than these slicers call bridges what closes over infill, too."""
    if seen.facts.slicer not in {Slicer.ORCA, Slicer.BAMBU}:
        return None
    if seen.values.flag("enable_support") is not False:
        return None
    area_cm2 = _bridges_mm2(seen) / 100
    if area_cm2 < min(SMALL_BRIDGES_CM2, max(LEAST_BRIDGES_CM2, _outline(seen)[1] / 100 / 2)):
        return None
    return Found(
        "A large area is printed into the air, without anything below it. Where it lies on both "
        "sides it is a bridge, and sags a little; where one side is free it drops.",
        "Look at the preview, at the colour of bridges. Turn the part so that the area lies on the "
        "plate, or switch supports on.",
        (
            Evidence(
                "bridges",
                f"{area_cm2:.0f} cm²",
                at_most(SMALL_BRIDGES_CM2, "cm²"),
            ),
            seen.told("enable_support"),
        ),
        (
            seen.process("enable_support", "1", "Holds what hangs."),
            seen.process("support_type", "tree(auto)", "Uses least plastic."),
        ),
        Severity.WARNING if area_cm2 > LARGE_BRIDGES_CM2 else None,
    )


def supports_missing_in_file(seen: Seen) -> Found | None:
    if seen.analysis is None or seen.values.flag("enable_support") is not True:
        return None
    if not seen.analysis.features or any(
        "support" in one.name.lower() for one in seen.analysis.features
    ):
        return None
    hanging = sum(one.length_mm for one in _features(seen, "overhang wall"))
    if hanging < LENGTH_MM:
        return None
    return Found(
        "Supports are switched on, but the file holds none, although walls hang over. The "
        "threshold angle, a blocker, or supports on the plate only keep them away.",
        "Look at the overhangs in the preview, and raise the threshold angle if they need support.",
        (
            seen.told("enable_support"),
            Evidence("overhang walls", measure(hanging / 1000, "m", 1)),
            seen.told("support_threshold_angle", "°"),
        ),
    )


def _interface_differs(seen: Seen) -> bool:
    """Whether another material lies between support and part."""
    keys = ("support_interface_filament", "support_filament")
    return len(seen.used) > 1 and any(seen.values.number(key) for key in keys)


def gap_missing(seen: Seen) -> Found | None:
    gap = seen.values.number("support_top_z_distance")
    if not seen.values.flag("enable_support") or gap is None or _interface_differs(seen):
        return None
    least = 0.4 * (seen.layer_mm or 0.2)
    if gap >= least:
        return None
    good = "0.2" if (seen.layer_mm or 0.2) >= 0.16 else "0.15"
    return Found(
        "Support and part touch without a gap, and are of one material: they weld together, and "
        "come apart with pliers, if at all.",
        f"Set the distance at the top to {good} mm. Only another material as interface allows 0.",
        (seen.told("support_top_z_distance", "mm", limit=at_least(least, "mm")),),
        (seen.process("support_top_z_distance", good, "Comes off by hand."),),
    )


def gap_wide(seen: Seen) -> Found | None:
    gap, height = seen.values.number("support_top_z_distance"), seen.layer_mm
    if not seen.values.flag("enable_support") or gap is None or height is None:
        return None
    most = max(0.35, 2 * height)
    if gap <= most + 1e-6:
        return None
    return Found(
        "The part begins so far above its support that it sags down to it: the lower side becomes "
        "a net of loose lines.",
        "Set the distance at the top to about one layer.",
        (seen.told("support_top_z_distance", "mm", limit=at_most(most, "mm")),),
        (seen.process("support_top_z_distance", "0.2", "Close enough to carry."),),
    )


def side_close(seen: Seen) -> Found | None:
    gap = seen.values.number("support_object_xy_distance")
    if not seen.values.flag("enable_support") or gap is None or gap >= 0.2:
        return None
    return Found(
        "Supports stand so close to the walls that they weld to them, and leave scars.",
        "Set the distance to 0.35 mm or more.",
        (seen.told("support_object_xy_distance", "mm", limit=at_least(0.2, "mm")),),
        (seen.process("support_object_xy_distance", "0.35", "Comes off without scars."),),
    )


def angle_extreme(seen: Seen) -> Found | None:
    angle = seen.values.number("support_threshold_angle")
    if not seen.values.flag("enable_support") or not angle or 15 <= angle <= 60:
        return None
    is_much = angle > 60
    return Found(
        "Even walls that hang out a little are supported: much plastic, long prints, rough walls."
        if is_much
        else "Only what hangs almost level is supported. Most overhangs that need it get none.",
        "Set the threshold angle to 30 to 45°.",
        (seen.told("support_threshold_angle", "°", limit="15 to 60°"),),
        (seen.process("support_threshold_angle", "35", "What most printers cannot do unaided."),),
    )


def interface_missing(seen: Seen) -> Found | None:
    layers = seen.values.number("support_interface_top_layers")
    if not seen.values.flag("enable_support") or layers != 0:
        return None
    return Found(
        "The part lies on the sparse lines of the support without a closed layer between them. "
        "Its lower side sags between them.",
        "Set two interface layers at the top.",
        (seen.told("support_interface_top_layers", limit=at_least(1)),),
        (seen.process("support_interface_top_layers", "2", "A closed floor for the part."),),
    )


def overhangs_undetected(seen: Seen) -> Found | None:
    if seen.values.flag("detect_overhang_wall") is not False:
        return None
    return Found(
        "The slicer does not look for walls that hang out, so that they get neither the speed nor "
        "the fan nor the flow of bridges.",
        "Switch on Detect overhang walls.",
        (seen.told("detect_overhang_wall", limit="1"),),
        (seen.process("detect_overhang_wall", "1", "Overhangs are treated as such."),),
    )


CHECKS = (
    Check(
        "overhangs-unsupported",
        "Overhangs without support",
        Severity.WARNING,
        "every move",
        overhangs_unsupported,
    ),
    Check(
        "bridges-unsupported",
        "Large bridges without support",
        Severity.INFO,
        "every move",
        bridges_unsupported,
    ),
    Check(
        "supports-absent",
        "Supports switched on, and none in the file",
        Severity.WARNING,
        "every move",
        supports_missing_in_file,
    ),
    Check(
        "support-welded",
        "Supports that weld to the part",
        Severity.WARNING,
        "settings",
        gap_missing,
    ),
    Check("support-far", "Supports too far below the part", Severity.WARNING, "settings", gap_wide),
    Check(
        "support-side-close",
        "Supports too close to walls",
        Severity.WARNING,
        "settings",
        side_close,
    ),
    Check("support-angle", "An unusual support angle", Severity.WARNING, "settings", angle_extreme),
    Check(
        "support-interface",
        "Supports without an interface",
        Severity.INFO,
        "settings",
        interface_missing,
    ),
    Check(
        "overhangs-undetected",
        "Overhangs are not looked for",
        Severity.INFO,
        "settings",
        overhangs_undetected,
    ),
)
