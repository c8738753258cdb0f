"""Hypercorn around the program: one socket, and an end that waits for nobody for long.

The program behind the socket can be closed and opened anew: what comes meanwhile waits."""

import asyncio
import logging
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config

from agent.gate import Gate

if TYPE_CHECKING:
    from agent.gate import App

LIVE = b"GET /api/v1/health/live HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n"
START_S = 10.0
GRACE_S = 2.0
LAST_GRACE_S = 0.2  # twice
HELD_BYTES = 64 * 1024
BACKLOG = 512

log = logging.getLogger(__name__)


class Server:
    """Serves while `run` runs. `close` stops it as gently as two and a half seconds allow."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener, self._port = listener, int(listener.getsockname()[1])
        self._config = _config()
        self._now = Connections(self._port)
        self._closing = asyncio.Event()

    def open(self, app: "App") -> None:
        """From now on this program answers."""
        self._now.gate.open(app)

    async def run(self) -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            now, loop = self._now, asyncio.get_running_loop()
            now.hold(writer)
            answers = WholeAnswers(writer, reader)
            # Nobody but `end` cancels it, and asyncio would log that as a mistake.
            with suppress(asyncio.CancelledError):
                await TCPServer(now.app, loop, self._config, now.context, {}, reader, answers)

        server = await asyncio.start_server(connected, sock=self._listener, backlog=BACKLOG)
        try:
            await self._closing.wait()
        finally:
            server.close()
            await self._now.let_go()
            await self._now.ended()

    async def answers(self) -> None:
        """Returns once something answers on the socket. Raises TimeoutError."""
        async with asyncio.timeout(START_S):
            while not await _is_live(self._port):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)

    async def close(self, end_streams: Callable[[], Awaitable[None]]) -> None:
        """Takes nothing new, ends streams, lets answers finish, cancels what is left."""
        self._closing.set()
        await self._now.end(end_streams)

    async def renew(self, end_streams: Callable[[], Awaitable[None]]) -> None:
        """As `close`, but what comes from now on waits for the next program."""
        before, self._now = self._now, Connections(self._port)
        await before.end(end_streams)


class Connections:
    """All that reach one opening of the program."""

    def __init__(self, port: int) -> None:
        self.gate = Gate(port)
        self.app, self.context = ASGIWrapper(self.gate), WorkerContext(None)
        self._writers: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}  # Any: of asyncio

    def hold(self, writer: asyncio.StreamWriter) -> None:
        """Counts the connection that the present task serves."""
        if task := asyncio.current_task():
            self._writers[task] = writer
            task.add_done_callback(self._writers.pop)

    async def let_go(self) -> None:
        """Ends those that are idle, and each other one after its answer."""
        self.gate.give_up()
        await self.context.terminated.set()

    async def end(self, end_streams: Callable[[], Awaitable[None]]) -> None:
        """Ends all of them; the last ones without regard."""
        await self.let_go()
        await end_streams()
        if await self._have_ended(GRACE_S):
            return
        log.warning("%d connections did not end in time", len(self._writers))
        for task in self._writers:
            task.cancel()
        await self._have_ended(LAST_GRACE_S)
        for writer in self._writers.values():
            writer.transport.abort()  # its other side reads nothing
        await self._have_ended(LAST_GRACE_S)

    async def ended(self) -> None:
        """Waits for the last of them."""
        while self._writers:
            await asyncio.wait(list(self._writers))

    async def _have_ended(self, within_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.ended()
        return not self._writers


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
