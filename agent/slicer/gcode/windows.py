"""The first and the last megabyte of a G-code file, which hold all that it says of itself."""

import re
from dataclasses import dataclass
from pathlib import Path

from agent.shared.errors import Invalid

WINDOW_BYTES = 1 << 20
COMMAND = re.compile(rb"^[ \t]*(?:N[0-9]+[ \t]*)?[GMT][0-9]", re.MULTILINE)
SLICER = re.compile(
    rb"^;[ \t]*(?:(?:G-code )?generated (?:by|with)\b|HEADER_BLOCK_START|FLAVOR:|START_OF_HEADER"
    rb"|CONFIG_BLOCK_START|[A-Za-z]+_config = begin)",
    re.MULTILINE | re.IGNORECASE,
)
COMMENT = re.compile(rb"\n;[^\n]*")  # it begins with a fixed text: found four times as fast
BLANK = b"\0 \t\r\n"
STRANGERS = (
    (b"GCDE", "a binary G-code; switch “Supports binary G-code” off in the printer's settings"),
    (b"PK\x03\x04", "a zip archive, such as a 3MF"),
    (b"\x1f\x8b", "a packed file (gzip); unpack it first"),
    (b"\xff\xfe", "a UTF-16 text; save it as UTF-8"),
    (b"\xfe\xff", "a UTF-16 text; save it as UTF-8"),
)


@dataclass(frozen=True, slots=True)
class Windows:
    """Both ends of a file, with newlines as `\\n`. In a small file they are one, and `tail` is
    empty. `comments` are the lines of each that begin with a semicolon, `notes` sentences on what
    is wrong with the file."""

    head: bytes
    tail: bytes
    comments: tuple[bytes, ...]
    notes: tuple[str, ...] = ()

    @property
    def both(self) -> tuple[bytes, ...]:
        return (self.head, self.tail) if self.tail else (self.head,)


def open_windows(path: Path) -> Windows:
    """Raises Invalid for what is no G-code, OSError for what cannot be read."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(2 * WINDOW_BYTES if size <= 2 * WINDOW_BYTES else WINDOW_BYTES)
        tail = b""
        if size > 2 * WINDOW_BYTES:
            file.seek(size - WINDOW_BYTES)
            tail = file.read(WINDOW_BYTES)
            tail = tail[tail.find(b"\n") + 1 :] if b"\n" in tail else tail
    return windows_of(path.name, head, tail)


def windows_of(name: str, head: bytes, tail: bytes = b"") -> Windows:
    """What was read of the file `name`, put in order. Raises Invalid for what is no G-code."""
    if not head.strip(BLANK) and not tail.strip(BLANK):
        raise Invalid("gcode-empty", f"{name} is empty. Export it from the slicer again.")
    for magic, what in STRANGERS:
        if head.startswith(magic):
            raise Invalid("not-gcode", f"{name} is no G-code: it is {what}.")
    notes = []
    head, zeros_in_head = _without_zeros(head, is_end=not tail)
    tail, zeros_in_tail = _without_zeros(tail, is_end=True)
    if zeros_in_head or zeros_in_tail:
        notes.append(
            "The end of the file is zeros: it was not written to the end. Export it again."
        )
    if b"\0" in head:
        raise Invalid("not-gcode", f"{name} is no G-code: it is a binary file.")
    head, tail = _newlines(head.removeprefix(b"\xef\xbb\xbf")), _newlines(tail)
    if not any(SLICER.search(part) or COMMAND.search(part) for part in (head, tail)):
        raise Invalid(
            "not-gcode", f"{name} is no G-code: it has neither a command nor a slicer's header."
        )
    comments = tuple(_comments(part) for part in (head, tail) if part)
    return Windows(head, tail, comments, tuple(notes))


def _without_zeros(part: bytes, *, is_end: bool) -> tuple[bytes, bool]:
    """What a crash leaves: a file of the right size whose end was never written."""
    if not is_end or not part.endswith(b"\0"):
        return part, False
    return part.rstrip(b"\0"), True


def _comments(part: bytes) -> bytes:
    return b"".join(COMMENT.findall(b"\n" + part)) + b"\n"


def _newlines(part: bytes) -> bytes:
    if b"\r" not in part:
        return part
    return part.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
