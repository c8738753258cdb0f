"""One answer on the wire, with the misbehaviours that concern how it is sent."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from .behaviour import Behaviour
from .gojson import Json, go_json
from .wire import BUFFERED, JSON_TYPE, LAST_CHUNK, Connection, Request, chunk, head

NDJSON = "application/x-ndjson"
EVENTS = "text/event-stream"


class RefusedError(Exception):
    """An error answer. `in_stream`: raised when a stream was about to begin, which shows."""

    def __init__(self, status: int, text: str, *, in_stream: bool = False) -> None:
        super().__init__(text)
        self.status, self.text, self.in_stream = status, text, in_stream


class CutError(Exception):
    """The connection ends here and now."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


@dataclass(slots=True)
class Seen:
    """A request as it came, and how its answer went. `at` and `ended_at` are time.monotonic()."""

    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: Json  # parsed if it is JSON, else the bytes
    at: float
    status: int | None = None
    frames_sent: int = 0
    closed_early: bool = False  # the client left before the end
    ended_at: float | None = None


@dataclass(slots=True)
class Answer:
    """Sends one response; the handlers decide what, this decides how."""

    request: Request
    seen: Seen
    behave: Behaviour
    _connection: Connection
    _cors: list[tuple[str, str]] = field(default_factory=list)
    _held: bytearray = field(default_factory=bytearray)
    _began: float | None = None
    last: bool = False  # no further answer on this connection

    async def delay(self) -> None:
        """What happens before the first byte."""
        if self.behave.delay:
            await asyncio.sleep(self.behave.delay)
        if self._began is None and self.behave.stall_after == 0:
            await stall()
        if self.behave.reset_after == 0 or self.behave.close_after == 0:
            raise CutError(reset=self.behave.reset_after == 0)

    async def json(
        self, value: Json, status: int = 200, *, kind: str = JSON_TYPE, end: bytes = b""
    ) -> None:
        if self.behave.extra_field and isinstance(value, dict):
            value = {**value, "surprise": {"nobody": ["knows", 1]}}
        await self.raw(go_json(value) + end, status, kind)

    async def raw(
        self,
        body: bytes,
        status: int = 200,
        kind: str | None = None,
        extra: list[tuple[str, str]] | None = None,
    ) -> None:
        """A whole body: with a length if small, in one chunk if Go's buffer would overflow."""
        headers = self._cors + (extra or []) + ([("Content-Type", kind)] if kind else [])
        small = len(body) <= BUFFERED
        framing = [("Content-Length", str(len(body)))] if small else self._chunked()
        if status == 204 or (self.request.method == "HEAD" and not small):
            framing = []
        start = self._head(status, headers, framing)
        if self.request.method == "HEAD" or status == 204:
            body = b""
        elif not small:
            body = chunk(body) + LAST_CHUNK
        await self._send(start + body)

    async def refuse(self, refused: RefusedError) -> None:
        """The error as the native routes send it."""
        body = go_json({"error": refused.text})
        if not refused.in_stream:
            await self.raw(body, refused.status, JSON_TYPE)
            return
        headers = [*self._cors, ("Content-Type", "application/json")]
        start = self._head(refused.status, headers, self._chunked())
        await self._send(start + chunk(body))
        await self._send(LAST_CHUNK)

    async def stream(self, kind: str, frames: Iterable[bytes]) -> None:
        """Frames as they come; nothing, not even the status line, before the first one."""
        if self.behave.die_after == 0:
            raise RefusedError(500, self.behave.die_text, in_stream=True)
        self.hold_head(kind)
        for frame in frames:
            if await self._odd_end():
                return
            await self.frame(frame)
        if not await self._odd_end():
            await self.end()

    def allow_origin(self, origin: str | None) -> None:
        if origin is not None:
            self._cors = [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]

    def hold_head(self, kind: str) -> None:
        """The head of a stream; it goes out together with what is sent next."""
        self._held += self._head(200, [*self._cors, ("Content-Type", kind)], self._chunked())

    def hang_up(self) -> None:
        """The connection ends with this answer."""
        self.last = True

    async def end(self) -> None:
        await self._flush(LAST_CHUNK)

    async def frame(self, data: bytes) -> None:
        """One chunk, at the pace asked for."""
        if self._began is None:
            self._began = time.monotonic()
        elif self.behave.pace:
            due = self._began + self.seen.frames_sent / self.behave.pace
            await asyncio.sleep(max(0, due - time.monotonic()))
        if self.behave.broken_line_after == self.seen.frames_sent:
            data = b'{"model":"tiny","created_at":"20\n' + data
        self.seen.frames_sent += 1
        if self.behave.coalesce:
            self._held += chunk(data)
        else:
            await self._flush(chunk(data))

    async def _odd_end(self) -> bool:
        """Whether the stream ended here in one of the ways that were asked for."""
        sent = self.seen.frames_sent
        if self.behave.stall_after == sent:
            await self._flush(b"")
            await stall()
        if sent in (self.behave.reset_after, self.behave.close_after):
            await self._flush(b"")
            await asyncio.sleep(0.01)  # so that a reset does not overtake what was sent
            raise CutError(reset=self.behave.reset_after == sent)
        if self.behave.die_after == sent:
            self._held += chunk(go_json({"error": self.behave.die_text}) + b"\n")
        elif self.behave.end_after != sent:
            return False
        await self._flush(LAST_CHUNK)
        return True

    async def pre_encoded(self, blocks: AsyncIterator[tuple[int, bytes]]) -> None:
        """Chunks made beforehand, as (frames, bytes): for benchmarks, nothing is looked at."""
        head = self._head(200, [("Content-Type", NDJSON)], self._chunked())
        writer = self._connection.writer
        async for frames, block in blocks:
            writer.write(head + block)  # as Go does: the head goes out with the first frame
            await writer.drain()
            self.seen.frames_sent += frames
            head = b""
        writer.write(LAST_CHUNK)
        await writer.drain()

    async def nonsense(self, data: bytes) -> None:
        """Bytes that are no answer at all."""
        await self._send(data)

    def _head(
        self, status: int, headers: list[tuple[str, str]], framing: list[tuple[str, str]]
    ) -> bytes:
        self.seen.status = status
        close = [] if self.request.keeps_alive else [("Connection", "close")]
        return head(status, headers, framing[:1] + close if close else framing)

    def _chunked(self) -> list[tuple[str, str]]:
        return [("Transfer-Encoding", "chunked")]

    async def _flush(self, data: bytes) -> None:
        data = bytes(self._held) + data
        self._held.clear()
        await self._send(data)

    async def _send(self, data: bytes) -> None:
        writer, size = self._connection.writer, self.behave.split or len(data)
        for start in range(0, len(data), size or 1):
            writer.write(data[start : start + size])
            await writer.drain()
            await asyncio.sleep(0.001 if self.behave.split else 0)


async def stall() -> NoReturn:
    """Ends only by being cancelled: the client leaves or the server stops."""
    await asyncio.Event().wait()
    raise AssertionError


def lines(values: Iterable[Mapping[str, Json]], behave: Behaviour) -> Iterator[bytes]:
    """NDJSON frames."""
    odd = {"surprise": {"nobody": ["knows", 1]}} if behave.extra_field else {}
    for value in values:
        yield go_json({**value, **odd}) + b"\n"
