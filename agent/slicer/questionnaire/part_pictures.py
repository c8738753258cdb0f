"""Pictures of what shows at the bed, on overhangs, in size and strength, and on the machine."""

from collections.abc import Callable, Mapping

from agent.slicer.questionnaire.drawing import (
    EDGE,
    FAULT,
    GROUND,
    METAL,
    PLASTIC,
    bed,
    box,
    dot,
    fault,
    layers,
    nozzle,
    ring,
    shape,
    stroke,
    wave,
)

SNAKE = [(60, 96), (74, 70), (52, 62), (96, 50), (70, 84), (110, 92), (88, 40), (112, 66), (56, 44)]


def _warping() -> str:
    bowed = [(28, 60), (132, 60), (142, 88), (112, 107), (48, 107), (18, 88)]
    return shape(bowed) + fault((18, 88), (48, 107)) + fault((142, 88), (112, 107)) + bed()


def _loose_first_layer() -> str:
    return bed() + fault((30, 104), (58, 104), (72, 92), (90, 100), (104, 86)) + nozzle(110, 96)


def _elephant_foot() -> str:
    foot = shape([(44, 96), (116, 96), (124, GROUND), (36, GROUND)])
    return (
        layers(44, 36, 72, 60)
        + foot
        + fault((44, 96), (36, 108))
        + fault((116, 96), (124, 108))
        + bed()
    )


def _stuck() -> str:
    arrow = fault((80, 40), (80, 14)) + fault((72, 22), (80, 14), (88, 22))
    crack = fault((62, 110), (70, 116), (78, 111), (88, 118), (98, 111))
    return layers(50, 48, 60, 60) + arrow + bed() + crack


def _spaghetti() -> str:
    return bed() + stroke(SNAKE, FAULT, 2.5) + nozzle(112, 40)


def _stringing() -> str:
    hairs = (fault((52, y), (80, y + 3), (108, y), width=1.4) for y in (36, 48, 56, 70, 84))
    return layers(32, 28, 20, 80) + layers(108, 28, 20, 80) + "".join(hairs) + bed()


def _sagging() -> str:
    slope = shape([(36, 108), (56, 108), (56, 84), (124, 36), (124, 24), (36, 24)])
    drops = "".join(fault((66 + 14 * n, 78 - 10 * n), (66 + 14 * n, 90 - 10 * n)) for n in range(4))
    return slope + drops + bed()


def _curling() -> str:
    part = shape([(40, 108), (80, 108), (110, 60), (110, 48), (40, 48)])
    return part + fault((92, 48), (108, 46), (118, 36)) + nozzle(124, 34) + bed()


def _bridge() -> str:
    strands = (fault((52, 44 + 3 * n), (80, 56 + 9 * n), (108, 44 + 3 * n)) for n in range(3))
    top = box(32, 32, 96, 10)
    return box(32, 40, 20, 68) + box(108, 40, 20, 68) + top + "".join(strands) + bed()


def _supports() -> str:
    posts = (stroke([(68 + 10 * n, 64), (68 + 10 * n, 107)], METAL, 4) for n in range(5))
    return (
        box(40, 36, 76, 24)
        + box(40, 60, 20, 48)
        + "".join(posts)
        + fault((64, 62), (114, 62), width=5)
        + bed()
    )


def _dimensions() -> str:
    wanted = stroke([(50, 32), (110, 32), (110, 108), (50, 108), (50, 32)], FAULT, 3)
    return box(40, 22, 80, 86) + wanted + bed()


def _holes() -> str:
    return box(36, 30, 88, 78) + dot(80, 68, 18, EDGE) + ring(80, 68, 26) + bed()


def _thin_walls() -> str:
    dashes = (fault((80, y), (80, y + 7)) for y in range(30, 100, 14))
    return box(36, 84, 88, 24) + "".join(dashes) + stroke([(56, 84), (56, 30)], PLASTIC, 6) + bed()


def _weak_bonds() -> str:
    lower, upper = layers(50, 70, 60, 38), shape([(50, 60), (110, 48), (104, 14), (44, 26)])
    return lower + upper + fault((50, 66), (70, 60), (84, 64), (110, 56)) + bed()


def _brittle() -> str:
    spool = ring(50, 66, 34, METAL, 6) + ring(50, 66, 22, PLASTIC, 10)
    return (
        spool
        + stroke([(72, 38), (100, 28)], PLASTIC, 6)
        + stroke([(112, 38), (142, 34)], PLASTIC, 6)
        + fault((102, 22), (108, 34), (104, 42))
    )


def _clogged() -> str:
    strand = fault((80, 62), (84, 72), (76, 80), (90, 86), (98, 78))
    return (
        nozzle(80, 60)
        + stroke([(80, 4), (80, 34)], PLASTIC, 7)
        + fault((72, 52), (88, 44))
        + strand
        + bed()
    )


def _grinding() -> str:
    gear = ring(54, 56, 22, METAL, 6) + "".join(
        stroke([(76, y), (82, y + 3)], METAL, 4) for y in range(44, 70, 8)
    )
    bites = "".join(dot(87, y, 3) for y in range(36, 80, 8))
    return gear + stroke([(92, 8), (92, 112)], PLASTIC, 12) + bites


def _heat_creep() -> str:
    fins = "".join(stroke([(62, y), (98, y)], METAL, 3) for y in range(14, 52, 8))
    return (
        fins + stroke([(80, 4), (80, 46)], PLASTIC, 6) + dot(80, 56, 11) + nozzle(80, 100) + bed()
    )


def _print_stops() -> str:
    missing = stroke([(50, 70), (50, 24), (110, 24), (110, 70)], METAL, 1.5)
    return (
        layers(50, 70, 60, 38)
        + missing
        + fault((70, 40), (70, 56), width=6)
        + fault((90, 40), (90, 56), width=6)
        + bed()
    )


def _collision() -> str:
    burst = fault((96, 40), (104, 32)) + fault((98, 48), (110, 48)) + fault((84, 36), (84, 26))
    return (
        layers(36, 50, 54, 58)
        + shape([(74, 50), (90, 50), (90, 42)])
        + nozzle(100, 64)
        + burst
        + bed()
    )


def _wet() -> str:
    bubbles = "".join(dot(x, y, r) for x, y, r in ((74, 80, 3), (84, 86, 4), (78, 94, 2.5)))
    steam = "".join(stroke(wave(x, 20, 40, 4, 20), FAULT, 2) for x in (54, 106))
    return nozzle(80, 72) + stroke([(80, 72), (80, 106)], PLASTIC, 6) + bubbles + steam + bed()


def _part(*marks: str) -> str:
    return layers(45, 30, 70, 78) + bed() + "".join(marks)


PART_PICTURES: Mapping[str, Callable[[], str]] = {
    "warping": _warping,
    "first-layer-adhesion": _loose_first_layer,
    "elephant-foot": _elephant_foot,
    "stuck-to-bed": _stuck,
    "spaghetti": _spaghetti,
    "stringing": _stringing,
    "sagging-overhangs": _sagging,
    "curling-overhangs": _curling,
    "poor-bridging": _bridge,
    "supports-fused": _supports,
    "dimensional-error": _dimensions,
    "holes-too-small": _holes,
    "thin-walls-missing": _thin_walls,
    "weak-layer-bonds": _weak_bonds,
    "brittle-filament": _brittle,
    "clogged-nozzle": _clogged,
    "grinding-filament": _grinding,
    "heat-creep": _heat_creep,
    "print-stops": _print_stops,
    "nozzle-hits-print": _collision,
    "wet-filament": _wet,
    "bed": lambda: _part(fault((40, 106), (120, 106), width=6)),
    "quiet": lambda: nozzle(80, 72) + stroke([(80, 72), (80, 106)], PLASTIC, 6) + bed(),
    "machine": lambda: nozzle(80, 70) + ring(80, 56, 34, FAULT, 3) + bed(),
}
