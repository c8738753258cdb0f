"""Turns a picture from a sliced file into a PNG of the size that a page wants."""

import io
from typing import Final

from agent.shared.errors import Invalid

FORMATS: Final = {"image/png": "PNG", "image/jpeg": "JPEG", "image/qoi": "QOI"}
MOST_PIXELS: Final = {"PNG": 4_200_000, "JPEG": 4_200_000, "QOI": 1_100_000}  # QOI is slow to read
SMALLEST_EDGE, LARGEST_EDGE = 16, 2048


def as_png(raw: bytes, mime: str, most_edge: int) -> bytes:
    """Raises Invalid for what cannot be decoded or is too large. Takes its time: call it in a
    thread. The picture is never made larger."""
    from PIL import Image, UnidentifiedImageError  # slow import

    edge = min(max(most_edge, SMALLEST_EDGE), LARGEST_EDGE)
    form = FORMATS.get(mime)
    if form is None:
        raise Invalid("broken-picture", "The file's picture has a format that is not read.")
    try:
        with Image.open(io.BytesIO(raw), formats=[form]) as picture:
            _check(picture.size, MOST_PIXELS[form])
            is_plain = picture.mode in {"RGB", "RGBA", "L"}
            shown = picture.copy() if is_plain else picture.convert("RGBA")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as err:
        raise _too_large() from err
    # Pillow's readers tell of broken bytes by whatever went wrong in them.
    except (
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
    ) as err:
        raise Invalid("broken-picture", "The file's picture cannot be decoded.") from err
    shown.thumbnail((edge, edge))
    stream = io.BytesIO()
    shown.save(stream, "PNG")
    return stream.getvalue()


def _check(size: tuple[int, int], most: int) -> None:
    if size[0] * size[1] > most:
        raise _too_large()


def _too_large() -> Invalid:
    return Invalid("broken-picture", "The file's picture is too large to be a preview.")
