"""Quart, quicker at what it does at the start and for each request: what is the same for all
requests of a route is looked up once."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from inspect import CO_COROUTINE
from operator import attrgetter
from typing import Any

from quart import Quart
from quart.ctx import RequestContext
from quart.globals import request_ctx
from quart.sessions import NullSession, SessionInterface
from quart.typing import ResponseReturnValue, ResponseTypes
from quart.wrappers import Request
from quart.wrappers.base import BaseRequestWebsocket
from werkzeug.routing import MapAdapter

from agent.shared.bodies import HeldRequest
from agent.shared.exchanges import Exchange
from agent.shared.routing import LazyRule

Function = Callable[..., Any]  # Any: of Quart
_ID = re.compile("([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64})")  # or a SHA-256
_ARGUMENT = re.compile("<(?:[^>]*:)?([^>:]+)>")  # of a rule


@dataclass(frozen=True, slots=True)
class _Around:
    """What runs around the handler of one route, in its order."""

    before: tuple[Function, ...]
    after: tuple[Function, ...]
    at_end: tuple[Function, ...]


class _Sessionless(SessionInterface):
    """Nothing of ours is kept in Quart's cookie."""

    nothing = NullSession()

    async def open_session(self, app: Quart, request: BaseRequestWebsocket) -> NullSession:
        return self.nothing

    async def save_session(self, *_: object) -> None:
        """There is nothing to save."""


class _Context(RequestContext):
    app: "WebApp"
    request = property(attrgetter("request_websocket"))

    def match_request(self) -> None:
        sent, known_routes = self.request_websocket, self.app.known_routes
        parts = _ID.split(sent.path)
        between, ids = parts[::2], parts[1::2]
        if known := known_routes.get((sent.method, *between)):
            sent.url_rule, names = known
            sent.view_args = dict(zip(names, ids, strict=True))
            return
        super().match_request()
        rule = sent.url_rule
        if rule is None:
            return
        names = _ARGUMENT.findall(rule.rule)
        if len(names) == len(ids) and dict(zip(names, ids, strict=True)) == sent.view_args:
            known_routes[sent.method, *between] = rule, names


class WebApp(Quart):
    """Keeps every promise of Quart's, but for signals and sessions, which nobody here uses."""

    url_rule_class = LazyRule
    request_class = HeldRequest
    asgi_http_class = Exchange
    session_interface = _Sessionless()  # type: ignore[assignment] # Quart names its own alone

    def __init__(self, name: str) -> None:
        super().__init__(name, static_folder=None)
        self.host = "localhost"  # of addresses that an answer leads to
        # Those of addresses that are told apart by ids alone (no rule has an id in itself): the
        # method and what stands between the ids, to the rule and what it calls them.
        self.known_routes: dict[tuple[str, ...], tuple[Any, list[str]]] = {}  # Any: QuartRule
        self._around: dict[str | None, _Around] = {}

    def create_url_adapter(self, request: BaseRequestWebsocket | None) -> MapAdapter | None:
        """By the path alone: what is sent as Host is for others to look at."""
        if request is None:
            return None
        query = request.query_string.decode(errors="replace")
        return MapAdapter(
            self.url_map,
            self.host,
            request.root_path or "/",
            "",
            request.scheme,
            request.path,
            request.method,
            query,
        )

    def request_context(self, request: Request) -> RequestContext:
        return _Context(self, request)

    def ensure_async(self, func: Function) -> Function:
        code = getattr(func, "__code__", None)
        if code is not None and code.co_flags & CO_COROUTINE:
            return func
        return super().ensure_async(func)

    async def preprocess_request(
        self, request_context: RequestContext | None = None
    ) -> ResponseReturnValue | None:
        sent = (request_context or request_ctx).request
        for function in self._around_of(sent).before:
            result: ResponseReturnValue | None = await function()
            if result is not None:
                return result
        return None

    async def process_response(
        self, response: ResponseTypes, request_context: RequestContext | None = None
    ) -> ResponseTypes:
        context = request_context or request_ctx
        for once in context._after_request_functions:
            response = await self.ensure_async(once)(response)
        for function in self._around_of(context.request).after:
            response = await function(response)
        return response

    async def do_teardown_request(
        self, exc: BaseException | None, request_context: RequestContext | None = None
    ) -> None:
        sent = (request_context or request_ctx).request
        for function in self._around_of(sent).at_end:
            await function(exc)

    def _around_of(self, sent: Request) -> _Around:
        found = self._around.get(sent.endpoint)
        if found is None:
            inner, ready = sent.blueprints, self.ensure_async
            found = self._around[sent.endpoint] = _Around(
                tuple(
                    ready(one)
                    for name in (None, *reversed(inner))
                    for one in self.before_request_funcs[name]
                ),
                tuple(
                    ready(one)
                    for name in (*inner, None)
                    for one in reversed(self.after_request_funcs[name])
                ),
                tuple(
                    ready(one)
                    for name in (*inner, None)
                    for one in reversed(self.teardown_request_funcs[name])
                ),
            )
        return found
