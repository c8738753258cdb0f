"""What becomes of a file that was sent to a printer: its states, and when it waits for a click."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from agent.slicer.rules import Finding, Severity

DEFAULT_PRINTER = "default"
Hold = Literal["always", "blocking", "never"]
Reason = Literal["blocking", "setting"]
JobSource = Literal["octoprint", "moonraker", "panel"]


class JobState(StrEnum):
    """`received` is final where there is no printer to send to; `waiting` is for the printer."""

    RECEIVED = "received"
    HELD = "held"
    WAITING = "waiting"
    FORWARDING = "forwarding"
    FORWARDED = "forwarded"
    FAILED = "failed"
    REJECTED = "rejected"
    INTERRUPTED = "interrupted"


# Somebody or something still has to act: their files stay, whatever the history's bounds.
OPEN = (
    JobState.HELD,
    JobState.WAITING,
    JobState.FORWARDING,
    JobState.FAILED,
    JobState.INTERRUPTED,
)
ON_ITS_WAY = (JobState.WAITING, JobState.FORWARDING)
# The states in which a click sends it, or puts it away.
OFFERED = (JobState.HELD, JobState.FAILED, JobState.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class Job:
    """One file for one printer. Times are RFC 3339; `reason` says why it is, or was, held."""

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


def held_because(findings: Iterable[Finding], hold: Hold) -> Reason | None:
    """Why the file waits for a click, None if it goes on at once.

    Whether it shall be printed makes no difference: what lies on a printer can be started there
    without anybody seeing the report."""
    if hold == "never":
        return None
    if any(finding.severity is Severity.BLOCKING for finding in findings):
        return "blocking"
    return "setting" if hold == "always" else None


def first_state(printer: str, reason: Reason | None) -> JobState:
    """Of a job whose file has come."""
    if printer == DEFAULT_PRINTER:
        return JobState.RECEIVED
    return JobState.HELD if reason else JobState.WAITING
