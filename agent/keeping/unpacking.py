"""Reads a backup, which may come from anywhere: nothing in it is believed before it is checked."""

import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from agent.keeping import rules
from agent.keeping.rules import MANIFEST, MANIFEST_BYTES, Manifest, Member
from agent.keeping.watching import Watch
from agent.shared.errors import Conflict, Invalid, OrcaError

CHUNK_BYTES = 1 << 20
DIRECTORY_BYTES = 64 << 20
END, END64 = b"PK\x05\x06", b"PK\x06\x06"
TAIL_BYTES = 22 + 65_535
MOST_SEGMENT = 0xFFFF_FFFF
ENCRYPTED = 0x1
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
Place = Callable[[str], BinaryIO | None]  # where a member goes; None throws it away


@contextmanager
def opened_backup(file: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """The archive and what it says of itself. Raises Invalid, Conflict and OSError."""
    with _translated(file), zipfile.ZipFile(_bounded(file)) as archive:
        yield archive, manifest_of(archive, file)


def manifest_of(archive: zipfile.ZipFile, file: Path) -> Manifest:
    """Of an archive whose members are exactly those that it lists. Raises Invalid."""
    entries = archive.infolist()
    if len(entries) > rules.MOST_MEMBERS + 1:
        raise _bad(file, "holds more files than a backup can")
    found = {entry.filename: entry for entry in entries}
    if len(found) != len(entries):
        raise _bad(file, "holds a file twice")
    for entry in entries:
        if entry.flag_bits & ENCRYPTED or entry.compress_type not in METHODS:
            raise _bad(file, "is encrypted or packed in a way that backups are not")
    about = found.pop(MANIFEST, None)
    if about is None:
        raise _bad(file, "is no backup of Orca Agents: it has no list of contents")
    if about.file_size > MANIFEST_BYTES:
        raise _bad(file, "has a list of contents that is too long")
    with archive.open(about) as listed:
        text = listed.read(MANIFEST_BYTES + 1)
    try:
        manifest = rules.read(text)
    except ValueError as err:
        raise _bad(file, str(err)) from None
    sizes = {name: entry.file_size for name, entry in found.items()}
    if sizes != {name: member.size_bytes for name, member in manifest.members.items()}:
        raise _bad(file, "does not hold what it lists")
    return manifest


def unpack(file: Path, place: Place, watch: Watch) -> Manifest:
    """Reads every byte and compares it with the list; writes what `place` gives a file for.

    Raises Invalid, Stopped, and OSError for what cannot be written."""
    with opened_backup(file) as (archive, manifest):
        done, total = 0, manifest.size_bytes
        for name, member in manifest.members.items():
            target = place(name)
            try:
                for size in _copied(archive, name, member, target, file):
                    watch("checking", done + size, total)
                if target:
                    target.flush()
                    os.fsync(target.fileno())
            finally:
                if target:
                    target.close()
            done += member.size_bytes
    return manifest


def check(file: Path, watch: Watch) -> Manifest:
    """Reads all of it and keeps nothing. Raises Invalid and Stopped."""
    return unpack(file, lambda _name: None, watch)


def _copied(
    archive: zipfile.ZipFile, name: str, member: Member, target: BinaryIO | None, file: Path
) -> Iterator[int]:
    digest, size = hashlib.sha256(), 0
    with archive.open(name) as source:
        while chunk := source.read(CHUNK_BYTES):
            size += len(chunk)
            if size > member.size_bytes:
                raise _bad(file, "holds more than it lists")
            digest.update(chunk)
            if target:
                target.write(chunk)
            yield size
    if size != member.size_bytes or digest.hexdigest() != member.sha256:
        raise _bad(file, "is damaged: a file in it is not what was put in")


@contextmanager
def _translated(file: Path) -> Iterator[None]:
    try:
        yield
    except OrcaError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError) as err:
        raise _bad(file, "is damaged, or is no zip file") from err
    except (RuntimeError, ValueError, LookupError, OverflowError) as err:
        raise _bad(file, "is damaged") from err


def _bounded(file: Path) -> Path:
    """The same file, if the list of its entries is of a size that fits into memory."""
    with file.open("rb") as source:
        size = source.seek(0, os.SEEK_END)
        source.seek(max(0, size - TAIL_BYTES))
        tail = source.read()
    at, at64 = tail.rfind(END), tail.rfind(END64)
    if at < 0 or len(tail) < at + 22:
        raise zipfile.BadZipFile
    (directory,) = struct.unpack_from("<I", tail, at + 12)
    if directory == MOST_SEGMENT and at64 >= 0:
        (directory,) = struct.unpack_from("<Q", tail, at64 + 40)
    if directory > DIRECTORY_BYTES:
        raise _bad(file, "holds more files than a backup can")
    return file


def _bad(file: Path, what: str) -> OrcaError:
    name = "The backup" if file.name.startswith(".") else file.name
    if "newer version" in what:
        return Conflict("newer-backup", f"{name} {what}.")
    return Invalid("bad-backup", f"{name} {what}.")
