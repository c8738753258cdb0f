"""What a doctor finds, and how it tells people on a terminal and programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import typer

from agent.shared.command_line import clean, echo_json, sayable


class State(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    WRONG = "wrong"


SIGNS = {
    State.GOOD: ("✓", "+", "green"),
    State.WARNING: ("!", "!", "yellow"),
    State.WRONG: ("✗", "x", "red"),
}
TOLD = ("name", "state", "text", "fix")


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


def show(check: Check, fix: str) -> None:
    """A line for people, and one more where there is something to do. `fix` is the check's, with
    its commands as they are called from here."""
    sign, plain, colour = SIGNS[check.state]
    shown = typer.style(sayable(sign, plain), fg=colour)
    typer.echo(f"{shown} {check.name:<12} {clean(check.text)}")
    if fix:
        typer.echo(f"  {'':<12} {sayable('→', '->')} {clean(fix)}")


def end(found: Sequence[Check], *, as_json: bool) -> int:
    """Tells programs all of it, and answers the exit code: 1 if anything is wrong."""
    if as_json:
        echo_json([{name: getattr(check, name) for name in TOLD} for check in found])
    return 1 if any(check.state is State.WRONG for check in found) else 0
