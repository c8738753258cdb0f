"""What counts as a picture, told by its first bytes; how it is shrunk; what the cache lets go."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

LIMIT_BYTES = 32 * 1024 * 1024
LIMIT_PIXELS = 120_000_000
LIMIT_EDGE = 16_383  # the longest that WebP can say
PNG_STAYS_BYTES = 512 * 1024
PILLOW_FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/heic": "HEIF",
}
SAME_FORMAT: "dict[str, Format]" = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/webp": "webp",
    "image/gif": "png",
    "image/heic": "jpeg",
}
LOSSLESS = ("image/png", "image/gif")
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
HASH = re.compile(r"[0-9a-f]{64}")

Format = Literal["jpeg", "png", "webp"]


@dataclass(frozen=True, slots=True)
class Shrink:
    """How a picture is made smaller: the longest edge in pixels and the most bytes.

    `format` None is that of the original, or its nearest. With `png_stays` a PNG or GIF that is
    small already stays PNG, since drawings and screenshots suffer in JPEG."""

    max_edge: int = LIMIT_EDGE
    max_bytes: int | None = None
    format: Format | None = None
    png_stays: bool = False

    @property
    def text(self) -> str:
        """The same for the same parameters; part of the cache's keys."""
        stays = "-png-stays" if self.png_stays else ""
        return f"{self.format or 'same'}-{self.max_edge}-{self.max_bytes or 'any'}{stays}"


@dataclass(frozen=True, slots=True)
class Variant:
    """A picture made of another: upright, without metadata; sizes in pixels."""

    data: bytes
    mime: str
    width: int
    height: int


def mime_of(data: bytes) -> str | None:
    """The type of a picture by its magic number; None if it is none that we take."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    # AVIF is built of the same boxes, and says so among the brands that follow.
    if data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS and b"avif" not in data[8:64]:
        return "image/heic"
    return None


def fitted(width: int, height: int, max_edge: int) -> tuple[int, int]:
    """The size at which the longer edge is `max_edge`; never larger than it is, never nothing."""
    longer = max(width, height)
    if longer <= max_edge:
        return width, height
    return (
        max(1, round(width * max_edge / longer)),
        max(1, round(height * max_edge / longer)),
    )


def surplus(oldest_first: Iterable[tuple[int, int]], total: int, limit: int) -> list[int]:
    """Which of these (id, bytes) have to go until `total` bytes are within the limit."""
    gone: list[int] = []
    entries = iter(oldest_first)
    while total > limit and (entry := next(entries, None)) is not None:
        gone.append(entry[0])
        total -= entry[1]
    return gone


def is_current(used_at: float, now: float, age: float) -> bool:
    """Whether something used then may still be handed out. Seconds since the epoch.

    What was used in the future was written before the clock was put back: nobody knows its age."""
    return now - age < used_at <= now + 1
