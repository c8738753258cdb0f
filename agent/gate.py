"""What is answered while the program behind the door is being opened: that it lives, and starts.

Everything else waits for the program, which has the wall that looks at every request."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from agent.access.rules import NAMES, address
from agent.headers import ALWAYS, API_POLICY
from agent.shared.tasks import running

if TYPE_CHECKING:
    from hypercorn.typing import (
        ASGIReceiveCallable,
        ASGIReceiveEvent,
        ASGISendCallable,
        HTTPScope,
        Scope,
    )

LIVE, READY = "/api/v1/health/live", "/api/v1/health/ready"
PATIENCE_S = 30.0
RETRY_AFTER_S = 2
HELD_BYTES = 64 * 1024
PLAIN = {"host", "user-agent", "accept", "accept-encoding", "accept-language", "connection"}
PLAIN |= {"authorization", "cookie", "cache-control", "pragma", "priority", "x-request-id"}


class App(Protocol):
    """What answers behind the gate."""

    async def __call__(
        self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None: ...


class Gate:
    """Closed until `open` is called; what waits then for longer than `patience_s` is refused."""

    def __init__(self, port: int, *, patience_s: float = PATIENCE_S) -> None:
        self._app: App | None = None
        self._hosts = {address(port, name).removeprefix("http://") for name in NAMES}
        self._patience_s = patience_s
        self._decided = asyncio.Event()

    def open(self, app: App) -> None:
        """Lets everything through to the program, also what has waited."""
        self._app = app
        self._decided.set()

    def give_up(self) -> None:
        """There will be no program: refuses what waits."""
        self._decided.set()

    async def __call__(
        self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        if self._app is None and scope["type"] == "http" and self._is_health(scope):
            is_live = scope["path"] == LIVE
            status = "alive" if is_live else "starting"
            await _answer(send, 200 if is_live else 503, {"status": status})
            return
        if self._app is None and scope["type"] == "http":
            held, has_left = Held(receive), False
            try:
                async with running(listen=held.listen()):
                    app = await self._opened()
            except* Left:
                has_left = True
            if has_left:
                return
            receive = held.receive
        else:
            app = self._app or await self._opened()
        if app is not None:
            await app(scope, receive, send)
        elif scope["type"] == "http":
            await _answer(send, 503, STARTING, retry_after_s=RETRY_AFTER_S)

    async def _opened(self) -> App | None:
        try:
            async with asyncio.timeout(self._patience_s):
                await self._decided.wait()
        except TimeoutError:
            return None
        return self._app

    def _is_health(self, scope: "HTTPScope") -> bool:
        """Plain questions alone: those of pages, and odd ones, are for the wall to judge."""
        if scope["method"] != "GET" or scope["path"] not in {LIVE, READY}:
            return False
        names = [name.decode("latin-1").lower() for name, _ in scope["headers"]]
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        return set(names) <= PLAIN and len(hosts) == 1 and hosts[0].lower() in self._hosts


class Left(Exception):
    """Nobody waits for the answer any more, nor wants the request carried out."""


class Held:
    """What is received of a request that waits, for the one who will answer it."""

    def __init__(self, receive: "ASGIReceiveCallable") -> None:
        self._receive = receive
        self._held: deque[ASGIReceiveEvent] = deque()

    async def listen(self) -> None:
        """Takes in a little. Raises Left when the other side has gone."""
        size = 0
        while size <= HELD_BYTES:  # the rest stays with its sender
            message = await self._receive()
            self._held.append(message)
            if message["type"] == "http.disconnect":
                raise Left
            if message["type"] == "http.request":
                size += len(message["body"])

    async def receive(self) -> "ASGIReceiveEvent":
        return self._held.popleft() if self._held else await self._receive()


STARTING = {
    "type": "urn:orca:problem:starting",
    "title": "Service Unavailable",
    "status": 503,
    "detail": "The agent is still starting. Ask again in a moment.",
    "retry_after_s": RETRY_AFTER_S,
}


async def _answer(
    send: "ASGISendCallable",
    status: int,
    body: Mapping[str, object],
    *,
    retry_after_s: int | None = None,
) -> None:
    media = "application/problem+json" if "type" in body else "application/json"
    headers = [("Content-Type", media), *ALWAYS, ("Content-Security-Policy", API_POLICY)]
    headers += [("Cache-Control", "no-store")]
    if retry_after_s is not None:
        headers += [("Retry-After", str(retry_after_s))]
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers]
    text = json.dumps(body, separators=(",", ":")).encode()
    encoded.append((b"content-length", str(len(text)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": text, "more_body": False})
