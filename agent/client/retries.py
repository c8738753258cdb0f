"""When a request is sent again, and after how long."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from agent.client.problems import (
    AgentError,
    Busy,
    ConnectionLost,
    Denied,
    NoAnswerInTime,
    NotRunning,
)
from agent.shared.clock import random_fraction

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
RETRIED = {429, 503}


def may_repeat(err: AgentError, *, is_repeatable: bool) -> bool:
    """Whether sending once more can help and cannot do the same thing twice.

    What never arrived was not done, nor was what was refused until later."""
    if isinstance(err, NoAnswerInTime):
        return False
    if isinstance(err, ConnectionLost):
        return is_repeatable
    if isinstance(err, Busy) and err.status in RETRIED:
        return is_repeatable or err.retry_after is not None
    return isinstance(err, NotRunning)


def pause_s(failures: int, fraction: float, longest_s: float = LONGEST_PAUSE_S) -> float:
    """How long to wait after this many failures in a row: twice as long each time, and never
    quite the same, so that many clients do not come back at once."""
    return min(FIRST_PAUSE_S * 2.0 ** min(failures - 1, 16), longest_s) * (0.5 + fraction / 2)


@dataclass(slots=True)
class Attempts:
    """One call's patience. `retry_s` is how long after the first try another may begin."""

    retry_s: float
    is_repeatable: bool = True
    looks_up: bool = False  # whether another token may stand in agent.json by now
    monotonic: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random_fraction
    _failures: int = 0
    _gives_up_at: float = 0.0

    def __post_init__(self) -> None:
        self._gives_up_at = self.monotonic() + self.retry_s

    def pause(self, err: AgentError) -> float:
        """Seconds until the next try. Raises `err` where there is none."""
        if self.looks_up and isinstance(err, Denied) and err.status == 401:
            self.looks_up = False
            return 0.0
        if not may_repeat(err, is_repeatable=self.is_repeatable):
            raise err
        self._failures += 1
        pause = pause_s(self._failures, self.chance())
        if err.retry_after is not None:
            pause = err.retry_after * (1 + self.chance() / 10)
        if self.monotonic() + pause > self._gives_up_at:
            raise err
        return pause
