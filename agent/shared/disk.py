"""What files and folders take, and how they become safe on the disk. Everything here blocks."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agent.shared.errors import NoSpace, OrcaError, Unavailable

FULL = {28, 122}  # ENOSPC, EDQUOT
TOO_LARGE = 27  # EFBIG: a limit of the file system or of the process


def files_in(folder: Path) -> Iterator[tuple[Path, int]]:
    """Every file below the folder with its size. What vanishes meanwhile is left out, links are
    not followed."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        with suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                yield from files_in(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                yield Path(entry.path), entry.stat(follow_symlinks=False).st_size


def settle_folder(folder: Path) -> None:
    """Waits until the disk knows which names stand in the folder, where systems can tell."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def settle_file(file: Path) -> None:
    """Waits until the disk has the file."""
    with file.open("r+b") as opened:
        os.fsync(opened.fileno())


def check_room(folder: Path, needed_bytes: int, what: str) -> None:
    """Raises NoSpace if there is less free than that; `what` begins the sentence."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise NoSpace(
            "disk-full",
            f"{what} needs {needed_bytes / 1e6:.1f} MB, and the disk of the data folder has "
            f"{free / 1e6:.1f} MB free. Free some space and try again.",
            needed_bytes=needed_bytes,
            free_bytes=free,
        )


def unwritable(err: OSError, what: str) -> OrcaError:
    """The error for a person; `what` begins the sentence, such as "The backup"."""
    if err.errno in FULL or err.errno == TOO_LARGE:
        return NoSpace(
            "disk-full",
            f"{what} was not written: the disk of the data folder is full. Nothing that was kept "
            "is lost. Free some space and try again.",
        )
    reason = err.strerror or type(err).__name__
    return Unavailable("data-unwritable", f"{what} was not written: {reason}.")
