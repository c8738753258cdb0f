"""Small plots as inline SVG: no script, colours by classes that the page defines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LEFT, RIGHT = 720, 60, 16
PLOT_HEIGHT, TOP, BOTTOM = 180, 10, 28
ROW_HEIGHT, LABEL_WIDTH, VALUE_WIDTH = 26, 220, 60


@dataclass(frozen=True, slots=True)
class Bar:
    """A column of stacked parts, the first at the bottom."""

    label: str
    parts: Sequence[float]


@dataclass(frozen=True, slots=True)
class Reach:
    """A row of ever lighter bars, from the left to each value."""

    label: str
    values: Sequence[float]


def columns(title: str, names: Sequence[str], bars: Sequence[Bar]) -> str:
    """One column for each label, such as a day; `names` are those of the parts."""
    top = nice_top(max((sum(bar.parts) for bar in bars), default=0))
    height = PLOT_HEIGHT + TOP + BOTTOM
    step = (WIDTH - LEFT - RIGHT) / max(len(bars), 1)
    drawn = [_grid(top)]
    for number, bar in enumerate(bars):
        x, base = LEFT + step * number + step * 0.1, float(TOP + PLOT_HEIGHT)
        for part, value in enumerate(bar.parts):
            tall = value / top * PLOT_HEIGHT
            base -= tall
            told = f"{bar.label}: {number_text(value)} {names[part]}"
            drawn.append(_box(x, base, min(step * 0.8, 60), tall, f"part{part}", told))
        # As many labels as there is room for.
        if number % math.ceil(len(bars) / 10) == 0:
            drawn.append(_text(x, height - 8, bar.label[5:] or bar.label, "tick"))
    return _figure(title, height, drawn, names)


def rows(title: str, names: Sequence[str], reaches: Sequence[Reach], unit: str) -> str:
    """One row for each label, such as a model; `names` are those of the values."""
    longest = max((max(reach.values, default=0) for reach in reaches), default=0)
    room = WIDTH - LABEL_WIDTH - VALUE_WIDTH - RIGHT
    scale = room / longest if longest else 0
    drawn = []
    for number, reach in enumerate(reaches):
        y = TOP + number * ROW_HEIGHT
        label = reach.label if len(reach.label) <= 28 else f"{reach.label[:27]}…"
        drawn.append(_text(LABEL_WIDTH - 8, y + 14, label, "label"))
        for at in reversed(range(len(reach.values))):
            value = reach.values[at]
            told = f"{reach.label}: {names[at]} {number_text(value)} {unit}"
            drawn.append(_box(LABEL_WIDTH, y + 3, value * scale, 14, f"shade{at}", told))
        first = reach.values[0] if reach.values else 0
        end = LABEL_WIDTH + max(reach.values, default=0) * scale
        drawn.append(_text(end + 6, y + 14, number_text(first), "value"))
    return _figure(title, TOP + len(reaches) * ROW_HEIGHT + 6, drawn, names, kind="shade")


def nice_top(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 ... that `value` does not exceed."""
    if value <= 1:
        return 1.0
    power: float = 10 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 5, 10) if value <= power * step)


def number_text(value: float) -> str:
    """`1.2M`, `34k`, `56`, `7.8`."""
    for limit, divisor, letter in ((999_500, 1e6, "M"), (9_995, 1e3, "k")):
        if value >= limit:
            text = f"{value / divisor:.1f}".removesuffix(".0")
            return f"{text}{letter}"
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:.1f}"


def _grid(top: float) -> str:
    lines = []
    for quarter in range(5):
        y = TOP + PLOT_HEIGHT * (1 - quarter / 4)
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        lines.append(_text(LEFT - 8, y + 4, number_text(top * quarter / 4), "label"))
    return "".join(lines)


def _box(x: float, y: float, wide: float, tall: float, style: str, told: str) -> str:
    if wide <= 0 or tall <= 0:
        return ""
    return (
        f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}">'
        f"<title>{escape(told)}</title></rect>"
    )


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _figure(
    title: str, height: float, drawn: Sequence[str], names: Sequence[str], kind: str = "part"
) -> str:
    keys = "".join(
        f'<li><svg width="12" height="12"><rect class="{kind}{at}" width="12" height="12"/></svg>'
        f" {escape(name)}</li>"
        for at, name in enumerate(names)
    )
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f'{"".join(drawn)}</svg><ul class="keys">{keys}</ul></figure>'
    )
