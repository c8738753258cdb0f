"""Hypercorn's HTTP/1.1, quicker at what comes with each request and with each piece of a stream.

What a request is, and what is none, decides h11 as always."""

import asyncio
import re
from typing import Any

import h11
import orjson
from h11 import ERROR, SEND_BODY, LocalProtocolError
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.events import Body, Request, Response
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.typing import H11SendableEvent

from agent.shared.clock import random_id
from agent.shared.whole_answers import WholeAnswers

FRAMING = (b"connection", b"content-length", b"transfer-encoding")
# RFC 9110, 5.1 and 5.5, without what is seldom: capitals in names, tabs in values.
NAME, VALUE = (
    rb"[!#$%&'*+\-.^_`|~0-9a-z]+",
    rb"[^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?",
)
FIELDS = re.compile(rb"(?:%b: (?:%b)?\r\n)*" % (NAME, VALUE))
CHUNKED = b"\r\ntransfer-encoding: chunked\r\n"
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
        self._timer = loop.call_later(seconds, self._over)

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


class HeadOfStream(RawData):
    """The head of an answer that goes on."""


class QuickConnection(TCPServer):
    """One connection."""

    writer: WholeAnswers

    def __init__(self, idle: set[Idle], *args: Any) -> None:  # Any: those of TCPServer
        super().__init__(*args)
        self.idle_task = Idle(self, idle)  # type: ignore[assignment] # of the same shape

    async def protocol_send(self, event: Event) -> None:
        if not isinstance(event, RawData):
            await super().protocol_send(event)
            return
        try:
            self.writer.write(event.data, turns=TURNS if isinstance(event, HeadOfStream) else 1)
            await self.writer.drain()
        except (ConnectionError, RuntimeError):
            await self.protocol.handle(Closed())

    async def _read_data(self) -> None:
        slow = self.protocol.protocol
        if isinstance(slow, H11Protocol):
            self.protocol.protocol = QuickProtocol(
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
            await self.idle_task.stop()


class QuickProtocol(H11Protocol):
    """Puts the pieces of a stream into chunks by itself, and writes those fields of a head that
    do not frame a body: h11 knows no more after them."""

    _is_chunked = False
    _sent: list[tuple[bytes, bytes]]  # the fields of the present request
    _is_plain = False  # it asks for no other protocol

    async def _check_protocol(self, event: h11.Request) -> None:
        # Through h11's own list of them, one by one, Hypercorn goes three times.
        self._sent = [(name.lower(), value) for name, value in event.headers.raw_items()]
        asks_for_other = any(name == b"upgrade" for name, _ in self._sent)
        self._is_plain = event.method != b"PRI" and not asks_for_other
        if not self._is_plain:
            await super()._check_protocol(event)

    async def _create_stream(self, request: h11.Request) -> None:
        if not self._is_plain:
            await super()._create_stream(request)
            return
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
                headers=self._sent,
                http_version=request.http_version.decode(),
                method=request.method.decode().upper(),
                raw_path=request.target,
                state=self.connection_state,
            )
        )
        self.keep_alive_requests += 1
        await self.context.mark_request()

    async def stream_send(self, event: StreamEvent) -> None:
        in_stream = self._is_chunked and self.connection.our_state is SEND_BODY
        if in_stream and isinstance(event, Body) and event.data:  # an empty chunk is the end
            await self.send(RawData(b"%x\r\n%b\r\n" % (len(event.data), event.data)))
        elif isinstance(event, Response) and event.status_code >= 200:
            await self._send_head(event)
        else:
            await super().stream_send(event)

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
        await self._send_h11_event(h11.Response(headers=headers, status_code=status_code))
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())

    async def _send_head(self, event: Response) -> None:
        headers = [*event.headers, *self.config.response_headers("h11")]
        if self.keep_alive_requests >= self.config.keep_alive_max_requests:
            headers.append((b"connection", b"close"))
        others = [one for one in headers if one[0] not in FRAMING]
        fields = b"".join([b"%b: %b\r\n" % one for one in others])
        if fields.count(b"\n") == len(others) and FIELDS.fullmatch(fields):
            headers = [one for one in headers if one[0] in FRAMING]
        else:
            fields = b""  # h11 says what is wrong
        head = h11.Response(headers=headers, status_code=event.status_code)
        await self._send_h11_event(head, fields)

    async def _send_h11_event(self, event: H11SendableEvent, fields: bytes = b"") -> None:
        try:
            data = self.connection.send(event)
        except LocalProtocolError:
            if self.connection.their_state != ERROR:
                raise
            return
        if not isinstance(event, h11.Response):
            await self.send(RawData(data))
            return
        self._is_chunked = CHUNKED in data.lower()
        data = b"%b%b\r\n" % (data[:-2], fields)  # before the empty line
        await self.send(HeadOfStream(data) if self._is_chunked else RawData(data))
