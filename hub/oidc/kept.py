"""What the provider says of itself, as long as it may be believed without asking again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from agent.shared.clock import Clock
from agent.shared.errors import Unavailable

FRESH, STALE = timedelta(hours=1), timedelta(hours=24)
FAILURE_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(minutes=5)
T = TypeVar("T")


class Kept(Generic[T]):
    """Something of the provider, fresh for an hour; where it cannot be had, as it was for a day.
    One asks at a time, and after a failure nobody for a while."""

    def __init__(self, fetch: Callable[[], Awaitable[T]], clock: Clock) -> None:
        self._fetch, self._clock = fetch, clock
        self._value: tuple[datetime, T] | None = None
        self._failure: tuple[datetime, Unavailable] | None = None
        self._one = asyncio.Lock()

    async def get(self) -> T:
        """Raises Unavailable."""
        async with self._one:
            if self._value and self._clock() - self._value[0] < FRESH:
                return self._value[1]
            try:
                return await self._anew()
            except Unavailable:
                if self._value and self._clock() - self._value[0] < STALE:
                    return self._value[1]
                raise

    async def again(self) -> T:
        """Fetched now, however fresh it is. Raises Unavailable."""
        async with self._one:
            return await self._anew()

    async def _anew(self) -> T:
        if self._failure and self._clock() < self._failure[0]:
            raise self._failure[1]
        try:
            value = await self._fetch()
        except Unavailable as err:
            given = err.extra.get("retry_after_s")
            pause = timedelta(seconds=given) if isinstance(given, int) else FAILURE_PAUSE
            self._failure = (self._clock() + min(pause, LONGEST_PAUSE), err)
            raise
        self._value, self._failure = (self._clock(), value), None
        return value
