"""One finding of doctor."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `fix` is a sentence about what to do; empty where all is well. `brief` stands
    for both in a report to others, where they name what the user chose."""

    name: str
    state: State
    text: str
    fix: str = ""
    brief: str = ""


def good(name: str, text: str) -> Check:
    """All is well."""
    return Check(name, State.GOOD, text)


def warning(name: str, text: str, fix: str) -> Check:
    """It could be better."""
    return Check(name, State.WARNING, text, fix)


def wrong(name: str, text: str, fix: str) -> Check:
    """It does not work."""
    return Check(name, State.WRONG, text, fix)
