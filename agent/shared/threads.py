"""Threads beside the loop."""

import os
import sys
from contextlib import suppress


def step_aside() -> None:
    """The calling thread no longer takes a processor from one that runs, which here is the loop
    that has just given it work: it begins on another one, or once the loop waits for something.

    On Linux (SCHED_BATCH, sched(7)); elsewhere, and where that is forbidden, nothing changes."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
