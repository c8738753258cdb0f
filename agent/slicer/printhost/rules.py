"""What becomes of a file that was sent to a printer: its states, and when it waits for a click."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from agent.slicer.rules import Finding, Severity

DEFAULT_PRINTER = "default"
Hold = Literal["always", "blocking", "never"]
Reason = Literal["blocking", "setting", "unchecked"]
JobSource = Literal["octoprint", "moonraker", "panel"]


class JobState(StrEnum):
    """`received` is final where there is no printer to send to; while a job is `checking`, every
    move of its file is read; `waiting` is for the printer."""

    RECEIVED = "received"
    CHECKING = "checking"
    HELD = "held"
    WAITING = "waiting"
    FORWARDING = "forwarding"
    FORWARDED = "forwarded"
    FAILED = "failed"
    REJECTED = "rejected"
    INTERRUPTED = "interrupted"


# Somebody or something still has to act: their files stay, whatever the history's bounds.
OPEN = (
    JobState.CHECKING,
    JobState.HELD,
    JobState.WAITING,
    JobState.FORWARDING,
    JobState.FAILED,
    JobState.INTERRUPTED,
)
ON_ITS_WAY = (JobState.WAITING, JobState.FORWARDING)
# The states in which a click sends it, and those in which one puts it away.
OFFERED = (JobState.HELD, JobState.FAILED, JobState.INTERRUPTED)
REJECTABLE = (JobState.CHECKING, *OFFERED)


@dataclass(frozen=True, slots=True)
class Job:
    """One file for one printer. Times are RFC 3339; `reason` says why it is, or was, held.

    `run_id` is of what reads its moves, then of what sends it."""

    id: str
    file_id: str
    printer: str
    wants_print: bool
    source: JobSource
    state: JobState
    created_at: str
    changed_at: str
    plate: int | None = None
    reason: Reason | None = None
    run_id: str | None = None
    problem: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A printer, as far as the question is what happens to its files."""

    id: str
    name: str
    hold: Hold = "blocking"


def held_because(findings: Iterable[Finding], hold: Hold, *, is_read: bool = True) -> Reason | None:
    """Why the file waits for a click, None if it goes on at once. `is_read`: all its moves were.

    Whether it shall be printed makes no difference: what lies on a printer can be started there
    without anybody seeing the report."""
    if hold == "never":
        return None
    if any(finding.severity is Severity.BLOCKING for finding in findings):
        return "blocking"
    if not is_read:
        return "unchecked"
    return "setting" if hold == "always" else None


def first_state(target: Target, reason: Reason | None, *, is_read: bool) -> JobState:
    """Of a job whose file has come."""
    if target.id == DEFAULT_PRINTER:
        return JobState.RECEIVED
    if not is_read and target.hold != "never":
        return JobState.CHECKING
    return JobState.HELD if reason else JobState.WAITING
