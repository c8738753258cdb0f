"""How many requests a minute one caller may send, in a window that moves."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_S = 60.0
REMEMBERED_CALLERS = 256


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller has left. `reset_s` is when one more request is free again."""

    limit: int
    remaining: int
    reset_s: float
    is_granted: bool = True

    @property
    def headers(self) -> dict[str, str]:
        """As clients know them; seconds are whole, and rounded up."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(int(self.reset_s) + 1),
        }


class RateLimit:
    """Counts what was let in, by caller; what was refused does not count. The clock of this is
    the one that never jumps."""

    def __init__(self, per_minute: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.per_minute, self._monotonic = per_minute, monotonic
        self._let_in: dict[str, deque[float]] = {}

    def take(self, caller: str) -> Allowance:
        """Lets one request in, or not."""
        now = self._monotonic()
        times = self._let_in.get(caller)
        if times is None:
            self._forget_idle(now)
            times = self._let_in[caller] = deque()
        while times and times[0] <= now - WINDOW_S:
            times.popleft()
        is_granted = len(times) < self.per_minute
        if is_granted:
            times.append(now)
        left = self.per_minute - len(times)
        return Allowance(self.per_minute, left, times[0] + WINDOW_S - now, is_granted)

    def _forget_idle(self, now: float) -> None:
        if len(self._let_in) >= REMEMBERED_CALLERS:
            alive = {name: times for name, times in self._let_in.items() if _is_alive(times, now)}
            self._let_in = alive


def _is_alive(times: deque[float], now: float) -> bool:
    return bool(times) and times[-1] > now - WINDOW_S
