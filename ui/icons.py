"""The icon, drawn by code as the panel has it: printed lines and a nozzle, with a badge for what
it has to say."""

from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

from ui.rules import State

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw as Pen

SIDE = 64
GRID = 32
FINE = 4  # drawn larger, then made smaller: smooth edges
WHITE = "#ffffff"
BODY = {"light": "#00796b", "dark": "#26a69a"}
ASLEEP = {"light": "#6b7280", "dark": "#8b949e"}
RIM = {"light": "#ffffff", "dark": "#1c1f24"}
BADGES = {
    State.WORKING: "#1f6feb",
    State.NO_MODEL: "#9a6700",
    State.PAUSED: "#57606a",
    State.HELD: "#cf222e",
    State.GONE: "#cf222e",
}
LINES = ((8, 22, 24), (8, 18, 24), (8, 14, 18))
NOZZLE = (20, 6, 26, 6, 24.4, 10, 21.6, 10)


@lru_cache(maxsize=32)
def png(state: State, *, is_dark: bool = False, count: int = 0, side: int = SIDE) -> bytes:
    """The icon as PNG. `is_dark`: it stands on something dark. `count`: of what waits."""
    from PIL import Image, ImageDraw  # slow import

    picture = Image.new("RGBA", (side * FINE, side * FINE), (0, 0, 0, 0))
    pen, scale = ImageDraw.Draw(picture), side * FINE / GRID
    theme = "dark" if is_dark else "light"
    _body(pen, scale, (ASLEEP if state in {State.GONE, State.STARTING} else BODY)[theme])
    if colour := BADGES.get(state):
        pen.ellipse([12 * scale, 12 * scale, 32 * scale, 32 * scale], fill=RIM[theme])
        pen.ellipse([13.5 * scale, 13.5 * scale, 30.5 * scale, 30.5 * scale], fill=colour)
        _sign(pen, scale, state, count)
    out = BytesIO()
    picture.resize((side, side), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


def _body(pen: "Pen", scale: float, colour: str) -> None:
    pen.rounded_rectangle([0, 0, GRID * scale - 1, GRID * scale - 1], 7 * scale, fill=colour)
    for left, y, right in LINES:
        pen.line([left * scale, y * scale, right * scale, y * scale], WHITE, round(2.4 * scale))
        for x in (left, right):
            pen.circle((x * scale, y * scale), 1.2 * scale, fill=WHITE)
    pen.polygon([number * scale for number in NOZZLE], fill=WHITE)
    pen.line([23 * scale, 10 * scale, 23 * scale, 11.6 * scale], WHITE, round(2 * scale))


def _sign(pen: "Pen", scale: float, state: State, count: int) -> None:
    """What colour alone must not say: how many, a cross, a mark, bars, dots."""
    if state is State.HELD:
        from PIL import ImageFont  # slow import

        font = ImageFont.load_default((14 if count < 10 else 11) * scale)
        text = str(count) if count < 10 else "9+"
        pen.text((22 * scale, 22 * scale), text, fill=WHITE, font=font, anchor="mm")
    elif state is State.GONE:
        for ends in ((18, 18, 26, 26), (26, 18, 18, 26)):
            pen.line([end * scale for end in ends], WHITE, round(2.4 * scale))
    elif state is State.NO_MODEL:
        _bar(pen, scale, 20.8, 16.5, 23.2, 23)
        _bar(pen, scale, 20.8, 25, 23.2, 27.4)
    elif state is State.PAUSED:
        _bar(pen, scale, 18.2, 17.5, 20.6, 26.5)
        _bar(pen, scale, 23.4, 17.5, 25.8, 26.5)
    else:
        for x in (17.5, 22, 26.5):
            pen.circle((x * scale, 22 * scale), 1.6 * scale, fill=WHITE)


def _bar(pen: "Pen", scale: float, *corners: float) -> None:
    pen.rectangle([corner * scale for corner in corners], fill=WHITE)
