"""What a file may be called, what it is, and which files are kept: decisions alone."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agent.slicer.rules import Kind

ZIP = b"PK\x03\x04"
NAME_BYTES = 200
END_BYTES = 1 << 20  # what is kept at each end of a file that is not kept whole
UNNAMED = "unnamed"
ENDINGS = {"gcode": ".gcode", "3mf": ".3mf"}
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Kept:
    """A file on disk, as far as the question is whether it stays."""

    id: str
    size_bytes: int


def safe_name(name: str, kind: Kind) -> str:
    """What a file is called here: its last part, without what no file system or screen likes.

    It is shown and sent to printers; nothing on this disk is called so."""
    last = re.split(r"[/\\]", CONTROL.sub("", name))[-1]
    last = SPACES.sub(" ", last).strip(" .")
    if not last.strip("._- "):
        return UNNAMED + ENDINGS[kind]
    return _cut(last)


def kind_of(head: bytes) -> Kind:
    """By its first bytes, whatever its name says."""
    return "3mf" if head.startswith(ZIP) else "gcode"


def without_secrets(settings: Mapping[str, str]) -> dict[str, str]:
    """Where and by which key a printer is reached is nobody's evidence: slicers leave it out of
    their files, too."""
    return {
        key: value
        for key, value in settings.items()
        if not key.startswith(("print_host", "printhost_"))
    }


def surplus(
    newest_first: Sequence[Kept], needed: Iterable[str], *, most_files: int, most_bytes: int
) -> list[str]:
    """The ids of files that go. The newest and those that are needed stay, whatever that takes."""
    stays, gone = set(needed), []
    files = size = 0
    for place, file in enumerate(newest_first):
        files, size = files + 1, size + file.size_bytes
        if place == 0 or file.id in stays:
            continue
        if files > most_files or size > most_bytes:
            gone.append(file.id)
            files, size = files - 1, size - file.size_bytes
    return gone


def _cut(name: str) -> str:
    """Short enough for every file system, with its ending."""
    if len(name.encode()) <= NAME_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 10:
        stem, ending = name, ""
    if stem.endswith(".gcode"):
        stem, ending = stem.removesuffix(".gcode"), f"gcode.{ending}"
    tail = f".{ending}" if ending else ""
    room = NAME_BYTES - len(tail.encode())
    return stem.encode()[:room].decode(errors="ignore") + tail
