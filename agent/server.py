"""Hypercorn around the agent's app: one socket, and an end that waits for nobody for long."""

import asyncio
import logging
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from quart import Quart

LIVE = b"GET /api/v1/health/live HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n"
START_S = 10.0
GRACE_S = 2.0
LAST_GRACE_S = 0.4
HELD_BYTES = 64 * 1024
BACKLOG = 512

log = logging.getLogger(__name__)


class Server:
    """Serves while `run` runs. `close` stops it as gently as two and a half seconds allow."""

    def __init__(self, app: Quart, listener: socket.socket) -> None:
        self._app, self._config = ASGIWrapper(app), _config()
        self._listener, self._port = listener, int(listener.getsockname()[1])
        self._connections: set[asyncio.Task[Any]] = set()  # Any: of asyncio
        self._closing, self._ended = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        context = WorkerContext(None)

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if task := asyncio.current_task():
                self._connections.add(task)
                task.add_done_callback(self._connections.discard)
            loop = asyncio.get_running_loop()
            answers = WholeAnswers(writer, reader)
            await TCPServer(self._app, loop, self._config, context, {}, reader, answers)

        server = await asyncio.start_server(connected, sock=self._listener, backlog=BACKLOG)
        try:
            await self._closing.wait()
        finally:
            server.close()
            await context.terminated.set()
            while self._connections:
                await asyncio.wait(self._connections)
            self._ended.set()

    async def answers(self) -> None:
        """Returns once the app answers on the socket. Raises TimeoutError."""
        async with asyncio.timeout(START_S):
            while not await _is_live(self._port):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

    async def close(self, end_streams: Callable[[], Awaitable[None]]) -> None:
        """Takes nothing new, ends streams, lets answers finish, cancels what is left."""
        self._closing.set()
        await end_streams()
        if await self._has_ended(GRACE_S):
            return
        log.warning("%d connections did not end in time", len(self._connections))
        for task in self._connections:
            task.cancel()
        await self._has_ended(LAST_GRACE_S)

    async def _has_ended(self, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                await self._ended.wait()
        except TimeoutError:
            return False
        return True


class WholeAnswers(asyncio.StreamWriter):
    """A writer that sends together what is written in one turn of the event loop.

    Hypercorn writes the head of an answer and each part of its body by themselves, and to wake
    the other side for each takes longer than to make the answer."""

    def __init__(self, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        transport = writer.transport
        super().__init__(transport, transport.get_protocol(), reader, asyncio.get_running_loop())
        self._held: list[bytes] = []
        self._held_bytes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._held:
            asyncio.get_running_loop().call_soon(self._send)
        self._held.append(bytes(data))
        self._held_bytes += len(data)
        if self._held_bytes > HELD_BYTES:
            self._send()

    def write_eof(self) -> None:
        self._send()
        super().write_eof()

    def close(self) -> None:
        self._send()
        super().close()

    def _send(self) -> None:
        if self._held:
            held, self._held, self._held_bytes = self._held, [], 0
            super().write(held[0] if len(held) == 1 else b"".join(held))


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


def _config() -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    config.keep_alive_timeout = 30
    config.keep_alive_max_requests = 1_000_000  # a page asks every few seconds, for days
    config.h11_max_incomplete_size = 32 * 1024
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
