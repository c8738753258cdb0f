"""The files themselves, each named by its id. What is being written has another name until it
is whole."""

import hashlib
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from agent.shared.errors import NoSpace, OrcaError, Unavailable
from agent.slicer.files.failures import no_file
from agent.slicer.files.rules import END_BYTES, ENDINGS
from agent.slicer.rules import Kind

PART = ".part"
ID = re.compile(r"[0-9A-Za-z-]+")


class Part:
    """A file that is being written. Every method blocks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self.head = b""
        self._hash = hashlib.sha256()
        # Without a buffer: blocks are large, and what was written is the kernel's at once.
        self._file = path.open("xb", buffering=0)

    def write(self, chunks: Iterable[bytes]) -> None:
        """Raises NoSpace or Unavailable."""
        for chunk in chunks:
            if not self.size_bytes:
                self.head = chunk[:16]
            try:
                written = self._file.write(chunk)
                while written < len(chunk):
                    written += self._file.write(chunk[written:])
            except OSError as err:
                raise _unwritten(err) from err
            self._hash.update(chunk)
            self.size_bytes += len(chunk)

    def finish(self) -> str:
        """Closes it; says its SHA-256. No crash of a program can take it back from here on.

        Raises NoSpace or Unavailable."""
        try:
            self._file.close()
        except OSError as err:
            raise _unwritten(err) from err
        return self._hash.hexdigest()

    def discard(self) -> None:
        """Nothing of it stays."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


class Folder:
    """Every method blocks, most for less than a millisecond."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, file_id: str, kind: Kind) -> Path:
        """Raises NotFound for what is no id, and so could lead elsewhere."""
        if not ID.fullmatch(file_id):
            raise no_file()
        return self._folder / f"{file_id}{ENDINGS[kind]}"

    def begin(self, file_id: str) -> Part:
        """Raises NoSpace or Unavailable."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return Part(self._folder / f"{file_id}{PART}")
        except OSError as err:
            raise _unwritten(err) from err

    def keep(self, part: Part, file_id: str, kind: Kind) -> Path:
        """Gives a finished part its own name. Raises NoSpace or Unavailable."""
        path = self.path(file_id, kind)
        try:
            part.path.replace(path)
        except OSError as err:
            raise _unwritten(err) from err
        return path

    def settle(self, path: Path) -> None:
        """Waits until the disk has it, so that no power cut can take it back either."""
        with suppress(OSError), path.open("r+b") as file:
            os.fsync(file.fileno())

    def keep_ends(self, source: Path, file_id: str, kind: Kind) -> Path:
        """Copies the first and the last megabyte. Raises OSError, NoSpace or Unavailable."""
        with source.open("rb") as file:
            head = file.read(END_BYTES)
            file.seek(max(file.tell(), file.seek(0, os.SEEK_END) - END_BYTES))
            tail = file.read(END_BYTES)
        part = self.begin(file_id)
        try:
            part.write([head, tail])
            part.finish()
            return self.keep(part, file_id, kind)
        except OrcaError:
            part.discard()
            raise

    def remove(self, file_ids: Iterable[str]) -> None:
        for file_id in filter(ID.fullmatch, file_ids):
            for ending in ENDINGS.values():
                with suppress(OSError):
                    (self._folder / f"{file_id}{ending}").unlink(missing_ok=True)

    def ids(self) -> set[str]:
        """Of the whole files that lie here."""
        return {
            path.name.removesuffix(ending)
            for ending in ENDINGS.values()
            for path in self._folder.glob(f"*{ending}")
        }

    def remove_parts(self) -> int:
        """Removes what was never whole; says how many. To be called when nothing is written."""
        parts = list(self._folder.glob(f"*{PART}"))
        for path in parts:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        return len(parts)


def _unwritten(err: OSError) -> OrcaError:
    if err.errno in {28, 122}:  # ENOSPC, EDQUOT
        return NoSpace(
            "disk-full",
            "The disk that holds the agent's data is full, so the file was not kept. "
            "Free some space and send it again.",
        )
    return Unavailable("slicer-files-unwritable", "The folder of sliced files cannot be written.")
