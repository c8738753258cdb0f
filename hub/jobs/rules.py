"""What becomes of a job: when it is tried again, and when it is given up."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

State = Literal["queued", "running", "done", "failed", "cancelled"]
LIVING: tuple[State, ...] = ("queued", "running")
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=10)
SOONEST = timedelta(minutes=1)
WORKER_DIED = "The worker that did it has died."


@dataclass(frozen=True, slots=True)
class Doer:
    """A process that does jobs: its id, and what people know it by."""

    id: str
    host: str
    process: int


@dataclass(frozen=True, slots=True)
class Failed:
    """How a job goes on after an attempt that failed."""

    state: State
    run_at: datetime


def after_failure(attempt: int, most: int, now: datetime, chance: float) -> Failed:
    """Twice as late each time, by chance up to half as much again, so that many that failed
    together do not come back together. `chance` is from 0 to 1."""
    if attempt >= most:
        return Failed("failed", now)
    pause = min(FIRST_PAUSE * 2 ** min(attempt - 1, 20), LONGEST_PAUSE)
    return Failed("queued", now + pause * (1 + chance / 2))


def first_time(period: timedelta, now: datetime) -> datetime:
    """Of a periodic job that is new: soon, but not while the program starts."""
    return now + min(period, SOONEST)


def next_time(period: timedelta, now: datetime) -> datetime:
    """After a long pause it runs once, not once for each time that was missed."""
    return now + period
