"""Hypercorn around the agent's app: one socket, and an end that waits for nobody for long."""

import asyncio
import logging
import socket
import sys
from collections.abc import Awaitable, Callable

from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Framework, Scope
from quart import Quart

LIVE = b"GET /api/v1/health/live HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n"
START_S = 10.0
GRACE_S = 2.0
LAST_GRACE_S = 0.4

log = logging.getLogger(__name__)


class Server:
    """Serves while `run` runs. `close` stops it as gently as two and a half seconds allow."""

    def __init__(self, app: Quart, listener: socket.socket) -> None:
        self._requests = _OpenRequests(app)
        self._port: int = listener.getsockname()[1]
        self._config = _config(listener)
        self._closing, self._ended = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        try:
            app: Framework = self._requests
            await serve(app, self._config, shutdown_trigger=self._closing.wait)
        finally:
            self._ended.set()

    async def answers(self) -> None:
        """Returns once the app answers on the socket. Raises TimeoutError."""
        async with asyncio.timeout(START_S):
            while not await _is_live(self._port):  # noqa: ASYNC110 - Hypercorn tells nobody
                await asyncio.sleep(0.01)

    async def close(self, end_streams: Callable[[], Awaitable[None]]) -> None:
        """Takes nothing new, ends streams, lets answers finish, cancels what is left."""
        self._closing.set()
        await end_streams()
        if await self._has_ended(GRACE_S):
            return
        log.warning("%d requests did not end in time", self._requests.cancel())
        await self._has_ended(LAST_GRACE_S)

    async def _has_ended(self, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                await self._ended.wait()
        except TimeoutError:
            return False
        return True


class _OpenRequests:
    """The app, and the tasks that are inside it: Hypercorn waits for them without an end."""

    def __init__(self, app: Quart) -> None:
        self._app = app
        self._tasks: set[asyncio.Task[object]] = set()

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        task = asyncio.current_task()
        if task is None or scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        self._tasks.add(task)
        try:
            await self._app(scope, receive, send)
        finally:
            self._tasks.discard(task)

    def cancel(self) -> int:
        for task in self._tasks:
            task.cancel()
        return len(self._tasks)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """The fastest event loop that there is here."""
    if sys.platform != "win32":
        try:
            import uvloop  # optional dependency
        except ImportError:
            pass
        else:
            return uvloop.new_event_loop
    return asyncio.new_event_loop


def _config(listener: socket.socket) -> Config:
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    config.graceful_timeout = GRACE_S
    config.shutdown_timeout = LAST_GRACE_S
    config.keep_alive_timeout = 30
    config.keep_alive_max_requests = 1_000_000  # a page asks every few seconds, for days
    config.h11_max_incomplete_size = 32 * 1024
    config.backlog = 512
    return config


async def _is_live(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(LIVE % port)
        return (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False
    finally:
        writer.close()
