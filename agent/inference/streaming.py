"""An answer as a stream of events: lines of JSON, or server-sent events."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Protocol

import orjson

from agent.inference.rules import Batch, Finish, Frame
from agent.shared import wire
from agent.shared.errors import OrcaError, Unavailable
from agent.shared.problems import describe
from agent.shared.tasks import Tasks

UNREAD_BYTES = 256 * 1024  # beyond that the model waits for who reads
SILENCE_S = 15.0


class Encoder(Protocol):
    """How events are written. `silence` is sent now and then, to keep a connection open."""

    media: str
    silence: bytes

    def event(self, name: str, data: object) -> bytes: ...

    def text(self, name: str, text: str) -> bytes: ...


class Lines:
    """`{"event": name, "data": {...}}`, one on each line."""

    media = "application/x-ndjson"
    silence = b""

    def event(self, name: str, data: object) -> bytes:
        return b'{"event":"%b","data":%b}\n' % (name.encode(), orjson.dumps(data))

    def text(self, name: str, text: str) -> bytes:
        return b'{"event":"%b","data":{"text":%b}}\n' % (name.encode(), orjson.dumps(text))


class Events:
    """Server-sent events, numbered from 1."""

    media = "text/event-stream; charset=utf-8"
    silence = wire.COMMENT

    def __init__(self) -> None:
        self._seq = 0

    def event(self, name: str, data: object) -> bytes:
        self._seq += 1
        return wire.encode(self._seq, name, data)

    def text(self, name: str, text: str) -> bytes:
        self._seq += 1
        return wire.encode_text(self._seq, name.encode(), text)


class Pipe:
    """From who answers to who reads. What came together goes on together."""

    def __init__(self, encoder: Encoder, *, silence_s: float = SILENCE_S) -> None:
        self._encoder, self._silence_s = encoder, silence_s
        self._parts: list[bytes] = []
        self._unread_bytes = 0
        self._has_some, self._has_room = asyncio.Event(), asyncio.Event()
        self._has_room.set()
        self._is_closed = False

    def tell(self, name: str, data: object) -> None:
        """One event."""
        self._put(self._encoder.event(name, data))

    async def hear(self, batch: Batch) -> None:
        """The pieces of an answer. Waits while the reader lags behind."""
        for item in batch:
            if not isinstance(item, Finish):
                self._take(item)
        await self._has_room.wait()

    def _take(self, frame: Frame) -> None:
        if frame.text and frame.logprobs:
            self.tell(frame.kind, {"text": frame.text, "logprobs": frame.logprobs})
        elif frame.text:
            self._put(self._encoder.text(frame.kind, frame.text))
        for call in frame.calls:
            self.tell("tool", {"name": call.name, "arguments": call.arguments, "id": call.id})

    def _put(self, part: bytes) -> None:
        self._parts.append(part)
        self._unread_bytes += len(part)
        if self._unread_bytes > UNREAD_BYTES:
            self._has_room.clear()
        self._has_some.set()

    async def fill(self, work: Callable[["Pipe"], Awaitable[None]]) -> None:
        """Lets `work` fill it, and closes it whatever comes of that."""
        try:
            await work(self)
        finally:
            self._is_closed = True
            self._has_some.set()

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """What there is, again and again, until it is closed."""
        while not (self._is_closed and not self._parts):
            if not self._parts:
                try:
                    async with asyncio.timeout(self._silence_s):
                        await self._has_some.wait()
                except TimeoutError:
                    if self._encoder.silence:
                        yield self._encoder.silence
                continue
            part = b"".join(self._parts)
            self._parts, self._unread_bytes = [], 0
            self._has_some.clear()
            self._has_room.set()
            yield part
            await asyncio.sleep(0)  # a source that never suspends would starve all others


async def streamed(
    work: Callable[[Pipe], Awaitable[None]], encoder: Encoder, tasks: Tasks
) -> AsyncGenerator[bytes, None]:
    """What `work` puts into its pipe. An error before the first piece is raised, a later one is
    an `error` event. Closing the generator cancels the work at once."""
    pipe, has_begun = Pipe(encoder), False
    task = tasks.start(pipe.fill(work), name="stateless stream")
    try:
        async for part in pipe.parts():
            has_begun = True
            yield part
        await asyncio.wait([task])
        if (failure := _failure(task)) is not None:
            if not has_begun:
                raise failure
            yield encoder.event("error", {"problem": describe(failure)})
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # nobody is left who wants to know


def _failure(task: asyncio.Task[None]) -> OrcaError | None:
    """What a task that has ended failed with. Raises a mistake of ours."""
    if task.cancelled():  # not by the reader, or nobody would ask
        return Unavailable("agent-stopping", "The agent is ending. Ask again in a moment.")
    error = task.exception()
    if error is not None and not isinstance(error, OrcaError):
        raise error
    return error
