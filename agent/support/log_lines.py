"""The agent's log as it lies on the disk: entries, newest first, and those that are being added.

A place in the log is the number of a file and an offset in it: a file that is turned over keeps
its number, so that a reader goes on where it was."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from agent.shared.cursors import not_handed_out
from agent.shared.logs import FILE_NAME, KEPT_FILES
from agent.shared.redaction import redacted

LEVELS = ("debug", "info", "warning", "error", "critical")
KNOWN = ("timestamp", "level", "logger", "event", "message", "exception")
BLOCK_BYTES = 64 * 1024
LONGEST_BYTES = 256 * 1024
READ_AT_MOST_BYTES = 32 << 20  # of a log, in search of what somebody looks for
SINCE = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. `details` are the fields that came with it."""

    timestamp: str
    level: str
    logger: str
    message: str
    details: dict[str, object] = field(default_factory=dict)
    exception: str | None = None

    def is_at_least(self, level: str) -> bool:
        known = self.level if self.level in LEVELS else "info"
        return LEVELS.index(known) >= LEVELS.index(level)

    def has(self, words: str) -> bool:
        """Whether every word stands somewhere in it, in any case."""
        text = f"{self.logger} {self.message} {self.details or ''} {self.exception or ''}"
        text = text.casefold()
        return all(word in text for word in words.casefold().split())

    @property
    def number(self) -> int:
        """Grows with time: microseconds, in 15 digits."""
        try:
            since = datetime.fromisoformat(self.timestamp) - SINCE
        except (ValueError, TypeError):
            return 0
        return max(0, since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds)


def entry_of(line: bytes) -> Entry | None:
    """None for an empty line. What is no JSON is a message as it stands."""
    text = line[:LONGEST_BYTES].decode("utf-8", "replace").strip()
    if not text:
        return None
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return Entry("", "info", "", redacted(text))
    exception = said.get("exception")
    return Entry(
        str(said.get("timestamp", "")),
        str(said.get("level", "info")),
        str(said.get("logger", "")),
        str(said.get("event", "")),
        {key: value for key, value in said.items() if key not in KNOWN},
        str(exception) if exception else None,
    )


def page(
    folder: Path, *, level: str, words: str, cursor: str | None, limit: int
) -> tuple[list[Entry], str | None]:
    """Newest first, behind the cursor; and the cursor of what is older. Blocks.

    Raises Malformed for a cursor that is not ours."""
    found: list[Entry] = []
    read, place = 0, cursor
    for entry, place, size in _backwards(folder, cursor):
        read += size
        if entry is not None and entry.is_at_least(level) and entry.has(words):
            found.append(entry)
        if len(found) >= limit or read > READ_AT_MOST_BYTES:
            return found, place
    return found, None


def _backwards(folder: Path, cursor: str | None) -> Iterator[tuple[Entry | None, str, int]]:
    """Each line with its place and size, from the newest to the oldest."""
    number, end = _read_cursor(cursor)
    is_behind = number is None
    for name in (FILE_NAME, *(f"{FILE_NAME}.{older}" for older in range(1, KEPT_FILES))):
        with suppress(OSError), (folder / name).open("rb") as source:
            facts = os.fstat(source.fileno())
            if not is_behind and facts.st_ino != number:
                continue
            upto = facts.st_size if is_behind else min(end, facts.st_size)
            is_behind = True
            for start, line in _lines_before(source.fileno(), upto):
                yield entry_of(line), f"{facts.st_ino}-{start}", len(line) + 1


def _lines_before(descriptor: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines and where they begin, from the end on. A half line at the end is left out."""
    held, at, is_first = b"", end, True
    while at > 0:
        size = min(BLOCK_BYTES, at)
        at -= size
        os.lseek(descriptor, at, os.SEEK_SET)
        held, *lines = (os.read(descriptor, size) + held).split(b"\n")
        start = at + len(held) + 1 + sum(len(line) + 1 for line in lines)
        for line in reversed(lines):
            start -= len(line) + 1
            if not is_first:  # behind the last line end there is nothing, or half a line
                yield start, line
            is_first = False
        held = held[-LONGEST_BYTES:]
    if held and not is_first:
        yield 0, held


def _read_cursor(cursor: str | None) -> tuple[int | None, int]:
    if not cursor:
        return None, 0
    number, _, offset = cursor.partition("-")
    if number.isdecimal() and offset.isdecimal() and len(cursor) <= 60:
        return int(number), int(offset)
    raise not_handed_out()


class Tail:
    """What is added to the log from now on, across the change to a new file. Blocks briefly."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE_NAME
        self._number, self._offset, self._half = 0, 0, b""
        with suppress(OSError):
            facts = self._file.stat()
            self._number, self._offset = facts.st_ino, facts.st_size

    def fresh(self) -> list[Entry]:
        """What has come since the last time."""
        entries: list[Entry] = []
        with suppress(OSError):
            if self._file.stat().st_ino != self._number:
                older = self._file.with_name(f"{FILE_NAME}.1")
                with suppress(OSError):
                    if older.stat().st_ino == self._number:
                        entries += self._read(older)
                self._number, self._offset, self._half = self._file.stat().st_ino, 0, b""
            entries += self._read(self._file)
        return entries

    def _read(self, file: Path) -> list[Entry]:
        with file.open("rb") as source:
            size = os.fstat(source.fileno()).st_size
            if size < self._offset:  # somebody emptied it
                self._offset, self._half = 0, b""
            source.seek(self._offset)
            raw = source.read(READ_AT_MOST_BYTES)
        self._offset += len(raw)
        *whole, self._half = (self._half + raw).split(b"\n")
        if len(self._half) > LONGEST_BYTES:
            self._half = b""
        return [entry for line in whole if (entry := entry_of(line))]
