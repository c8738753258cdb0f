"""Strokes of the questionnaire's pictures, as SVG on a ground of 160 × 120.

The colours stand out from light and from dark; a fault is thicker too, not in colour alone."""

import math
from collections.abc import Iterable
from html import escape

WIDTH, HEIGHT = 160, 120
GROUND = 108
PLASTIC, EDGE, METAL, FAULT = "#4aa59a", "#2b6f67", "#8a8f98", "#e0602a"
SECOND = "#c9b13c"

Point = tuple[float, float]


def picture(title: str, *strokes: str) -> str:
    """A whole SVG. `title` is what it says to someone who cannot see it."""
    body = "".join(strokes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(title)}</title>{body}</svg>"
    )


def box(x: float, y: float, width: float, height: float, fill: str = PLASTIC) -> str:
    return (
        f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" '
        f'fill="{fill}" stroke="{EDGE}" stroke-width="1.5"/>'
    )


def shape(points: Iterable[Point], fill: str = PLASTIC) -> str:
    return (
        f'<polygon points="{_points(points)}" fill="{fill}" stroke="{EDGE}" stroke-width="1.5" '
        'stroke-linejoin="round"/>'
    )


def stroke(points: Iterable[Point], colour: str = EDGE, width: float = 1.5) -> str:
    return (
        f'<polyline points="{_points(points)}" fill="none" stroke="{colour}" '
        f'stroke-width="{_n(width)}" stroke-linecap="round" stroke-linejoin="round"/>'
    )


def fault(*points: Point, width: float = 3) -> str:
    return stroke(points, FAULT, width)


def dot(x: float, y: float, radius: float = 3, fill: str = FAULT) -> str:
    return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" fill="{fill}"/>'


def ring(x: float, y: float, radius: float, colour: str = FAULT, width: float = 3) -> str:
    return (
        f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" fill="none" stroke="{colour}" '
        f'stroke-width="{_n(width)}"/>'
    )


def bed() -> str:
    return f'<rect x="8" y="{GROUND}" width="144" height="5" fill="{METAL}"/>'


def nozzle(x: float, y: float) -> str:
    """Its tip is at this point."""
    tip = [(x - 3, y), (x + 3, y), (x + 10, y - 12), (x + 10, y - 24), (x - 10, y - 24)]
    return shape([*tip, (x - 10, y - 12)], METAL)


def layers(x: float, y: float, width: float, height: float, step: float = 6) -> str:
    """A wall seen from the side."""
    count = int(height / step)
    lines = (
        stroke([(x, y + step * n), (x + width, y + step * n)], EDGE, 0.7) for n in range(1, count)
    )
    return box(x, y, width, height) + "".join(lines)


def wave(x: float, y: float, length: float, swing: float, period: float) -> list[Point]:
    """A line downwards from this point that swings to both sides."""
    return [
        (x + swing * math.sin(2 * math.pi * step / period), y + step)
        for step in range(0, int(length) + 1, 2)
    ]


def hatch(x: float, y: float, width: float, height: float, step: float) -> list[list[Point]]:
    """Upright lines that fill a rectangle."""
    count = int(width / step)
    return [[(x + step * n, y), (x + step * n, y + height)] for n in range(1, count)]


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
