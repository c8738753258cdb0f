"""Bodies of requests that wait for their reader: what nobody reads yet stays with its sender.

Quart takes in all that comes, so that a fast sender and a slow disk fill the memory."""

import asyncio
from collections.abc import Generator

from hypercorn.typing import ASGIReceiveCallable
from quart import Quart, Request
from quart.asgi import ASGIHTTPConnection
from quart.wrappers.request import Body
from werkzeug.exceptions import RequestEntityTooLarge

HELD_BYTES = 1 << 20


class HeldBody(Body):
    """Holds little more than `HELD_BYTES` that nobody has read, and gives out `limit_bytes`."""

    def __init__(self, expected_bytes: int | None, limit_bytes: int | None) -> None:
        super().__init__(expected_bytes, None)
        self._expected_bytes, self._given_bytes = expected_bytes or 0, 0
        self.limit_bytes = limit_bytes
        self._has_room = asyncio.Event()
        self._has_room.set()

    def append(self, data: bytes) -> None:
        super().append(data)
        if len(self._data) >= HELD_BYTES:
            self._has_room.clear()

    async def room(self) -> None:
        """Returns when more can be taken in."""
        await self._has_room.wait()

    async def __anext__(self) -> bytes:
        self._check(self._expected_bytes)
        data = await super().__anext__()
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


class _Request(Request):
    body_class = HeldBody  # type: ignore[assignment] # Quart calls it Body itself


class _Connection(ASGIHTTPConnection):
    async def handle_messages(self, request: Request, receive: ASGIReceiveCallable) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            if message["type"] == "http.request":
                request.body.append(message.get("body", b""))
                if not message.get("more_body", False):
                    request.body.set_complete()
                elif isinstance(request.body, HeldBody):
                    await request.body.room()


def install(app: Quart) -> None:
    """Every body of the app is held from here on."""
    app.request_class = _Request
    app.asgi_http_class = _Connection
