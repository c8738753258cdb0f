"""Walls, shells, infill, seam, surfaces: what the part is made of."""

import math

from agent.slicer.checks.check import Check
from agent.slicer.checks.seen import Found, Seen, at_least, at_most, measure
from agent.slicer.rules import Change, Evidence, Severity
from agent.slicer.values import figure

SHELL_MM = 0.5
BOTTOM_MM = 0.2
OFFSET_MM = 0.3
FINE_MM = 0.45  # what a nozzle of 0.4 mm draws: thinner places are rare


def _is_vase(seen: Seen) -> bool:
    return bool(seen.values.flag("spiral_mode"))


def one_wall(seen: Seen) -> Found | None:
    walls = seen.values.number("wall_loops")
    if walls is None or walls >= 2 or _is_vase(seen):
        return None
    return Found(
        "A single wall leaks and dents, shows the infill through it, and breaks along the layers: "
        "walls give a part more of its strength than infill."
        if walls >= 1
        else "Without a wall the infill ends in the open, and nothing holds it together.",
        "Print two or three walls; more if the part has to bear something.",
        (seen.told("wall_loops", limit=at_least(2)),),
        (seen.process("wall_loops", "2", "Two walls are tight and firm."),),
    )


def _shell(seen: Seen, side: str) -> tuple[float, float] | None:
    """Layers and millimetres of the top or the bottom."""
    layers, height = seen.values.number(f"{side}_shell_layers"), seen.layer_mm
    if layers is None or height is None:
        return None
    least = seen.values.number(f"{side}_shell_thickness") or 0
    return layers, max(layers * height, least) if layers else 0


def _raised(seen: Seen, key: str, good: float, reason: str) -> tuple[Change, ...]:
    """None where the file has as much already: a change never makes a value worse."""
    if (seen.values.number(key) or 0) >= good:
        return ()
    return (seen.process(key, figure(good), reason),)


def _thicker_bottom(seen: Seen) -> tuple[Change, ...]:
    least = max(3, math.ceil(BOTTOM_MM / (seen.layer_mm or 0.2) - 1e-6))
    return _raised(seen, "bottom_shell_layers", least, "Firm enough to be taken off.")


def thin_top(seen: Seen) -> Found | None:
    shell, density = _shell(seen, "top"), seen.values.number("sparse_infill_density")
    if shell is None or density is None or _is_vase(seen):
        return None
    layers, thickness = shell
    if layers == 0 or density > 50 or thickness >= SHELL_MM - 1e-6:
        return None
    good = max(round(0.8 / (seen.layer_mm or 0.2)), 3)
    return Found(
        "The top is so thin that it sags between the lines of the infill: pillows, holes, and the "
        "pattern of the infill seen through it.",
        "Print at least 0.8 mm of top layers.",
        (
            seen.told("top_shell_layers"),
            Evidence("top_shell_thickness", measure(thickness, "mm"), at_least(SHELL_MM, "mm")),
            seen.told("sparse_infill_density"),
        ),
        (
            *_raised(seen, "top_shell_layers", good, "Closes over the infill."),
            *_raised(seen, "top_shell_thickness", 0.8, "Holds with any layer height."),
        ),
    )


def thin_bottom(seen: Seen) -> Found | None:
    shell = _shell(seen, "bottom")
    if shell is None or _is_vase(seen):
        return None
    layers, thickness = shell
    if layers == 0 or (layers > 1 and thickness >= BOTTOM_MM - 1e-6):
        return None
    return Found(
        "The bottom is hardly more than one thin layer: it tears when the part is taken off the "
        "plate, and leaks.",
        "Print at least three bottom layers.",
        (
            seen.told("bottom_shell_layers", limit=at_least(3)),
            Evidence("bottom_shell_thickness", measure(thickness, "mm"), at_least(BOTTOM_MM, "mm")),
        ),
        _thicker_bottom(seen),
    )


def sparse_below_top(seen: Seen) -> Found | None:
    density, shell = seen.values.number("sparse_infill_density"), _shell(seen, "top")
    if density is None or shell is None or not shell[0] or _is_vase(seen):
        return None
    is_meant = seen.values.word("sparse_infill_pattern") == "lightning"
    if density >= 8 or (density > 0 and (is_meant or shell[1] >= 1.2)):
        return None
    return Found(
        "The top layers have almost nothing to lie on. They are drawn across the hollow like a "
        "bridge, and sag.",
        "Fill with 10 to 15 %; gyroid and lightning hold up tops with little plastic.",
        (
            seen.told("sparse_infill_density", limit=at_least(8, "%")),
            Evidence("top_shell_thickness", measure(shell[1], "mm")),
        ),
        (seen.process("sparse_infill_density", "12%", "Holds the top up."),),
    )


def dense(seen: Seen) -> Found | None:
    density = seen.values.number("sparse_infill_density")
    if density is None or not 60 < density < 100:
        return None
    return Found(
        "So much infill costs time and plastic and adds little: a part breaks at its surface, "
        "and two more walls make it stronger than the same plastic inside.",
        "Print four walls with 25 to 40 % infill; use 100 % only where the part has to be massive.",
        (seen.told("sparse_infill_density", limit=at_most(60, "%")), seen.told("wall_loops")),
        (
            seen.process("sparse_infill_density", "35%", "Strength comes from the walls."),
            *_raised(seen, "wall_loops", 4, "Strength comes from the walls."),
        ),
    )


def thin_walls_lost(seen: Seen) -> Found | None:
    if seen.values.word("wall_generator") != "classic" or _is_vase(seen):
        return None
    if seen.values.flag("detect_thin_wall") is not False:
        return None
    least = seen.width("outer_wall_line_width")
    if least is None or least <= FINE_MM:
        return None
    return Found(
        f"Parts of the model that are thinner than one line ({figure(least)} mm) are left out "
        "with these settings: letters, fins and tips disappear.",
        "Choose the wall generator Arachne, which makes lines as thin as needed; look at the "
        "preview if the model has thin places.",
        (
            seen.told("outer_wall_line_width", "mm", limit=at_most(FINE_MM, "mm")),
            seen.told("wall_generator"),
            seen.told("detect_thin_wall"),
        ),
        (seen.process("wall_generator", "arachne", "Follows thin places."),),
    )


def vase_contradicted(seen: Seen) -> Found | None:
    if not _is_vase(seen):
        return None
    wanted = {
        "wall_loops": ("1", 1),
        "top_shell_layers": ("0", 0),
        "sparse_infill_density": ("0%", 0),
        "enable_support": ("0", 0),
    }
    wrong = [
        (key, text)
        for key, (text, number) in wanted.items()
        if (value := seen.values.number(key)) is not None and value != number
    ]
    if not wrong:
        return None
    return Found(
        "A spiral vase is one wall that rises without end: no second wall, no top, no infill, no "
        "support. With these the slicer refuses or leaves them out silently.",
        "Set them as a vase needs them, or switch the spiral off.",
        (seen.told("spiral_mode"), *(seen.told(key, limit=good) for key, good in wrong)),
        tuple(seen.process(key, good, "A vase is one wall.") for key, good in wrong),
    )


def random_seam(seen: Seen) -> Found | None:
    if seen.values.word("seam_position") != "random" or _is_vase(seen):
        return None
    return Found(
        "Every layer begins somewhere else, so that small blobs are spread over the whole "
        "surface. On round parts that hides the seam; on all others it looks like a rash.",
        "Choose Aligned or Back, or try scarf seams.",
        (seen.told("seam_position"),),
        (seen.process("seam_position", "aligned", "One line instead of many dots."),),
    )


def outer_first(seen: Seen) -> Found | None:
    sequence = (seen.values.text("wall_sequence") or "").strip('"').lower()
    if sequence != "outer wall/inner wall" or _is_vase(seen):
        return None
    return Found(
        "Outer walls are printed before there is an inner one to lean on. Sizes become more "
        "exact, overhangs clearly worse.",
        "Choose Inner/Outer, or Inner/Outer/Inner, if the part has overhangs.",
        (seen.told("wall_sequence"),),
        (seen.process("wall_sequence", "inner wall/outer wall", "Overhangs find a hold."),),
    )


def ironing_floods(seen: Seen) -> Found | None:
    kind = seen.values.text("ironing_type")
    flow = seen.values.number("ironing_flow")
    if kind in {None, "no ironing", "none"} or flow is None or flow <= 30:
        return None
    return Found(
        "Ironing only smooths what is there. With this much plastic it pushes a wave before the "
        "nozzle, which ends as ridges and a dirty nozzle.",
        "Set the flow of ironing to 8 to 15 %.",
        (seen.told("ironing_flow", limit=at_most(30, "%")), seen.told("ironing_type")),
        (seen.process("ironing_flow", "10%", "Fills the grooves and no more."),),
    )


def odd_bridge_flow(seen: Seen) -> Found | None:
    flow = seen.values.number("bridge_flow")
    if flow is None or 0.5 <= flow <= 1.5:
        return None
    return Found(
        "Bridges get so little plastic that their lines tear."
        if flow < 0.5
        else "Bridges get so much plastic that they sag under it.",
        "Set the flow of bridges to 0.8 to 1.",
        (seen.told("bridge_flow", limit="0.5 to 1.5"),),
        (seen.process("bridge_flow", "0.95", "Stretched a little, and whole."),),
    )


def infill_apart(seen: Seen) -> Found | None:
    overlap = seen.values.number("infill_wall_overlap")
    if overlap is None or _is_vase(seen) or 5 <= overlap <= 60:
        return None
    return Found(
        "The infill hardly touches the walls, so that they come apart."
        if overlap < 5
        else "The infill reaches so far into the walls that it shows on the outside.",
        "Set the overlap to 15 to 30 %.",
        (seen.told("infill_wall_overlap", limit="5 to 60 %"),),
        (seen.process("infill_wall_overlap", "20%", "Holds, and does not show."),),
    )


def large_offsets(seen: Seen) -> Found | None:
    large = [
        key
        for key in ("xy_hole_compensation", "xy_contour_compensation")
        if (value := seen.values.number(key)) is not None and abs(value) > OFFSET_MM
    ]
    if not large:
        return None
    return Found(
        "Holes or outlines are moved by most of a line's width. Such an error of size usually has "
        "another reason: flow, shrinkage, or a belt that is loose.",
        "Calibrate the flow first; then print the tolerance test, and set what it says.",
        tuple(seen.told(key, "mm", limit=f"{figure(OFFSET_MM)} mm either way") for key in large),
        tuple(seen.process(key, "0", "Begin without it, and measure.") for key in large),
    )


CHECKS = (
    Check("wall-single", "A single wall", Severity.WARNING, "settings", one_wall),
    Check("top-thin", "A thin top", Severity.WARNING, "settings", thin_top),
    Check("bottom-thin", "A thin bottom", Severity.WARNING, "settings", thin_bottom),
    Check(
        "infill-sparse",
        "Too little infill below the top",
        Severity.WARNING,
        "settings",
        sparse_below_top,
    ),
    Check("infill-dense", "Infill where walls would do more", Severity.INFO, "settings", dense),
    Check(
        "walls-thin-lost", "Thin places may be left out", Severity.INFO, "settings", thin_walls_lost
    ),
    Check(
        "vase-contradicted",
        "Settings that a spiral vase excludes",
        Severity.WARNING,
        "settings",
        vase_contradicted,
    ),
    Check("seam-random", "A seam spread over the part", Severity.INFO, "settings", random_seam),
    Check("wall-outer-first", "Outer walls first", Severity.INFO, "settings", outer_first),
    Check(
        "ironing-flow", "Too much plastic for ironing", Severity.WARNING, "settings", ironing_floods
    ),
    Check("bridge-flow", "An unusual bridge flow", Severity.WARNING, "settings", odd_bridge_flow),
    Check(
        "infill-overlap",
        "An unusual overlap of infill and walls",
        Severity.WARNING,
        "settings",
        infill_apart,
    ),
    Check(
        "offsets-large", "Large corrections of size", Severity.WARNING, "settings", large_offsets
    ),
)
