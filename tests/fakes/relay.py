"""A wire between a client and a local server that breaks after so many bytes."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Target = Callable[[], int]  # the port, looked up for each connection: servers are started anew


@dataclass
class Relay:
    """Passes bytes on, both ways. `cuts` says of each connection, in their order, after how many
    bytes to the client it breaks; None: never."""

    target: Target
    cuts: Iterator[int | None]
    is_reset: bool = False  # breaks with a reset, else with a proper end of the connection
    port: int = 0
    connections: int = 0
    broken: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        left = next(self.cuts, None)
        port = self.target()
        try:
            answers, requests = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, requests}
        upwards = asyncio.create_task(self._upwards(reader, requests, port))
        try:
            await self._downwards(answers, writer, left)
        finally:
            upwards.cancel()
            requests.transport.abort()
            if self.is_reset:
                writer.transport.abort()
            else:
                writer.close()
            self._open -= {writer, requests}

    async def _upwards(
        self, reader: asyncio.StreamReader, requests: asyncio.StreamWriter, port: int
    ) -> None:
        """The server answers at its own address only, so what is asked names that. Both ports
        have five digits, or lengths would no longer be true."""
        ours, theirs = f"127.0.0.1:{self.port}".encode(), f"127.0.0.1:{port}".encode()
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                requests.write(data.replace(ours, theirs))
                await requests.drain()

    async def _downwards(
        self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None
    ) -> None:
        with suppress(OSError):
            while data := await answers.read(1 << 16):
                if left is not None and len(data) >= left:
                    writer.write(data[:left])
                    await writer.drain()
                    self.broken += 1
                    return
                left = None if left is None else left - len(data)
                writer.write(data)
                await writer.drain()

    def drop(self) -> None:
        """Ends every connection; new ones are taken."""
        for writer in self._open:
            writer.transport.abort()


@asynccontextmanager
async def relayed(
    target: int | Target, cuts: Iterable[int | None] = (), *, is_reset: bool = False
) -> AsyncIterator[Relay]:
    """A relay in front of a local port."""
    found = target if callable(target) else lambda: target
    relay = Relay(found, iter(cuts), is_reset)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        relay.drop()
        await server.wait_closed()


def always(cut: int) -> Iterator[int | None]:
    """Every connection breaks after so many bytes."""
    return itertools.repeat(cut)
