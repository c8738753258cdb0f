"""Bodies of requests that wait for their reader: what nobody reads yet stays with its sender.

Quart takes in all that comes, so that a fast sender and a slow disk fill the memory."""

import asyncio
from collections.abc import Generator

from quart import Request
from quart.wrappers.request import Body
from werkzeug.exceptions import RequestEntityTooLarge

HELD_BYTES = 1 << 20


class HeldBody(Body):
    """Holds little more than `HELD_BYTES` that nobody has read, and gives out `limit_bytes`."""

    def __init__(self, expected_bytes: int | None, limit_bytes: int | None) -> None:
        super().__init__(expected_bytes, None)
        self._expected_bytes, self._given_bytes = expected_bytes or 0, 0
        self.limit_bytes = limit_bytes
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._has_room = asyncio.Event()
        self._has_room.set()

    def append(self, data: bytes) -> None:
        if data:
            self._held.append(data)
            self._held_bytes += len(data)
            if self._held_bytes >= HELD_BYTES:
                self._has_room.clear()
            self._has_data.set()

    def clear(self) -> None:
        self._held.clear()
        self._held_bytes = 0

    @property
    def has_room(self) -> bool:
        """Whether more can be taken in now."""
        return self._has_room.is_set()

    @property
    def is_here(self) -> bool:
        """Whether nothing more comes."""
        return self._complete.is_set()

    async def room(self) -> None:
        """Returns when more can be taken in."""
        await self._has_room.wait()

    async def next_within(self, seconds: float) -> bytes | None:
        """What came since the last time, at its end None. Raises TimeoutError."""
        if self._held:  # which is usual, and a timeout for each would cost more than the reading
            return await anext(self)
        async with asyncio.timeout(seconds):
            return await anext(self, None)

    async def __anext__(self) -> bytes:
        self._check(self._expected_bytes)
        if not self._held:
            if not self._complete.is_set():
                await self._has_data.wait()
            if not self._held:
                raise StopAsyncIteration
        data = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        self.clear()
        if not self._complete.is_set():
            self._has_data.clear()
        self._has_room.set()
        self._given_bytes += len(data)
        self._check(self._given_bytes)
        return data

    def __await__(self) -> Generator[object, None, bytes]:
        return self._whole().__await__()

    async def _whole(self) -> bytes:
        return b"".join([part async for part in self])

    def _check(self, size_bytes: int) -> None:
        if self.limit_bytes is not None and size_bytes > self.limit_bytes:
            raise RequestEntityTooLarge


class HeldRequest(Request):
    """Its body is held."""

    body_class = HeldBody  # type: ignore[assignment] # Quart calls it Body itself
