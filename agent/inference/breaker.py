"""Leaves a backend alone that keeps failing, and tries it again after a while."""

import time
from collections.abc import Callable
from typing import Literal

BreakerState = Literal["closed", "open", "half-open"]


class Breaker:
    """Closed: every request passes. Open: none does. Half-open, after a rest: one does, and its
    end decides. Each failed trial doubles the rest, up to `longest_s`."""

    def __init__(
        self,
        *,
        threshold: int = 5,
        rest_s: float = 5.0,
        longest_s: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threshold, self._first_s, self._longest_s = threshold, rest_s, longest_s
        self._monotonic = monotonic
        self._failures, self._rest_s = 0, rest_s
        self._opened_at: float | None = None
        self._has_probe = False

    @property
    def state(self) -> BreakerState:
        if self._opened_at is None:
            return "closed"
        return "open" if self.rest_left_s > 0 else "half-open"

    @property
    def rest_left_s(self) -> float:
        """Seconds until it lets one request through; 0 if it would now."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + self._rest_s - self._monotonic())

    @property
    def allows(self) -> bool:
        """Whether a request may go now."""
        state = self.state
        return state == "closed" or (state == "half-open" and not self._has_probe)

    def began(self) -> None:
        """A request goes."""
        if self._opened_at is not None:
            self._has_probe = True

    def succeeded(self) -> None:
        """The backend answered."""
        self._failures, self._rest_s = 0, self._first_s
        self._opened_at, self._has_probe = None, False

    def failed(self) -> bool:
        """The backend did not do its part; says whether that opened the breaker."""
        self._failures += 1
        if self._opened_at is not None:
            if not self._has_probe:  # began before it opened
                return False
            self._rest_s = min(2 * self._rest_s, self._longest_s)
        elif self._failures < self._threshold:
            return False
        self._opened_at, self._has_probe = self._monotonic(), False
        return True

    def left(self) -> None:
        """The request ended and says nothing of the backend, such as where the client left."""
        self._has_probe = False
