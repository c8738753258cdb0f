"""What counts as a picture, told by its first bytes."""

import re

LIMIT_BYTES = 32 * 1024 * 1024
LIMIT_PIXELS = 120_000_000
PILLOW_FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
}
HASH = re.compile(r"[0-9a-f]{64}")


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
    return None
