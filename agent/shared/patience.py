"""A limit for waits that come by the thousand, such as those for the pieces of a stream."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Patience:
    """One timer serves all waits of one task, where asyncio.timeout sets and clears one for each:
    it looks when it rings whether anybody still waits, and since when."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        """`on_end` is called while somebody waits, and has to end that wait."""
        self._on_end, self._loop = on_end, asyncio.get_running_loop()
        self._ends_at: float | None = None  # nobody waits
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0

    @property
    def is_over(self) -> bool:
        """Whether nobody may wait: the last wait is over, or has lasted too long."""
        return self._ends_at is None

    def begin(self, seconds: float) -> None:
        """A wait that may last so long."""
        self._ends_at = ends_at = self._loop.time() + seconds
        if self._timer is None or ends_at < self._rings_at:
            self._ring_at(ends_at)

    def end(self) -> None:
        """The wait is over."""
        self._ends_at = None

    def close(self) -> None:
        """There will be no further wait."""
        self._ends_at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._rings_at = self._loop.call_at(when, self._look), when

    def _look(self) -> None:
        self._timer, ends_at = None, self._ends_at
        if ends_at is None:
            return
        if self._loop.time() < ends_at:
            self._ring_at(ends_at)
        else:
            self._ends_at = None
            self._on_end()


@contextmanager
def patience(on_end: Callable[[], None]) -> Iterator[Patience]:
    """For as long as the block lasts."""
    one = Patience(on_end)
    try:
        yield one
    finally:
        one.close()
