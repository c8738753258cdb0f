"""The pictures inside a G-code, as they are stored."""

import base64
import binascii
import re
from pathlib import Path

from agent.shared.errors import Invalid, NotFound
from agent.slicer.gcode.blocks import MIMES
from agent.slicer.gcode.windows import WINDOW_BYTES
from agent.slicer.rules import Thumbnail

MOST_BYTES = 8 << 20
TAGS = {mime: tag for tag, mime in MIMES.items()}


def thumbnail_bytes(path: Path, wanted: Thumbnail) -> bytes:
    """Raises NotFound where the file has no such picture, Invalid where it cannot be decoded.

    How long the picture says that it is does not matter: it ends where its block ends."""
    begin = re.compile(
        rb"^;[ \t]*thumbnail%b begin[ \t]+%d[x ]%d[ \t]+\d+[^\n]*\n"
        % (TAGS[wanted.mime], wanted.width, wanted.height),
        re.MULTILINE,
    )
    with path.open("rb") as file:
        for start in _starts(file.seek(0, 2)):
            file.seek(start)
            if match := begin.search(part := file.read(WINDOW_BYTES).replace(b"\r", b"")):
                text = part[match.end() :]
                if b"thumbnail" not in text:  # it goes on behind the window
                    text += file.read(MOST_BYTES).replace(b"\r", b"")
                return _picture(text, path.name)
    raise NotFound(
        "no-such-thumbnail",
        f"{path.name} holds no picture of {wanted.width} by {wanted.height} pixels.",
    )


def _starts(size: int) -> tuple[int, ...]:
    return (0, size - WINDOW_BYTES) if size > WINDOW_BYTES else (0,)


def _picture(text: bytes, name: str) -> bytes:
    lines = []
    for line in text.split(b"\n"):
        if not line.startswith(b";") or b"thumbnail" in line:
            break
        lines.append(line[1:].strip())
    try:
        return base64.b64decode(b"".join(lines), validate=True)
    except binascii.Error as err:
        raise Invalid("broken-picture", f"A picture in {name} cannot be decoded.") from err
