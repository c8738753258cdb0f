"""Layer heights and line widths against the nozzle."""

from agent.slicer.checks.check import Check
from agent.slicer.checks.seen import Found, Seen, at_least, at_most, measure
from agent.slicer.rules import Evidence, Severity
from agent.slicer.values import figure

EPSILON = 1e-6
HIGHEST = 0.8  # of the nozzle
LOWEST = 0.15
THINNEST_MM = 0.04
WIDTHS = (
    "outer_wall_line_width",
    "inner_wall_line_width",
    "top_surface_line_width",
    "sparse_infill_line_width",
    "internal_solid_infill_line_width",
    "support_line_width",
    "initial_layer_line_width",
)


def too_high(seen: Seen) -> Found | None:
    height, nozzle = seen.layer_mm, seen.nozzle_mm
    if height is None or nozzle is None or height <= HIGHEST * nozzle + EPSILON:
        return None
    good = figure(nozzle / 2)
    is_hopeless = height > nozzle + EPSILON
    return Found(
        "A layer is pressed onto the one below by the flat tip of the nozzle. Above 80 % of the "
        "nozzle's width the line is no longer pressed but laid, so that layers stick badly"
        + (", and above the whole width hardly at all." if is_hopeless else "."),
        f"Choose a layer height of at most {figure(HIGHEST * nozzle)} mm; half of the nozzle, "
        f"{good} mm, is the usual one. Or fit a wider nozzle.",
        (
            seen.told("layer_height", "mm", limit=at_most(HIGHEST * nozzle, "mm")),
            seen.told("nozzle_diameter", "mm"),
        ),
        (seen.process("layer_height", good, f"Half of the {figure(nozzle)} mm nozzle."),),
        Severity.BLOCKING if is_hopeless else None,
    )


def too_low(seen: Seen) -> Found | None:
    height, nozzle = seen.layer_mm, seen.nozzle_mm
    if height is None or nozzle is None:
        return None
    least = max(LOWEST * nozzle, THINNEST_MM)
    if height >= least - EPSILON:
        return None
    good = figure(max(0.25 * nozzle, THINNEST_MM))
    return Found(
        "Layers this thin need a bed and a Z axis better than almost any: small errors of height "
        "become gaps and scratches, the nozzle rubs over the part, and plastic that stays hot in "
        "it for long can clog it.",
        f"Choose at least {figure(least)} mm; {good} mm is fine enough to see no layers. For finer "
        "detail fit a smaller nozzle.",
        (
            seen.told("layer_height", "mm", limit=at_least(least, "mm")),
            seen.told("nozzle_diameter", "mm"),
        ),
        (seen.process("layer_height", good, f"A quarter of the {figure(nozzle)} mm nozzle."),),
    )


def outside_printer_limits(seen: Seen) -> Found | None:
    height = seen.layer_mm
    low, high = seen.values.number("min_layer_height"), seen.values.number("max_layer_height")
    if height is None:
        return None
    if high and height > high + EPSILON:
        key, limit, best = "max_layer_height", at_most(high, "mm"), high
    elif low and height < low - EPSILON:
        key, limit, best = "min_layer_height", at_least(low, "mm"), low
    else:
        return None
    return Found(
        "The printer's preset names the layer heights that it is meant for, and this one is not "
        "among them. The slicer obeys that only where layers vary.",
        f"Choose {figure(best)} mm, or correct the limit in the printer's extruder settings.",
        (seen.told("layer_height", "mm", limit=limit), seen.told(key, "mm")),
        (seen.process("layer_height", figure(best), "The printer's own limit."),),
    )


def first_too_thin(seen: Seen) -> Found | None:
    first, nozzle = seen.first_layer_mm, seen.nozzle_mm
    if first is None or nozzle is None or first >= 0.25 * nozzle - EPSILON:
        return None
    good = figure(nozzle / 2)
    return Found(
        "A first layer this thin leaves no room for the waves that every bed has: in one place the "
        "nozzle scrapes over the plate, in the next the line does not touch it.",
        f"Set the first layer height to {good} mm, half of the nozzle.",
        (
            seen.told("initial_layer_print_height", "mm", limit=at_least(0.25 * nozzle, "mm")),
            seen.told("nozzle_diameter", "mm"),
        ),
        (seen.process("initial_layer_print_height", good, "Evens out what the bed is not."),),
    )


def first_too_thick(seen: Seen) -> Found | None:
    first, nozzle = seen.first_layer_mm, seen.nozzle_mm
    if first is None or nozzle is None or first <= HIGHEST * nozzle + EPSILON:
        return None
    good = figure(nozzle / 2)
    return Found(
        "The first layer holds the print because it is pressed flat onto the plate. Above 80 % of "
        "the nozzle it is only laid down, and comes off.",
        f"Set the first layer height to {good} mm, half of the nozzle.",
        (
            seen.told("initial_layer_print_height", "mm", limit=at_most(HIGHEST * nozzle, "mm")),
            seen.told("nozzle_diameter", "mm"),
        ),
        (seen.process("initial_layer_print_height", good, "Is pressed well onto the plate."),),
    )


def _widths(seen: Seen) -> list[tuple[str, float]]:
    known = [(key, seen.width(key)) for key in WIDTHS if seen.values.text(key)]
    if not known:
        known = [("line_width", seen.width("line_width"))]
    return [(key, width) for key, width in known if width]


def too_narrow(seen: Seen) -> Found | None:
    nozzle = seen.nozzle_mm
    if nozzle is None:
        return None
    least = 0.8 * nozzle
    thin = [(key, width) for key, width in _widths(seen) if width < least - EPSILON]
    if not thin:
        return None
    good = figure(nozzle * 1.05)
    return Found(
        "A line narrower than the nozzle is not pressed to the side, so that it sticks badly to "
        "its neighbour and tears in curves.",
        f"Set these widths to about {good} mm, or fit a smaller nozzle for finer detail.",
        tuple(Evidence(key, measure(w, "mm"), at_least(least, "mm")) for key, w in thin),
        tuple(seen.process(key, good, f"Fits the {figure(nozzle)} mm nozzle.") for key, _ in thin),
    )


def too_wide(seen: Seen) -> Found | None:
    nozzle = seen.nozzle_mm
    if nozzle is None:
        return None
    most = 1.8 * nozzle
    wide = [(key, width) for key, width in _widths(seen) if width > most + EPSILON]
    if not wide:
        return None
    good = figure(nozzle * 1.2)
    return Found(
        "The flat tip around the hole presses a line only so far: beyond about 1.8 times the hole "
        "the line bulges at its edges instead of getting wider.",
        f"Set these widths to about {good} mm, or fit a wider nozzle.",
        tuple(Evidence(key, measure(w, "mm"), at_most(most, "mm")) for key, w in wide),
        tuple(seen.process(key, good, f"Fits the {figure(nozzle)} mm nozzle.") for key, _ in wide),
    )


def line_too_round(seen: Seen) -> Found | None:
    height = seen.layer_mm
    if height is None:
        return None
    least = 1.2 * height
    round_ones = [
        (key, width)
        for key, width in _widths(seen)
        if key != "initial_layer_line_width" and width < least - EPSILON
    ]
    if not round_ones:
        return None
    return Found(
        "A line should be clearly wider than high. As high as wide it is a string rather than a "
        "ribbon: it touches the line below along a narrow edge, and the print comes apart there.",
        f"Make the layers thinner, or these lines at least {figure(least)} mm wide.",
        (
            seen.told("layer_height", "mm"),
            *(Evidence(key, measure(w, "mm"), at_least(least, "mm")) for key, w in round_ones),
        ),
        tuple(
            seen.process(key, figure(height * 1.5), "One and a half times the layer's height.")
            for key, _ in round_ones
        ),
    )


CHECKS = (
    Check(
        "layer-too-high", "Layers too high for the nozzle", Severity.WARNING, "settings", too_high
    ),
    Check("layer-too-low", "Layers too thin for the nozzle", Severity.WARNING, "settings", too_low),
    Check(
        "layer-outside-printer-limits",
        "A layer height that the printer's preset excludes",
        Severity.INFO,
        "settings",
        outside_printer_limits,
    ),
    Check(
        "first-layer-too-thin",
        "A very thin first layer",
        Severity.WARNING,
        "settings",
        first_too_thin,
    ),
    Check(
        "first-layer-too-thick",
        "A first layer too thick for the nozzle",
        Severity.WARNING,
        "settings",
        first_too_thick,
    ),
    Check(
        "line-too-narrow",
        "Lines narrower than the nozzle allows",
        Severity.WARNING,
        "settings",
        too_narrow,
    ),
    Check(
        "line-too-wide",
        "Lines wider than the nozzle can press",
        Severity.WARNING,
        "settings",
        too_wide,
    ),
    Check(
        "line-too-round",
        "Lines hardly wider than high",
        Severity.WARNING,
        "settings",
        line_too_round,
    ),
)
