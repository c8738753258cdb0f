"""What the provider says of itself, as long as it may be believed without asking again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from agent.shared.clock import Clock
from agent.shared.errors import Unavailable

FRESH, STALE = timedelta(hours=1), timedelta(hours=24)
FAILURE_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(minutes=5)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class At(Generic[T]):
    """Something, and when the provider said it."""

    moment: datetime
    value: T


class Kept(Generic[T]):
    """Something of the provider, fresh for an hour; where it cannot be had, as it was for a day.
    What another replica has fetched (`elsewhere`) will do. One asks at a time, and after a failure
    nobody for a while."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[T]],
        elsewhere: Callable[[], Awaitable[At[T] | None]],
        clock: Clock,
    ) -> None:
        self._fetch, self._elsewhere, self._clock = fetch, elsewhere, clock
        self._now: At[T] | None = None
        self._failure: tuple[datetime, Unavailable] | None = None
        self._one = asyncio.Lock()

    async def get(self) -> T:
        """Raises Unavailable."""
        async with self._one:
            if (value := self._younger_than(FRESH)) is not None:
                return value.value
            await self._adopt()
            if (value := self._younger_than(FRESH)) is not None:
                return value.value
            try:
                return await self._anew()
            except Unavailable:
                if (value := self._younger_than(STALE)) is not None:
                    return value.value
                raise

    async def adopted(self) -> T | None:
        """As others have fetched it since; None where nobody has."""
        async with self._one:
            is_newer = await self._adopt()
            return self._now.value if is_newer and self._now else None

    async def again(self) -> T:
        """Fetched now, however fresh it is. Raises Unavailable."""
        async with self._one:
            return await self._anew()

    def _younger_than(self, age: timedelta) -> At[T] | None:
        now = self._now
        return now if now and self._clock() - now.moment < age else None

    async def _adopt(self) -> bool:
        try:
            found = await self._elsewhere()
        except Unavailable:  # what was kept is of no use, and the provider is asked
            return False
        if found is None or (self._now and found.moment <= self._now.moment):
            return False
        self._now = found
        return True

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
        self._now, self._failure = At(self._clock(), value), None
        return value
