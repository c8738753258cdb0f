"""Pictures as cameras, scanners and ill will make them."""

import random
import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image, PngImagePlugin

ORIENTATION = 0x0112
# How a picture lies in its file, for each way that the camera was held.
LAID = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def corners(size: tuple[int, int] = (48, 32)) -> Image.Image:
    """Red, green, blue and white from the upper left to the lower right."""
    picture = Image.new("RGB", (2, 2))
    for place, colour in (((0, 0), RED), ((1, 0), GREEN), ((0, 1), BLUE), ((1, 1), WHITE)):
        picture.putpixel(place, colour)
    return picture.resize(size, Image.Resampling.NEAREST)


def seen(data: bytes) -> list[tuple[int, ...]]:
    """The colours near the four corners, each channel to the nearest of five steps."""
    picture = Image.open(BytesIO(data)).convert("RGB")
    width, height = picture.size
    places = [(x, y) for y in (height // 4, height * 3 // 4) for x in (width // 4, width * 3 // 4)]
    found = []
    for place in places:
        colour = picture.getpixel(place)
        assert isinstance(colour, tuple)
        found.append(tuple(round(channel / 64) * 64 - (channel > 224) for channel in colour))
    return found


def saved(picture: Image.Image, kind: str, **how: Any) -> bytes:  # Any: Pillow's keywords
    """The picture as a file."""
    out = BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


def held(orientation: int, kind: str) -> bytes:
    """The corners, by a camera that was held so."""
    picture, exif = corners(), Image.Exif()
    exif[ORIENTATION] = orientation
    turn = LAID[orientation]
    laid = picture if turn is None else picture.transpose(turn)
    how = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    return saved(laid, kind, exif=exif, **how)


def telling(kind: str, canary: str) -> bytes:
    """A picture whose every kind of metadata holds the word."""
    exif, how = Image.Exif(), dict[str, Any]()  # Any: Pillow's keywords
    exif[0x010E] = canary
    exif.get_ifd(0x8825)[29] = canary
    if kind == "PNG":
        how["pnginfo"] = PngImagePlugin.PngInfo()
        how["pnginfo"].add_text("Comment", canary)
        how["pnginfo"].add_itxt("XML:com.adobe.xmp", canary)
    else:
        how["xmp"] = canary.encode()
    if kind == "JPEG":
        how["comment"] = canary
    icc = canary.encode() * 10
    return saved(corners(), kind, exif=exif, icc_profile=icc, **how)


def blank_png(width: int, height: int, *, channels: int = 1) -> bytes:
    """A whole, black PNG of that many pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    packer, row = zlib.compressobj(1), bytes(1 + width * channels)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    colour = {1: 0, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def endless_jpeg() -> bytes:
    """A JPEG of a few hundred kilobytes whose last scan is told ten thousand times: minutes."""
    data = saved(Image.new("L", (3000, 3000), 90), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * 10_000 + data[-2:]


def noisy(size: tuple[int, int], kind: str, **how: Any) -> bytes:  # Any: Pillow's keywords
    """A picture that cannot be compressed away."""
    grain = random.Random(1).randbytes(size[0] * size[1] * 3)
    return saved(Image.frombytes("RGB", size, grain), kind, **how)
