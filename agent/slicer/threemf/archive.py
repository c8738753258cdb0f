"""A 3MF as a hostile zip: looked through before it is opened, and never unpacked.

What is read of a member is bounded by the reader, whatever the archive says of its size."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from agent.shared.errors import Invalid

MOST_MEMBERS = 20_000
MOST_DIRECTORY_BYTES = 4 << 20  # so much is read into memory, whatever count of files is told
MOST_MEMBER_BYTES = 8 << 30
MOST_BYTES = 16 << 30
MOST_RATIO = 400  # deflate cannot do more than 1032; a model's XML comes to about 20
RATIO_FROM_BYTES = 16 << 20
NAME_CHARACTERS = 512

END = struct.Struct("<4s4H2LH")
END_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR = struct.Struct("<4sLQL")
SPOILT = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error, ValueError)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Archive:
    """The members of an archive that was found harmless."""

    def __init__(self, opened: zipfile.ZipFile) -> None:
        self._zip = opened
        self.members: Mapping[str, zipfile.ZipInfo] = {
            info.filename: info for info in opened.infolist()
        }

    def read(self, name: str, *, most: int) -> bytes | None:
        """A member, or None if there is none of this name. Raises Invalid for one that is
        spoilt, or larger than `most`."""
        if name not in self.members:
            return None
        with self.open(name) as member:
            content = member.read(most + 1)
        if len(content) > most:
            raise Invalid("unsafe-archive", f"{shown(name)} in the 3MF is larger than it may be.")
        return content

    def head(self, name: str, *, most: int) -> bytes:
        """How a member begins. Raises Invalid for one that is spoilt."""
        with self.open(name) as member:
            return member.read(most)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A member to be read bit by bit. Raises Invalid, also within the block, for one that is
        spoilt."""
        try:
            with self._zip.open(self.members[name]) as member:
                yield member
        except (*SPOILT, RuntimeError) as err:
            raise spoilt(name) from err


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Raises Invalid for what is no zip, is cut off, or was made to do harm."""
    with path.open("rb") as file:
        _check_directory(file)
        try:
            opened = zipfile.ZipFile(file)
        except SPOILT as err:
            raise _no_zip() from err
        with opened:
            _check_members(opened.infolist())
            yield Archive(opened)


def spoilt(name: str) -> Invalid:
    """The error of a member that cannot be read."""
    return Invalid("bad-archive", f"{shown(name)} in the 3MF is damaged. Export the file again.")


def shown(name: str) -> str:
    """A member's name, for a sentence."""
    return "".join(char if char.isprintable() else "?" for char in name[:80])


def _check_directory(file: IO[bytes]) -> None:
    """Before the directory is read into memory: how large it says that it is."""
    size = file.seek(0, 2)
    start = max(0, size - END.size - 0xFFFF)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < END.size:
        raise _no_zip()
    _, _, _, _, count, length, _, _ = END.unpack_from(tail, at)
    if told := list(_told_in_64(file, start + at)):
        # All ones in the small record are no number, but a word for: see the large one.
        told.append((count % 0xFFFF, length % 0xFFFFFFFF))
        count, length = (max(each) for each in zip(*told, strict=True))
    if count > MOST_MEMBERS or length > MOST_DIRECTORY_BYTES:
        raise _harmful(f"it holds {count} files")


def _told_in_64(file: IO[bytes], at: int) -> Iterator[tuple[int, int]]:
    """The records that a reader may go by: where the locator says that one is, and right before
    the locator. Readers look there whether the small record sends them or not."""
    if at < LOCATOR.size:
        return
    file.seek(at - LOCATOR.size)
    signature, _, where, _ = LOCATOR.unpack(file.read(LOCATOR.size))
    if signature != b"PK\x06\x07":
        return
    found = False
    for place in (where, at - LOCATOR.size - END_64.size):
        if not 0 <= place <= at:
            continue
        file.seek(place)
        record = file.read(END_64.size)
        if len(record) == END_64.size and record.startswith(b"PK\x06\x06"):
            fields = END_64.unpack(record)
            found = True
            yield fields[7], fields[8]
    if not found:
        raise _no_zip()


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MOST_MEMBERS:
        raise _harmful(f"it holds {len(members)} files")
    names: set[str] = set()
    total = end = 0
    for info in sorted(members, key=lambda one: one.header_offset):
        if wrong := _wrong_with(info):
            raise _harmful(f"{shown(info.orig_filename)} {wrong}")
        if (name := info.filename.casefold()) in names:
            raise _harmful(f"{shown(info.filename)} is in it twice")
        names.add(name)
        if info.header_offset < end:
            raise _harmful(f"{shown(info.filename)} lies over another file")
        end = info.header_offset + info.compress_size
        total += info.file_size
    if total > MOST_BYTES:
        raise _harmful(f"unpacked it would have {total >> 30} GiB")


def _wrong_with(info: zipfile.ZipInfo) -> str | None:
    """What no 3MF of a slicer has."""
    most = max(RATIO_FROM_BYTES, info.compress_size * MOST_RATIO)
    faults = (
        (_leads_out(info.orig_filename), "leads out of it"),
        (stat.S_ISLNK(info.external_attr >> 16), "is a link"),
        (info.flag_bits & 0x1, "is encrypted"),
        (info.compress_type not in METHODS, "is packed in a way that a 3MF has not"),
        (info.file_size > MOST_MEMBER_BYTES, "is far too large"),
        (info.file_size > most, "would become far larger than it is"),
    )
    return next((said for is_wrong, said in faults if is_wrong), None)


def _leads_out(name: str) -> bool:
    if not name or len(name) > NAME_CHARACTERS or "\0" in name or "\\" in name:
        return True
    parts = name.split("/")
    return name.startswith("/") or ".." in parts or ":" in parts[0]


def _no_zip() -> Invalid:
    return Invalid("bad-archive", "The file is no 3MF, or is cut off. Export it again.")


def _harmful(why: str) -> Invalid:
    return Invalid("unsafe-archive", f"The 3MF is not opened: {why}.")
