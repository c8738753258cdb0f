"""The process that decodes pictures: it reads hostile bytes, so that the agent need not.

It answers one request after the other and ends when its input does."""

import hashlib
import importlib
import signal
import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from agent.images.pipes import Head, receive, send
from agent.images.rules import (
    LIMIT_PIXELS,
    LOSSLESS,
    PILLOW_FORMATS,
    PNG_STAYS_BYTES,
    SAME_FORMAT,
    fitted,
)

MEMORY_BYTES = 5 << 29  # 2.5 GiB: a picture of the most pixels, and two copies of it
STRIP_BYTES = 8 << 20
LEAST_EDGE = 64
QUALITIES = (85, 75, 60, 45, 30)
WEBP_METHOD = 2  # half the time of the usual 4 for a few per cent more bytes
# What Pillow raises for bytes that are not what they say. Anything else ends the process, and the
# agent says of that picture that it is damaged.
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, struct.error)


def main() -> None:
    """Answers requests until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the agent, which then ends us
    _limit_memory()
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # the size is checked here, before anything is decoded
    while True:
        try:
            asked, data = receive(sys.stdin.buffer)
        except EOFError:
            return
        for head, made in answers(asked, data):
            send(sys.stdout.buffer, head, made)
        del data, made


def answers(asked: Head, data: bytes) -> Iterator[tuple[Head, bytes]]:
    """Width and height of the picture. Where it shall be shrunk, the variant with them and then,
    so that nobody waits for it, the hash of the decoded pixels; `has_more` says that it comes."""
    try:
        if asked["mime"] == "image/heic":
            importlib.import_module("pillow_heif").register_heif_opener()
        source = data or Path(asked["path"]).read_bytes()
        with Image.open(BytesIO(source), formats=[PILLOW_FORMATS[asked["mime"]]]) as picture:
            width, height = picture.size
            if width * height > LIMIT_PIXELS:
                yield {"problem": "pixels", "megapixels": width * height / 1e6}, b""
            elif "max_edge" in asked:
                yield from _shrunk(picture, asked, len(source))
            else:
                picture.load()
                turned = _orientation(picture) >= 5
                yield {"size": (height, width) if turned else (width, height)}, b""
    except FileNotFoundError:
        yield {"problem": "lost"}, b""
    except MemoryError:
        yield {"problem": "memory"}, b""
    except DAMAGED:
        yield {"problem": "damaged"}, b""


def _shrunk(picture: Image.Image, asked: Head, source_bytes: int) -> Iterator[tuple[Head, bytes]]:
    edge = asked["max_edge"]
    # JPEG can be decoded at a half, a quarter or an eighth of its size in a fraction of the time.
    picture.draft(None, fitted(*picture.size, edge))
    picture.load()
    orientation = _orientation(picture)  # which `_plain` forgets
    upright = _upright(_plain(picture), orientation)
    small = _resized(upright, edge)
    form = asked["format"] or SAME_FORMAT[asked["mime"]]
    is_small_drawing = asked["mime"] in LOSSLESS and source_bytes <= PNG_STAYS_BYTES
    if asked["png_stays"] and is_small_drawing and small.size == upright.size:
        form = "png"
    data, size = _encoded(small, form, asked["max_bytes"])
    yield {"size": size, "mime": f"image/{form}", "has_more": True}, data
    yield {"pixels": _hash(upright)}, b""


def _orientation(picture: Image.Image) -> int:
    """1 to 8, as the camera was held; 1 where nothing sensible is said."""
    try:
        said = picture.getexif().get(0x0112, 1)
    except DAMAGED:
        return 1
    return said if isinstance(said, int) and 1 <= said <= 8 else 1


TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    turn = TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def _plain(picture: Image.Image) -> Image.Image:
    """Grey, RGB or RGBA with eight bits, and nothing beside the pixels.

    Colour profiles are dropped with the rest: a model sees no difference, and what reads them is
    one more thing that a hostile file could aim at."""
    if picture.mode.startswith("I;16"):
        plain = _in_mode(picture.point(lambda value: value * (1 / 256)), "L")
    elif picture.has_transparency_data:
        plain = _in_mode(picture, "RGBA")
        if plain.getchannel("A").getextrema() == (255, 255):
            plain = _in_mode(plain, "RGB")
    else:
        plain = _in_mode(picture, "L" if picture.mode in {"1", "L"} else "RGB")
    # Whoever saves a picture writes some of this into the new file.
    plain.info.clear()
    return plain


def _in_mode(picture: Image.Image, mode: str) -> Image.Image:
    return picture if picture.mode == mode else picture.convert(mode)


def _resized(picture: Image.Image, edge: int) -> Image.Image:
    size = fitted(*picture.size, edge)
    if size == picture.size:
        return picture
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _encoded(
    picture: Image.Image, form: str, max_bytes: int | None
) -> tuple[bytes, tuple[int, int]]:
    """Worse, then smaller, until it fits. The last try is what there is."""
    if form == "jpeg" and picture.mode == "RGBA":
        ground = Image.new("RGB", picture.size, "white")
        ground.paste(picture, mask=picture.getchannel("A"))
        picture = ground
    while True:
        for quality in QUALITIES if form != "png" else QUALITIES[:1]:
            data = _saved(picture, form, quality)
            if max_bytes is None or len(data) <= max_bytes:
                return data, picture.size
        edge = int(max(picture.size) * 0.7)
        if edge < LEAST_EDGE:
            return data, picture.size
        picture = _resized(picture, edge)


def _saved(picture: Image.Image, form: str, quality: int) -> bytes:
    how: dict[str, Any] = {"quality": quality} if form != "png" else {}  # Any: Pillow's keywords
    if form == "webp":
        how["method"] = WEBP_METHOD
    out = BytesIO()
    picture.save(out, form.upper(), **how)
    return out.getvalue()


def _hash(picture: Image.Image) -> str:
    """SHA-256 of mode, size and pixels."""
    width, height = picture.size
    found = hashlib.sha256(f"{picture.mode} {width}x{height} ".encode())
    rows = max(1, STRIP_BYTES // (width * 4))
    for top in range(0, height, rows):  # so that no second copy of it is made
        found.update(picture.crop((0, top, width, min(height, top + rows))).tobytes())
    return found.hexdigest()


def _limit_memory() -> None:
    with suppress(ImportError, OSError, ValueError):
        import resource  # platform only

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    main()
