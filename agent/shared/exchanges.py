"""One request and its answer, between the server and the program.

Quart makes a task that hears whether the client is still there, and another one that answers; most
answers are made sooner than the two."""

import asyncio
from contextvars import ContextVar
from functools import partial

from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    HTTPScope,
)
from quart import Quart, Request
from quart.asgi import ASGIHTTPConnection
from quart.typing import ResponseTypes
from quart.wrappers.response import DataBody
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequestKeyError
from werkzeug.wrappers import Response as WerkzeugResponse

from agent.shared.bodies import HeldBody
from agent.shared.tasks import beside

HEARD_AFTER_S = 0.01  # a client that left; an answer that comes before is sent to nobody
OF_BODIES = (b"content-length", b"transfer-encoding")
OF_READING = ("GET", "HEAD", "OPTIONS")


def _at_hand(receive: ASGIReceiveCallable) -> ASGIReceiveEvent | None:
    """The next message if it has come; else it stays for who waits for it."""
    coming = receive().__await__()
    try:
        next(coming)
    except StopIteration as here:
        message: ASGIReceiveEvent = here.value
        return message
    coming.close()
    return None


class SentHeaders(Headers):
    """Those of a request, found by their name at once. Nobody adds to them."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__()
        self._list = pairs
        self._first: dict[str, str] = {}
        for name, value in pairs:
            self._first.setdefault(name.lower(), value)

    def _get_key(self, key: str) -> str:
        found = self._first.get(key.lower())
        if found is None:
            raise BadRequestKeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._first

    def get(self, key, default=None, type=None):  # type: ignore[no-untyped-def,override] # noqa: ANN001, ANN201, A002 - as there
        """As of every Headers; to miss one costs no exception."""
        if type is None:
            return self._first.get(key.lower(), default)
        return super().get(key, default, type)


class Exchange(ASGIHTTPConnection):
    """Answers in the task of the server's, and hears in another one that the client has gone.

    A handler that only reads ends then, and so does one whose request has not come whole, that
    sends a stream, or that said so by `end_with_client`. All others come to their end: what they
    began to change would else be written down and not yet in force, or the other way round."""

    def __init__(self, app: Quart, scope: HTTPScope) -> None:
        super().__init__(app, scope)
        self._handler: asyncio.Task[object] | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._is_answered = self._is_left = self._has_gone = False
        self._ends_with_client = scope["method"] in OF_READING
        self._is_whole = False

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        request = self._create_request_from_scope(send)
        self._handler = asyncio.current_task()
        CURRENT.set(self)
        hear = partial(self._begin_to_hear, request, receive)
        later: asyncio.TimerHandle | None = None
        if self._is_without_body() or self._has_come(request, receive):
            self._is_whole = True
            request.body.set_complete()
            later = asyncio.get_running_loop().call_later(HEARD_AFTER_S, hear)
        elif self._has_gone:
            return
        else:
            hear()
        try:
            await self.handle_request(request, send)
        except asyncio.CancelledError:
            if not self._is_left or (self._handler and self._handler.uncancel()):
                raise
        finally:
            if later is not None:
                later.cancel()
            if self._hearing is not None:
                self._hearing.cancel()
            # Each task's context holds this: a circle, which would stay until Python looks for it.
            self._handler = self._hearing = None

    def _is_without_body(self) -> bool:
        """Whether it is certain that none comes."""
        names = [name for name, _ in self.scope["headers"]]
        is_told = any(name in names for name in OF_BODIES)
        return self.scope["http_version"] in {"1.0", "1.1"} and not is_told

    def _has_come(self, request: Request, receive: ASGIReceiveCallable) -> bool:
        """Whether all of the body is here, as it nearly always is where it is small. What has come
        of it is taken in."""
        while (message := _at_hand(receive)) is not None:
            if message["type"] != "http.request":
                self._has_gone = True
                return False
            request.body.append(message.get("body", b""))
            if not message.get("more_body", False):
                return True
            if isinstance(request.body, HeldBody) and not request.body.has_room:
                break
        return False

    def _begin_to_hear(self, request: Request, receive: ASGIReceiveCallable) -> None:
        self._hearing = beside(self.handle_messages(request, receive), name="hearing")

    async def handle_messages(self, request: Request, receive: ASGIReceiveCallable) -> None:
        """Takes in the body, until the client has gone."""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self._has_gone = True
                self._leave()
                return
            if message["type"] == "http.request":
                request.body.append(message.get("body", b""))
                if not message.get("more_body", False):
                    self._is_whole = True
                    request.body.set_complete()
                elif isinstance(request.body, HeldBody):
                    await request.body.room()

    def end_with_client(self) -> None:
        """From now on, and at once if the client has gone already."""
        self._ends_with_client = True
        if self._has_gone:
            self._leave()

    def _leave(self) -> None:
        is_of_use = self._is_whole and not self._ends_with_client
        if self._handler is not None and not (self._is_answered or is_of_use):
            self._is_left = True
            self._handler.cancel()

    def _create_request_from_scope(self, send: ASGISendCallable) -> Request:
        scope, config = self.scope, self.app.config
        if scope["http_version"] < "1.1" or scope.get("root_path"):  # seldom, and Quart knows how
            return super()._create_request_from_scope(send)
        client = scope.get("client")
        pairs = [("Remote-Addr", client[0] if client else "<local>")]
        for name, value in scope["headers"]:
            pairs.append((name.decode("latin-1").title(), value.decode("latin-1")))
        return self.app.request_class(
            scope["method"],
            scope["scheme"],
            scope["path"],
            scope["query_string"],
            SentHeaders(pairs),
            "",
            scope["http_version"],
            max_content_length=config["MAX_CONTENT_LENGTH"],
            body_timeout=config["BODY_TIMEOUT"],
            send_push_promise=partial(self._send_push_promise, send),
            scope=scope,
        )

    async def _send_response(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        if isinstance(response, WerkzeugResponse):  # of an exception that nobody translates
            await super()._send_response(send, response)
            return
        headers = [(name.lower().encode(), value.encode()) for name, value in response.headers]
        await send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": headers,
                "trailers": False,
            }
        )
        rest = b""
        if isinstance(response.response, DataBody):
            body = response.response
            rest = body.data[body.begin : body.end]
        else:
            self.end_with_client()
            async with response.response as parts:
                async for part in parts:
                    data = part.encode() if isinstance(part, str) else part
                    await send({"type": "http.response.body", "body": data, "more_body": True})
        self._is_answered = True  # the server says that it is over as if the client had gone
        await send({"type": "http.response.body", "body": rest, "more_body": False})


CURRENT: ContextVar[Exchange] = ContextVar("exchange")


def end_with_client() -> None:
    """What the present request asks for is of no use when its client has left: it ends then."""
    CURRENT.get().end_with_client()
