"""What all fake printers share: the wire, the files, what was printed, and the misbehaviour."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

KEY = "k-canary-4711"


class How(StrEnum):
    """Ways to fail. Up to `DROP_MIDDLE` nothing was done; behind it everything was."""

    NEVER = "reads nothing and never answers"
    DROP_BEFORE = "closes at once"
    DROP_MIDDLE = "closes when half of the body has come"
    GARBLED = "answers with a page"
    NO_HTTP = "answers with noise"
    ENDLESS = "answers without end"
    DROP_AFTER = "does it, then closes without an answer"
    SILENT_AFTER = "does it, and never answers"


BEFORE = (How.NEVER, How.DROP_BEFORE, How.DROP_MIDDLE, How.GARBLED, How.NO_HTTP, How.ENDLESS)


@dataclass(slots=True)
class Asked:
    """A request, with its body once that was read."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    @property
    def json(self) -> dict[str, object]:
        found = orjson.loads(self.body or b"{}")
        assert isinstance(found, dict)
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Kept:
    """A file on the printer. `stamp` counts the writings of all files."""

    content: bytes
    stamp: int
    successes: int = 0
    failures: int = 0

    @property
    def sha1(self) -> str:
        return hashlib.sha1(self.content, usedforsecurity=False).hexdigest()


def json(value: object, status: int = 200) -> Answer:
    return Answer(status, orjson.dumps(value))


class _LeftError(Exception):
    """The connection is to be closed without a further word."""


class FakePrinter:
    """Listens on loopback while it is entered. What it was asked is in `requests`, what it
    printed in `started`: a file printed twice stands there twice."""

    def __init__(self, *, key: str = KEY) -> None:
        self.key = key
        self.files: dict[str, Kept] = {}
        self.started: list[str] = []
        self.printing: str | None = None
        self.paused = False
        self.progress = 0.25
        self.is_connected = True
        self.camera: str | None = None
        self.picture = b""
        self.requests: list[Asked] = []
        self.half_uploads = 0
        self.came = asyncio.Event()
        self._failing: list[tuple[str, str, How | int | str]] = []
        self._stamp = 0
        self._connections: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._answers = asyncio.Event()
        self._answers.set()

    async def __aenter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._accept)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        for writer in list(self._connections):
            writer.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    # --- control ----------------------------------------------------------------------------

    def fail(self, method: str, path: str, how: How | int | str, *, times: int = 1) -> None:
        """The next requests whose path begins so fail; a number is a status, text a redirect."""
        self._failing += [(method, path, how)] * times

    def heal(self) -> None:
        self._failing.clear()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Requests that come in it are answered behind it."""
        self._answers.clear()
        try:
            yield
        finally:
            self._answers.set()

    def count(self, method: str, path: str) -> int:
        """How many requests there were whose path begins so."""
        return sum(one.method == method and one.path.startswith(path) for one in self.requests)

    async def until_asked(self, method: str, path: str, times: int = 1) -> None:
        async with asyncio.timeout(10):
            while self.count(method, path) < times:
                self.came.clear()
                await self.came.wait()

    def keep(self, path: str, content: bytes) -> None:
        self._stamp += 1
        self.files[path] = Kept(content, self._stamp)

    def print_it(self, path: str) -> None:
        self.started.append(path)
        self.printing, self.paused, self.progress = path, False, 0.25

    def end(self, *, well: bool = True) -> None:
        """The print ends: finished, or cancelled at the printer."""
        kept = self.files[self.printing or ""]
        kept.successes, kept.failures = kept.successes + well, kept.failures + (not well)
        self.printing = None

    # --- of a dialect -----------------------------------------------------------------------

    def refusal(self, asked: Asked) -> Answer | None:
        """What a stranger gets."""
        return json({"error": "no"}, 403) if asked.headers.get("x-api-key") != self.key else None

    async def answer(self, asked: Asked) -> Answer:
        raise NotImplementedError

    # --- the wire ---------------------------------------------------------------------------

    def _accept(self) -> None:
        # asyncio's own server loses a connection that comes while it is being closed.
        connection, _ = self._socket.accept()
        connection.setblocking(False)
        self._keep(asyncio.get_running_loop().create_task(self._connect(connection)))

    async def _connect(self, connection: socket.socket) -> None:
        reader = asyncio.StreamReader(1 << 20)
        protocol = asyncio.StreamReaderProtocol(reader)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection)
        await self._serve(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            await self._converse(reader, writer)
        except (_LeftError, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self._connections.discard(writer)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, target, _ = first.split(" ")
        parts = urlsplit(target)
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        asked = Asked(method, unquote(parts.path), query, headers)
        self.requests.append(asked)
        self.came.set()
        await self._answers.wait()
        how = self._how(asked)
        length = int(headers.get("content-length", "0"))
        if isinstance(how, How) and how in BEFORE:
            await self._misbehave(how, reader, writer, length)
        asked.body = await self._body(reader, length)
        if isinstance(how, int):
            await self._send(writer, json({"error": {"message": f"told to say {how}"}}, how))
            return
        if isinstance(how, str) and not isinstance(how, How):
            await self._send(writer, Answer(302, headers={"Location": how}))
            return
        answer = self.refusal(asked) or await self.answer(asked)
        if how is How.SILENT_AFTER:
            await self._closing.wait()
        if how is None:
            await self._send(writer, answer)

    def _how(self, asked: Asked) -> How | int | str | None:
        for at, (method, path, how) in enumerate(self._failing):
            if asked.method == method and asked.path.startswith(path):
                del self._failing[at]
                return how
        return None

    async def _body(self, reader: asyncio.StreamReader, length: int) -> bytes:
        try:
            return await reader.readexactly(length)
        except asyncio.IncompleteReadError:
            self.half_uploads += 1
            self.came.set()
            raise

    async def _misbehave(
        self,
        how: How,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        length: int,
    ) -> None:
        if how is How.NEVER:
            await self._closing.wait()
        if how is How.DROP_MIDDLE:
            await reader.readexactly(length // 2)
        if how is How.GARBLED:
            await self._send(writer, Answer(200, b"<html>Welcome</html>", "text/html"))
        if how is How.NO_HTTP:
            writer.write(b"I am no web server\r\n\r\n")
            await writer.drain()
        if how is How.ENDLESS:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n")
            while not self._closing.is_set():
                writer.write(b"\xff\xd8" + b"x" * 65536)
                await writer.drain()
        raise _LeftError

    async def _send(self, writer: asyncio.StreamWriter, answer: Answer) -> None:
        headers = {
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.body)),
            "Connection": "close",
            **answer.headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {answer.status} Told\r\n{lines}\r\n".encode() + answer.body)
        await writer.drain()


async def parts_of(asked: Asked) -> AsyncIterator[tuple[str, str | None, bytes]]:
    """Name, file name and content of each part of a form, read strictly."""
    kind, _, boundary = asked.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    rest = b"\r\n" + asked.body
    mark = b"\r\n--" + boundary.encode()
    *pieces, end = rest.split(mark)
    assert end == b"--\r\n", end
    assert pieces[0] == b""
    for piece in pieces[1:]:
        head, _, content = piece.partition(b"\r\n\r\n")
        told = dict(
            pair.split("=", 1)
            for pair in head.decode().strip().split("\r\n")[0].split("; ")
            if "=" in pair
        )
        filename = told.get("filename")
        yield told["name"].strip('"'), filename.strip('"') if filename else None, content
