"""Hypercorn around the program: one socket, and an end that waits for nobody for long.

The program behind the socket can be closed and opened anew: what comes meanwhile waits."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from agent.gate import Gate
from agent.shared.connections import Connections, server_config

if TYPE_CHECKING:
    from agent.gate import App

LIVE = b"GET /api/v1/health/live HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n"
START_S = 10.0
BACKLOG = 512


class Server:
    """Serves while `run` runs. `close` stops it as gently as two and a half seconds allow."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener, self._port = listener, int(listener.getsockname()[1])
        self._config = server_config()
        self._open_anew()
        self._closing = asyncio.Event()

    def open(self, app: "App") -> None:
        """From now on this program answers."""
        self._gate.open(app)

    async def run(self) -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._now.serve(reader, writer)

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
        before = self._now
        self._open_anew()
        await before.end(end_streams)

    def _open_anew(self) -> None:
        """All that reach one opening of the program go through one gate."""
        self._gate = Gate(self._port)
        self._now = Connections(self._gate, self._config, refuse=self._gate.give_up)


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
