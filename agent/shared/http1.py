"""Hypercorn's HTTP/1.1, quicker where a request is as nearly all are.

What is a request otherwise, and what is none, decides h11 as always."""

import asyncio
from contextvars import copy_context
from typing import Any, Protocol

import h11
import orjson
from h11 import IDLE
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.events import Body, EndBody, Request, Response, StreamClosed
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol
from hypercorn.protocol.http_stream import HTTPStream

from agent.shared.clock import random_id
from agent.shared.plain_http import Head, PlainAnswer, read_head
from agent.shared.whole_answers import WholeAnswers

UNREADABLE = {
    431: ("headers-too-large", "The address and the headers together are longer than fits here."),
    501: ("not-implemented", "The body comes in a way that is not understood here."),
}
# A model that answers at once does so in the second of them, and whoever hears it in the third.
TURNS = 3
HELD_UP_S = 0.5  # a loop that is this late has not read yet what was sent in time


class Idle:
    """The time in which nothing is asked on a connection. In the place of Hypercorn's, which is a
    task that is made and cancelled for each request."""

    def __init__(self, server: TCPServer, held: set["Idle"]) -> None:
        """`held` are those of all connections that are idle now."""
        self._server, self._held = server, held
        self._timer: asyncio.Handle | None = None
        self._due_s = 0.0
        self._context = copy_context()  # not that of the last request, which would be held by it

    async def restart(self, *_: object) -> None:
        """It begins, or begins anew."""
        await self.stop()
        if self._server.context.terminated.is_set():
            self.end()
            return
        self._wait(self._server.config.keep_alive_timeout)
        self._held.add(self)

    async def stop(self) -> None:
        """Something is asked, or the connection is closed."""
        self._held.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._due_s = loop.time() + seconds
        self._timer = loop.call_later(seconds, self._over, context=self._context)

    def _over(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - self._due_s > HELD_UP_S:
            self._wait(HELD_UP_S)
        else:  # after whoever has read a question by now: else it is done, and its answer lost
            self._timer = loop.call_soon(self.end)

    def end(self) -> None:
        """Closes the connection; who reads from it sees that, and ends the rest."""
        self._held.discard(self)
        self._server.writer.close()


class QuickConnection(TCPServer):
    """One connection."""

    writer: WholeAnswers

    def __init__(self, idle: set[Idle], *args: Any) -> None:  # Any: those of TCPServer
        super().__init__(*args)
        self._idle = Idle(self, idle)
        self.idle_task = self._idle  # type: ignore[assignment] # of the same shape

    async def protocol_send(self, event: Event) -> None:
        if isinstance(event, RawData):
            await self.write(event.data)
        else:
            await super().protocol_send(event)

    async def write(self, data: bytes, *, turns: int = 1) -> None:
        """Sends it after so many turns of the loop, with what is written until then."""
        try:
            self.writer.write(data, turns=turns)
            await self.writer.drain()
        except (ConnectionError, RuntimeError):
            await self.protocol.handle(Closed())

    async def _read_data(self) -> None:
        slow = self.protocol.protocol
        if isinstance(slow, H11Protocol):
            self.protocol.protocol = QuickProtocol(
                self.write,
                self._idle,
                slow.app,
                slow.config,
                slow.context,
                slow.task_group,
                slow.connection_state,
                slow.ssl,
                slow.client,
                slow.server,
                slow.send,
            )
        try:
            await super()._read_data()
        finally:
            await self._idle.stop()


class Write(Protocol):
    """Of a connection: sends after so many turns of the loop."""

    async def __call__(self, data: bytes, *, turns: int = 1) -> None: ...


class QuickProtocol(H11Protocol):
    """Reads and answers by itself what is plain, and leaves everything else to h11."""

    _plain: PlainAnswer | None = None  # to the request that is under way, if it is plain
    _coming = 0  # bytes of its body that are not here yet
    _is_closed = False

    def __init__(self, write: Write, idle: Idle, *args: Any) -> None:  # Any: those of H11Protocol
        super().__init__(*args)
        self._write, self._idle = write, idle

    async def handle(self, event: Event) -> None:
        if not isinstance(event, RawData):
            await super().handle(event)
            if isinstance(event, Closed):
                self._is_closed = True
                await self.can_read.set()  # what came behind is for nobody
            return
        data = event.data
        if not data:
            await self._read_end()
        while data and not self._is_closed:
            if self._coming:
                data = await self._take_body(data)
            elif self._plain is not None:  # the next request, which waits for the answer to this
                await self.can_read.clear()
                await self.can_read.wait()
            elif self._is_between() and (head := read_head(data)):
                data = await self._begin(head, data[head.size :])
            else:
                await super().handle(RawData(data))
                return

    def _is_between(self) -> bool:
        """Whether nothing is under way, and h11 has not begun to read something."""
        return (
            self.stream is None
            and isinstance(self.connection, h11.Connection)
            and self.connection.their_state is IDLE
            and self.connection.trailing_data == (b"", False)
        )

    async def _begin(self, head: Head, rest: bytes) -> bytes:
        """Sets a request going, with what is here of its body. Returns what is behind that."""
        self._plain, self._coming = PlainAnswer(is_last=head.is_last), head.body_bytes
        await self._idle.stop()
        self.stream = HTTPStream(
            self.app,
            self.config,
            self.context,
            self.task_group,
            self.ssl,
            self.client,
            self.server,
            self.stream_send,
            STREAM_ID,
        )
        await self.stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=head.fields,
                http_version="1.1",
                method=head.method,
                raw_path=head.target,
                state=self.connection_state,
            )
        )
        self.keep_alive_requests += 1
        await self.context.mark_request()
        if rest or not self._coming:
            return await self._take_body(rest)
        return b""

    async def _take_body(self, data: bytes) -> bytes:
        """Hands on what belongs to the body. Returns what is behind it."""
        mine, rest = data[: self._coming], data[self._coming :]
        self._coming -= len(mine)
        if isinstance(self.stream, HTTPStream) and not self.stream.closed:
            is_more = self._coming > 0
            await self.stream.app_put({"type": "http.request", "body": mine, "more_body": is_more})
        return rest

    async def _read_end(self) -> None:
        """The other side sends no more; if that is too little, it may still hear so."""
        if self._plain is None:
            await super().handle(RawData(b""))
        elif self._coming:
            self._is_closed = True  # an answer that begins now would get into this one
            if not self._plain.is_begun:
                await self._send_error_response(400)
            await self.send(Closed())

    async def stream_send(self, event: StreamEvent) -> None:
        plain = self._plain
        if plain is None:
            await super().stream_send(event)
        elif self._is_closed and not isinstance(event, StreamClosed):
            pass  # there is nobody to hear it
        elif isinstance(event, Body):
            await self._write(plain.piece(event.data))
        elif isinstance(event, Response):
            fields = [*event.headers, *self.config.response_headers("h11")]
            if self.keep_alive_requests >= self.config.keep_alive_max_requests:
                plain.is_last = True
            head = plain.head(event.status_code, fields)
            await self._write(head, turns=TURNS if plain.is_chunked else 1)
        elif isinstance(event, EndBody):
            if end := plain.end():
                await self._write(end)
        elif isinstance(event, StreamClosed):
            await self._maybe_recycle()

    async def _maybe_recycle(self) -> None:
        plain = self._plain
        if plain is None:
            await super()._maybe_recycle()
            return
        await self._close_stream()
        is_over = plain.is_whole and not self._coming
        is_kept = is_over and not plain.is_last and not self.context.terminated.is_set()
        self._plain, self._coming, self._is_closed = None, 0, not is_kept
        await self.can_read.set()
        if is_kept:
            await self._idle.restart()
        else:
            await self.send(Closed())

    async def _send_error_response(self, status_code: int) -> None:
        """To what is no request, or one that no route sees: in the words of every other error."""
        from agent.shared.problems import MEDIA, document  # slow import

        code, detail = UNREADABLE.get(status_code, ("bad-request", "This is no HTTP/1.1 request."))
        request_id = random_id()
        body = orjson.dumps(document(code, status_code, detail, request_id=request_id))
        headers = [
            (b"content-type", MEDIA.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            (b"x-request-id", request_id.encode()),
            *self.config.response_headers("h11"),
        ]
        head = h11.Response(headers=headers, status_code=status_code)
        parts = [self.connection.send(one) for one in (head, h11.Data(body), h11.EndOfMessage())]
        await self.send(RawData(b"".join(part or b"" for part in parts)))
