"""Blocking work that tells how far it is and can be stopped."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
Tell = Callable[[str, int, int], None]  # what it does, bytes done, bytes in all


class Stopped(Exception):
    """The work was told to stop, and left nothing behind."""


def _nobody(_status: str, _completed: int, _total: int) -> None:
    """Tells nobody."""


class Watch:
    """Handed to the work, which calls it after every piece."""

    def __init__(self, tell: Tell = _nobody) -> None:
        self._tell, self._is_stopped = tell, threading.Event()

    def stop(self) -> None:
        """From any thread."""
        self._is_stopped.set()

    def check(self) -> None:
        """Raises Stopped."""
        if self._is_stopped.is_set():
            raise Stopped

    @property
    def is_stopped(self) -> bool:
        return self._is_stopped.is_set()

    def __call__(self, status: str, completed: int, total: int) -> None:
        """Raises Stopped."""
        self.check()
        self._tell(status, completed, total)


async def watched(work: Callable[[Watch], T], tell: Tell = _nobody) -> T:
    """What the work gives, done in a thread. Who cancels it waits until it has cleared up."""
    loop = asyncio.get_running_loop()

    def told(status: str, completed: int, total: int) -> None:
        loop.call_soon_threadsafe(tell, status, completed, total)

    watch = Watch(told)
    done = loop.run_in_executor(None, work, watch)
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        watch.stop()
        await asyncio.wait([done])
        if not done.cancelled():
            done.exception()  # seen: it was told to stop
        raise
