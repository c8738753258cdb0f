"""HTTP/1.1 by hand: requests in, response heads and chunks out, byte for byte as Go's server."""

import asyncio
import time
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

BUFFERED = (
    2048  # Go's server sends a body up to this size with Content-Length, a larger one chunked
)
LAST_CHUNK = b"0\r\n\r\n"
JSON_TYPE = "application/json; charset=utf-8"


class MalformedError(Exception):
    """The request cannot be read as HTTP; the text is Go's answer to it."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    version: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def keeps_alive(self) -> bool:
        wish = self.headers.get("connection", "").lower()
        return wish != "close" if self.version == "HTTP/1.1" else wish == "keep-alive"


class Connection:
    """One client. Reads ahead, so that its leaving is seen while it is being answered."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self._buffer, self._more = bytearray(), asyncio.Event()
        self.left, self.left_at, self.cut_by_us = asyncio.Event(), 0.0, False

    async def read_ahead(self) -> None:
        """Runs as long as the connection."""
        try:
            while data := await self._reader.read(1 << 16):
                self._buffer += data
                self._more.set()
        except OSError:
            pass  # a reset is a way of leaving too
        finally:
            self.left_at = time.monotonic()
            self.left.set()
            self._more.set()

    async def request(self) -> Request | None:
        """The next request; None if the client leaves first. Raises MalformedError."""
        head = await self._until(b"\r\n\r\n")
        if head is None:
            return None
        start, *lines = head.decode("latin-1").split("\r\n")
        words = start.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/"):
            raise MalformedError("400 Bad Request")
        headers = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise MalformedError("400 Bad Request")
            headers[name.lower()] = value.strip()
        if words[2] == "HTTP/1.1" and "host" not in headers:
            raise MalformedError("400 Bad Request: missing required Host header")
        if headers.get("expect", "").lower() == "100-continue":
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await self._body(headers)
        return None if body is None else Request(words[0], words[1], words[2], headers, body)

    async def _body(self, headers: dict[str, str]) -> bytes | None:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return await self._exactly(int(headers.get("content-length", "0")))
        whole = bytearray()
        while (size := await self._until(b"\r\n")) is not None:
            data = await self._exactly(int(size.split(b";")[0], 16) + 2)
            if data is None or len(data) == 2:
                return None if data is None else bytes(whole)
            whole += data[:-2]
        return None

    async def _until(self, mark: bytes) -> bytes | None:
        while (end := self._buffer.find(mark)) < 0:
            if not await self._filled():
                return None
        found = bytes(self._buffer[:end])
        del self._buffer[: end + len(mark)]
        return found

    async def _exactly(self, size: int) -> bytes | None:
        while len(self._buffer) < size:
            if not await self._filled():
                return None
        found = bytes(self._buffer[:size])
        del self._buffer[:size]
        return found

    async def _filled(self) -> bool:
        before = len(self._buffer)
        self._more.clear()
        if not self.left.is_set():
            await self._more.wait()
        return len(self._buffer) > before


def head(status: int, headers: list[tuple[str, str]], framing: list[tuple[str, str]]) -> bytes:
    """A response head in Go's order: the handler's headers by name, Date, then the framing."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in sorted(headers, key=lambda pair: pair[0])]
    lines.append(f"Date: {formatdate(usegmt=True)}")
    lines += [f"{name}: {value}" for name, value in framing]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def go_time(nanoseconds: int) -> str:
    """RFC 3339 in UTC, with as many fraction digits as it takes (none to nine), as Go writes it."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    digits = f"{fraction:09d}".rstrip("0")
    return f"{text}.{digits}Z" if digits else f"{text}Z"


def now() -> str:
    return go_time(time.time_ns())
