"""The G-code of a sliced plate: where it lies in a 3MF, and a copy of it outside. Blocking."""

import re
from collections.abc import Callable
from pathlib import Path

from agent.shared.errors import Conflict, TooLarge
from agent.slicer.threemf.archive import Archive, open_archive

NAMED = re.compile(r"Metadata/plate_([1-9]\d{0,3})\.gcode")
MOST_BYTES = 4 << 30
BLOCK_BYTES = 1 << 20


def member_of(plate: int) -> str:
    """What the G-code of a plate is called in the archive."""
    return f"Metadata/plate_{plate}.gcode"


def plates_with_gcode(archive: Archive) -> tuple[int, ...]:
    """Counted from 1, the first one first."""
    found = [
        int(match[1])
        for name, info in archive.members.items()
        if info.file_size and (match := NAMED.fullmatch(name))
    ]
    return tuple(sorted(found))


def choose_plate(path: Path, plate: int | None, shown: str) -> int:
    """The plate that is asked for, or the first that is sliced; `shown` is the file's name.

    Raises Conflict where it has no G-code, Invalid for what is no 3MF, OSError for what cannot be
    read."""
    with open_archive(path) as archive:
        able = plates_with_gcode(archive)
    if not able:
        raise Conflict(
            "nothing-to-analyse",
            f"{shown} is a project without G-code. Slice it first, then send the sliced file: "
            "that has moves.",
        )
    if plate is not None and plate not in able:
        raise Conflict(
            "nothing-to-analyse",
            f"Plate {plate} of {shown} has no G-code. Slice it first and send the file again, or "
            f"choose one that is sliced: {', '.join(map(str, able))}.",
        )
    return plate or able[0]


def copy_plate(
    path: Path,
    plate: int,
    write: Callable[[bytes], object],
    *,
    most: int = MOST_BYTES,
    tell: Callable[[float], object] = lambda share: None,
    is_wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Hands the plate's G-code to `write` block by block, as long as it `is_wanted`.

    Never more than `most` bytes, whatever the archive says of its size. Raises TooLarge, Invalid
    for an archive that is spoilt or was made to do harm, OSError, and what `write` does."""
    with open_archive(path) as archive:
        name, done = member_of(plate), 0
        if name not in archive.members:
            raise Conflict("nothing-to-analyse", f"Plate {plate} has no G-code. Slice it first.")
        size = archive.members[name].file_size
        if size > most:
            raise _too_large(plate, most)
        with archive.open(name) as member:
            while is_wanted() and (block := member.read(BLOCK_BYTES)):
                done += len(block)
                if done > most:
                    raise _too_large(plate, most)
                write(block)
                tell(min(done / max(size, 1), 1.0))


def _too_large(plate: int, most: int) -> TooLarge:
    return TooLarge(
        "plate-too-large",
        f"Unpacked, the G-code of plate {plate} is larger than the {most >> 20} MiB that a file "
        "may have.",
    )
