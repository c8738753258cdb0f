"""The measuring client: one keep-alive HTTP/1.1 connection that counts instead of parsing.

The same for everything that is compared, and cheap, so that what is measured is the other end."""

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

LAST_CHUNK = b"0\r\n\r\n"


class BenchError(Exception):
    """Something could not be measured; the text says why."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A streamed answer: seconds until its first and its last token, and how many there were."""

    first_s: float
    total_s: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> dict[str, object]:
        value: dict[str, object] = orjson.loads(self.body)
        return value


class Connection(asyncio.Protocol):
    """One request at a time. `open` makes one."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._transport: asyncio.Transport | None = None
        self._buffer, self._carry = bytearray(), b""
        self._needle: bytes | None = None
        self._counted, self._first_at, self._in_body = 0, 0.0, False
        self._wake: asyncio.Future[None] | None = None
        self.first = asyncio.Event()

    @classmethod
    async def open(cls, url: str) -> "Connection":
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: cls(parts.netloc), parts.hostname or "", parts.port or 80
        )
        return connection

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def fetch(
        self, method: str, path: str, body: object = None, token: str | None = None
    ) -> Answer:
        """A whole answer."""
        data = body if isinstance(body, bytes) else orjson.dumps(body) if body is not None else b""
        self._begin(None)
        self._write(self.request(method, path, data, token))
        await self._done()
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        return Answer(status, _dechunked(rest) if _is_chunked(head) else rest)

    async def count(self, request: bytes, needle: bytes) -> Reading:
        """How often `needle` stands in a chunked answer, and when it first did."""
        self._begin(needle)
        began = time.perf_counter()
        self._write(request)
        await self._done()
        ended = time.perf_counter()
        if not self._counted:
            raise BenchError(f"no token came: {bytes(self._buffer[:300])!r}")
        return Reading(self._first_at - began, ended - began, self._counted)

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        token: str | None = None,
        accept: str = "*/*",
    ) -> bytes:
        """The bytes of a request."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}", f"Accept: {accept}"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def _begin(self, needle: bytes | None) -> None:
        self._buffer.clear()
        self._carry, self._needle, self._in_body = b"", needle, False
        self._counted, self._first_at = 0, 0.0
        self.first.clear()
        self._wake = asyncio.get_running_loop().create_future()

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise BenchError(f"{self._host} has closed the connection")
        self._transport.write(data)

    async def _done(self) -> None:
        if self._wake is not None:
            await self._wake

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # uvloop's is no asyncio.Transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_exception(BenchError(f"{self._host} closed the connection ({exc})"))

    def data_received(self, data: bytes) -> None:
        if self._in_body and self._needle is not None:
            self._look(data)
            return
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end])
        if self._needle is not None and _is_chunked(head) and b" 200 " in head[:14]:
            self._in_body = True
            self._look(bytes(self._buffer[end + 4 :]))
        elif _is_whole(head, self._buffer, end + 4):
            self._finish()

    def _look(self, data: bytes) -> None:
        needle = self._needle or b""
        data = self._carry + data
        if found := data.count(needle):
            if not self._counted:
                self._first_at = time.perf_counter()
                self.first.set()
            self._counted += found
        self._carry = data[-(len(needle) - 1) :]
        if data.endswith(LAST_CHUNK):
            self._finish()

    def _finish(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


def _is_chunked(head: bytes) -> bool:
    return b"\r\ntransfer-encoding: chunked" in head.lower()


def _is_whole(head: bytes, buffer: bytearray, start: int) -> bool:
    if _is_chunked(head):
        return buffer.endswith(LAST_CHUNK)
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(buffer) - start >= int(line.partition(b":")[2])
    return True  # 204


def _dechunked(body: bytes) -> bytes:
    parts = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        parts.append(rest[:length])
        body = rest[length + 2 :]
    return b"".join(parts)
