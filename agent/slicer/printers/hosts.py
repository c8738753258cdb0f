"""What every kind of printer can be asked, and the reading of what they answer."""

from collections.abc import Mapping
from typing import Protocol

from agent.slicer.printers.rules import Report, Result, Stored
from agent.slicer.printers.sending import Source

Json = Mapping[str, object]
TEXT_CHARACTERS = 1000  # paths are the longest that is told


class PrinterServer(Protocol):
    """A printer that takes files. All raise errors of agent.shared.errors."""

    async def about(self) -> str:
        """Which program answers there, and its version. Proves address, kind and key."""

    async def report(self) -> Report:
        """What it does now."""

    async def path_of(self, name: str) -> str:
        """Where a file called so will lie there."""

    async def find(self, path: str) -> Stored | None:
        """The file there, if there is one."""

    async def upload(self, source: Source, path: str) -> None:
        """Stores the file, in place of an older one. Starts nothing."""

    async def mark(self, path: str) -> str:
        """What changes once the file was printed; empty where the printer does not tell."""

    async def start(self, path: str) -> None:
        """Orders the print, once."""

    async def result(self, path: str, mark: str) -> Result | None:
        """How the print ended that was ordered when `mark` was so; None while it goes on."""

    async def camera(self) -> str | None:
        """Its own word for where its camera gives single pictures."""

    async def picture(self, url: str) -> bytes:
        """What a camera shows; nothing where it has no picture."""

    async def close(self) -> None:
        """Ends every connection."""


def part(found: object, *names: str) -> Json:
    """The object below these names; an empty one if there is none."""
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def items(found: object) -> list[Json]:
    """The objects of a list."""
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def text(found: object) -> str:
    """A line of text, of what a printer says at no greater length than is ever shown."""
    if not isinstance(found, str):
        return ""
    line = found[:TEXT_CHARACTERS]
    return line if line.isprintable() else "".join(c if c.isprintable() else " " for c in line)


def number(found: object) -> float | None:
    """A number that is one, and finite."""
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if abs(found) < 1e12 else None


def whole(found: object) -> int | None:
    value = number(found)
    return None if value is None else int(value)


def fraction(found: object) -> float | None:
    """A share from 0 to 1."""
    value = number(found)
    return None if value is None else round(min(1.0, max(0.0, value)), 4)
