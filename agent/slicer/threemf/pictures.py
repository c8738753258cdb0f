"""The pictures of a project's plates, as they stand in it."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from agent.shared.errors import NotFound
from agent.slicer.rules import Thumbnail
from agent.slicer.threemf.archive import Archive, open_archive

PictureKind = Literal["plate", "small", "no_light", "top", "pick"]

MOST_BYTES = 16 << 20
NAMES: dict[PictureKind, str] = {
    "plate": "Metadata/plate_{}.png",
    "small": "Metadata/plate_{}_small.png",
    "no_light": "Metadata/plate_no_light_{}.png",
    "top": "Metadata/top_{}.png",
    "pick": "Metadata/pick_{}.png",
}
ALONE = "Metadata/thumbnail.png"  # of slicers that know one plate
NUMBERED = re.compile(r"Metadata/plate_(\d{1,4})(_small)?\.png")
PNG = b"\x89PNG\r\n\x1a\n"


def plate_picture(path: Path, plate: int, kind: PictureKind = "plate") -> bytes:
    """Raises NotFound for a picture that there is not, Invalid for a file that is spoilt."""
    with open_archive(path) as archive:
        content = archive.read(NAMES[kind].format(plate), most=MOST_BYTES)
        if content is None and kind == "plate" and plate == 1:
            content = archive.read(ALONE, most=MOST_BYTES)
    if content is None:
        raise NotFound("no-thumbnail", f"Plate {plate} has no such picture in the file.")
    return content


def picture_of(path: Path, thumbnail: Thumbnail) -> bytes:
    """The picture that `read_3mf` told of. Raises as `plate_picture`."""
    with open_archive(path) as archive:
        for known, name in pictures(archive):
            if known == thumbnail and (content := archive.read(name, most=MOST_BYTES)):
                return content
    raise NotFound("no-thumbnail", "The file holds no such picture.")


def pictures(archive: Archive) -> Iterator[tuple[Thumbnail, str]]:
    """Every plate's picture with the member that it is, by plate, the large one first."""
    found = [
        (int(match[1]), bool(match[2]), name)
        for name in archive.members
        if (match := NUMBERED.fullmatch(name))
    ]
    if not found and ALONE in archive.members:
        found = [(1, False, ALONE)]
    for plate, _, name in sorted(found):
        if size := _size(archive.head(name, most=24)):
            yield Thumbnail(*size, "image/png", plate), name


def _size(head: bytes) -> tuple[int, int] | None:
    if len(head) < 24 or not head.startswith(PNG):
        return None
    width, height = struct.unpack(">2L", head[16:24])
    return int(width), int(height)
