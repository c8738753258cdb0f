"""Pictures of what shows on walls and tops."""

from collections.abc import Callable, Mapping

from agent.slicer.questionnaire.drawing import (
    EDGE,
    FAULT,
    SECOND,
    bed,
    box,
    dot,
    fault,
    hatch,
    layers,
    nozzle,
    shape,
    stroke,
    wave,
)

WALL = (45, 20, 70, 88)


def _wall() -> str:
    return layers(*WALL) + bed()


def _lines(*, width: float, step: float) -> str:
    return "".join(stroke(line, FAULT, width) for line in hatch(*WALL, step))


def _seam() -> str:
    return _wall() + "".join(dot(80, 24 + 6 * n, 3) for n in range(14))


def _blobs() -> str:
    spots = [(58, 34), (92, 30), (70, 52), (104, 58), (56, 74), (86, 82), (100, 94), (66, 96)]
    return _wall() + "".join(dot(x, y, 3.5) for x, y in spots)


def _ringing() -> str:
    edge = stroke([(60, 20), (60, 108)], EDGE, 3)
    fading = (3.0, 2.4, 1.8, 1.2, 0.7)
    waves = (stroke(wave(68 + 9 * n, 22, 84, 0, 20), FAULT, w) for n, w in enumerate(fading))
    return _wall() + edge + "".join(waves)


def _salmon() -> str:
    lines = (stroke([(45, y), (75, y - 14), (115, y - 4)], FAULT, 1.6) for y in range(36, 110, 10))
    return _wall() + "".join(lines)


def _z_banding() -> str:
    return _wall() + "".join(fault((43, y), (117, y)) for y in range(30, 106, 15))


def _poor_surface() -> str:
    bands = (box(45, y, 70, h, SECOND) for y, h in ((28, 9), (52, 5), (74, 14)))
    return _wall() + "".join(bands)


def _under() -> str:
    gaps = [(48, 32, 66), (80, 44, 108), (52, 62, 82), (70, 80, 112), (50, 92, 68)]
    return _wall() + "".join(stroke([(start, y), (end, y)], FAULT, 4) for start, y, end in gaps)


def _over() -> str:
    rounds = "".join(
        stroke([(41, y), (38, y + 4), (41, y + 8)], FAULT, 3)
        + stroke([(119, y), (122, y + 4), (119, y + 8)], FAULT, 3)
        for y in range(22, 100, 9)
    )
    return _wall() + rounds


def _infill_showing() -> str:
    crosses = "".join(
        stroke([(48, y + 24), (72, y)], FAULT, 1.8) + stroke([(88, y + 24), (112, y)], FAULT, 1.8)
        for y in range(22, 80, 20)
    )
    return _wall() + crosses


def _layer_shift() -> str:
    return layers(40, 62, 60, 46) + layers(58, 20, 60, 42) + fault((36, 62), (122, 62)) + bed()


def _missing_layers() -> str:
    return layers(45, 20, 70, 36) + layers(45, 62, 70, 46) + fault((48, 59), (112, 59)) + bed()


def _color_bleed() -> str:
    streaks = (
        stroke([(50, y), (50 + w, y)], FAULT, 2.5) for y, w in ((60, 50), (68, 30), (76, 14))
    )
    return layers(45, 56, 70, 52) + box(45, 20, 70, 36, SECOND) + "".join(streaks) + bed()


def _top(*strokes: str) -> str:
    """A plate from above, slightly turned."""
    return shape([(40, 24), (132, 24), (120, 100), (28, 100)]) + "".join(strokes)


def _top_lines(width: float, colour: str = EDGE) -> str:
    return "".join(stroke([(46 + 9 * n, 26), (34 + 9 * n, 98)], colour, width) for n in range(10))


def _gaps_in_top() -> str:
    gaps = (fault((64 + 9 * n, 26), (52 + 9 * n, 98)) for n in (0, 2, 5))
    return _top(_top_lines(0.8), *gaps)


def _pillowing() -> str:
    bumps = (
        dot(48 + 16 * column + (3 - row) * 3, 36 + 18 * row, 5)
        for row in range(4)
        for column in range(5)
    )
    return _top(*bumps)


def _ridges() -> str:
    return _top(_top_lines(3.5, FAULT))


def _scarring() -> str:
    return _top(
        _top_lines(0.8),
        fault((36, 90), (118, 36)),
        fault((50, 96), (126, 60)),
        nozzle(118, 36),
    )


WALL_PICTURES: Mapping[str, Callable[[], str]] = {
    "seam-visible": _seam,
    "blobs-and-zits": _blobs,
    "ringing": _ringing,
    "vfa": lambda: _wall() + _lines(width=1, step=5),
    "salmon-skin-and-moire": _salmon,
    "z-banding": _z_banding,
    "poor-surface": _poor_surface,
    "under-extrusion": _under,
    "over-extrusion": _over,
    "infill-showing": _infill_showing,
    "layer-shift": _layer_shift,
    "missing-layers": _missing_layers,
    "color-bleed": _color_bleed,
    "gaps-in-top": _gaps_in_top,
    "pillowing": _pillowing,
    "ridges": _ridges,
    "scarring": _scarring,
    "upright-lines": lambda: _wall() + _lines(width=2, step=10),
    "level-lines": lambda: _wall() + fault((45, 44), (115, 44)) + fault((45, 80), (115, 80)),
    "wall": lambda: _wall() + fault((45, 20), (45, 108)) + fault((115, 20), (115, 108)),
    "top": lambda: _wall() + fault((45, 20), (115, 20), width=5),
}
