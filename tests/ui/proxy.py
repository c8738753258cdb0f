"""A network between page and agent that can be cut, and that can lose an answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from .program import PORTS


@dataclass
class Proxy:
    """Passes bytes on, both ways. `losing` is the start of the requests whose answers get lost."""

    target: int
    port: int
    is_cut: bool = False
    losing: bytes | None = None
    lost: asyncio.Queue[None] = field(default_factory=asyncio.Queue)  # one for each lost answer
    passed: int = 0  # bytes to the page
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Ends every connection and takes no new one until `mend`."""
        self.is_cut = True
        self.drop()

    def drop(self) -> None:
        """Ends every connection; new ones are taken."""
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        self.is_cut = False

    def lose_answers_to(self, start: bytes) -> None:
        self.losing = start

    def lose_nothing(self) -> None:
        self.losing = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(self, reader, writer, *upstream)
        self._open |= {writer, upstream[1]}
        try:
            await link.run()
        finally:
            self._open -= {writer, upstream[1]}


@dataclass
class _Link:
    proxy: Proxy
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    from_agent: asyncio.StreamReader
    to_agent: asyncio.StreamWriter
    loses: bool = False

    async def run(self) -> None:
        ways = [asyncio.create_task(self._requests()), asyncio.create_task(self._answers())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for writer in (self.writer, self.to_agent):
            writer.transport.abort()

    async def _requests(self) -> None:
        """The agent answers at its own address only, so the page's requests name it. Both ports
        have five digits."""
        ours = f"127.0.0.1:{self.proxy.port}".encode()
        theirs = f"127.0.0.1:{self.proxy.target}".encode()
        with suppress(OSError):
            while data := await self.reader.read(1 << 16):
                losing = self.proxy.losing
                self.loses = self.loses or (losing is not None and data.startswith(losing))
                self.to_agent.write(data.replace(ours, theirs))
                await self.to_agent.drain()

    async def _answers(self) -> None:
        with suppress(OSError):
            while data := await self.from_agent.read(1 << 16):
                if self.loses:
                    self.proxy.lost.put_nowait(None)
                    return
                self.proxy.passed += len(data)
                self.writer.write(data)
                await self.writer.drain()


@asynccontextmanager
async def proxied(target: int) -> AsyncIterator[Proxy]:
    """A proxy in front of the local port `target`."""
    proxy = Proxy(target, next(PORTS))
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", proxy.port)
    try:
        yield proxy
    finally:
        proxy.cut()
        server.close()
        await server.wait_closed()
