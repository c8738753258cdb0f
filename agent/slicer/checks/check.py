"""One check: what it is called, how much it matters, and how it looks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from agent.slicer.checks.seen import Found, Seen
from agent.slicer.rules import Severity

LooksAt = Literal["settings", "every move", "the file"]


@dataclass(frozen=True, slots=True)
class Check:
    """`find` gives None where all is well, and where the file does not say enough.

    `looks_at` tells what it needs: `every move` finds nothing before the full pass."""

    id: str
    title: str
    severity: Severity
    looks_at: LooksAt
    find: Callable[[Seen], Found | None]
