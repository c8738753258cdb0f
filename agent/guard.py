"""The localhost wall: one ordered list that every request passes, known address or not."""

import logging
import re
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from quart import Quart, Response, g, has_websocket_context, request, websocket
from quart.typing import ResponseTypes
from quart.wrappers.base import BaseRequestWebsocket

from agent import plain
from agent.access.here import cookie_name, keep_session
from agent.access.limits import Allowance, RateLimit
from agent.access.routes import PAIRING_PATH
from agent.access.rules import NAMES, Caller, address
from agent.access.service import AccessService
from agent.headers import ALWAYS, UNLESS_SAID
from agent.shared.clock import NewId, random_id
from agent.shared.errors import Denied, Malformed, TooMany, Unauthenticated
from agent.shared.request_id import CURRENT
from agent.shared.web import ANY_SCOPE, COUNTED_ATTRIBUTE, PUBLIC_ATTRIBUTE, SCOPE_ATTRIBUTE
from agent.shared.webapp import WebApp

PAGES = "/ui"
READING = ("GET", "HEAD")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

Asgi = Callable[
    [Scope, ASGIReceiveCallable, ASGISendCallable], Coroutine[Any, Any, None]
]  # Any: of the library

log = logging.getLogger("agent.request")


@dataclass(slots=True)
class Asked:
    """A request as the wall sees it: what was sent, and what the route's marks say."""

    method: str
    target: str
    path: str
    is_websocket: bool
    hosts: list[str]
    fields: dict[str, str]
    scope: str
    is_public: bool
    is_counted: bool

    @property
    def is_reading(self) -> bool:
        return self.method in READING and not self.is_websocket

    @property
    def is_navigation(self) -> bool:
        """A browser opens the address as a page of its own."""
        mode, frame = self.fields.get("sec-fetch-mode"), self.fields.get("sec-fetch-dest")
        if mode is None and frame is None:
            return self.is_reading and "text/html" in self.fields.get("accept", "")
        return self.is_reading and mode == "navigate" and frame == "document"

    @property
    def bearer(self) -> str | None:
        if self.path.startswith(plain.PRINT_HOSTS) and (key := self.fields.get("x-api-key")):
            return key  # as slicers call a token
        kind, _, secret = self.fields.get("authorization", "").partition(" ")
        return secret.strip() if kind.lower() == "bearer" else None


class Guard:
    """Lets a request in, or raises what is wrong with it; the order is the security."""

    def __init__(
        self,
        app: Quart,
        access: AccessService,
        port: int,
        new_id: NewId,
        rate: RateLimit | None,
    ) -> None:
        self._app, self._access, self._port, self._new_id = app, access, port, new_id
        self._rate = rate
        self._cookie = cookie_name(port)
        self._origins = {address(port, name) for name in NAMES}
        if port == 80:  # which browsers leave out
            self._origins |= {f"http://{name}" for name in NAMES}
        self._hosts = {origin.removeprefix("http://") for origin in self._origins}

    async def admit(self) -> Response | None:
        """The list. Says who it is in `g.caller`, None for a stranger on a public route."""
        noted = g._get_current_object()
        asked = self._asked(noted)
        self._is_for_us(asked)
        self._is_from_our_origin(asked)
        self._is_from_our_page(asked)
        self._is_meant(asked)
        cookie = self._session_cookie(asked)
        if asked.is_public:
            if asked.bearer or cookie:
                noted.caller = await self._access.guess(bearer=asked.bearer, cookie=cookie)
            return None
        try:
            noted.caller = await self._access.who(bearer=asked.bearer, cookie=cookie)
        except Unauthenticated:
            if asked.is_navigation:
                return plain.sign_in()
            raise
        self._may(noted.caller, asked.scope)
        if asked.is_counted:
            self._count(noted.caller)
        return None

    def _asked(self, noted: Any) -> Asked:  # Any: whatever is noted of a request
        proxy = websocket if has_websocket_context() else request
        sent: BaseRequestWebsocket = proxy._get_current_object()  # type: ignore[union-attr] # it has
        fields: dict[str, str] = {}
        hosts: list[str] = []
        for raw_name, raw_value in sent.scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
            fields[name] = value
            if name == "host":
                hosts.append(value)
        given = fields.get("x-request-id", "")
        noted.request_id = given if REQUEST_ID.fullmatch(given) else self._new_id()
        CURRENT.set(noted.request_id)
        noted.started_s, noted.caller, noted.allowance = time.perf_counter(), None, None
        handler = self._app.view_functions.get(sent.endpoint) if sent.endpoint else None
        return Asked(
            method=sent.method,
            target=sent.scope["raw_path"].decode("latin-1"),
            path=sent.path,
            is_websocket=sent.scope["type"] == "websocket",
            hosts=hosts,
            fields=fields,
            scope=getattr(handler, SCOPE_ATTRIBUTE, "admin"),
            is_public=getattr(handler, PUBLIC_ATTRIBUTE, False) and sent.method != "OPTIONS",
            is_counted=getattr(handler, COUNTED_ATTRIBUTE, False),
        )

    def _is_for_us(self, asked: Asked) -> None:
        """A rebound name has the right address, and the wrong Host."""
        if not asked.hosts or not asked.hosts[0]:
            raise Malformed("host-missing", "Send a Host header.")
        if len(asked.hosts) > 1 or asked.hosts[0].lower() not in self._hosts:
            raise Denied(
                "foreign-host", f"The agent answers at {address(self._port)} and at no other name."
            )
        if not asked.target.startswith("/"):  # a whole URL names a host of its own
            raise Malformed("bad-target", "Ask for a path, such as /ui.")

    def _is_from_our_origin(self, asked: Asked) -> None:
        origin = asked.fields.get("origin")
        if origin is not None and origin not in self._origins:
            raise Denied("foreign-origin", "Pages of other sites must not use the agent.")
        if "access-control-request-method" in asked.fields:
            raise Denied("no-preflight", "The agent gives no other origin leave to ask.")

    def _is_from_our_page(self, asked: Asked) -> None:
        """`same-site` is another port of this machine, which may be anybody's."""
        if asked.fields.get("sec-fetch-site") in (None, "same-origin", "none"):
            return
        is_page = asked.path == PAGES or asked.path.startswith(f"{PAGES}/")
        # A link or the slicer's own page may lead to the panel, which holds no data by itself.
        if not (is_page and asked.is_navigation):
            raise Denied("foreign-page", "Pages of other sites must not use the agent.")

    def _is_meant(self, asked: Asked) -> None:
        """What changes something must come from our page, or from one who holds a token."""
        fields = asked.fields
        if asked.is_reading or asked.bearer is not None:
            return
        if "sec-fetch-site" in fields or "origin" in fields:  # our own, as was seen above
            return
        if asked.is_public and asked.path == PAIRING_PATH:  # a program that has nothing yet
            return
        if "cookie" in fields:
            raise Denied(
                "not-from-our-page",
                "A session can change things from the panel alone. Programs send a token.",
            )
        raise Unauthenticated("unauthenticated", "Send a token: `Authorization: Bearer ...`.")

    def _may(self, caller: Caller, scope: str) -> None:
        if scope != ANY_SCOPE and not caller.may(scope):
            raise Denied(
                "scope-missing", f"This needs a token with the scope {scope}.", scope=scope
            )

    def _count(self, caller: Caller) -> None:
        if self._rate is None:
            return
        allowance = g.allowance = self._rate.take(caller.id)
        if not allowance.is_granted:
            raise TooMany(
                "too-many-requests",
                f"More than {allowance.limit} requests in a minute. Go on in "
                f"{allowance.reset_s:.0f} s, or raise the setting requests_per_minute.",
                retry_after_s=max(1, round(allowance.reset_s)),
            )

    def _session_cookie(self, asked: Asked) -> str | None:
        if "cookie" not in asked.fields:
            return None
        sent: BaseRequestWebsocket = websocket if asked.is_websocket else request
        return sent.cookies.get(self._cookie)

    def seal(self, response: ResponseTypes) -> ResponseTypes:
        """What every answer carries."""
        headers = response.headers
        there = {name.lower() for name, _ in headers}
        for name, value in (*ALWAYS, ("X-Request-ID", CURRENT.get())):
            if name.lower() in there:
                headers.remove(name)
            headers.add(name, value)
        for name, value in UNLESS_SAID:
            if name.lower() not in there:
                headers.add(name, value)
        return response

    async def finish(self, response: ResponseTypes) -> ResponseTypes:
        """Seals the answer of a request, and notes it without anything that was sent."""
        self.seal(response)
        noted = g._get_current_object()
        allowance: Allowance | None = noted.allowance
        if allowance:
            response.headers.update(allowance.headers)
        caller: Caller | None = noted.caller
        if caller and caller.is_renewed and caller.kind == "session":
            keep_session(response, request.cookies[self._cookie], self._port)
        self._note(response)
        return response

    def _note(self, response: ResponseTypes) -> None:
        status = response.status_code
        # An open page looks every few seconds whether all is well: it would bury what is not.
        is_mere_look = request.method in READING and (status < 300 or status == 304)
        level = logging.DEBUG if is_mere_look else logging.INFO
        if log.isEnabledFor(level):
            rule = request.url_rule
            log.log(
                level,
                "request",
                extra={
                    "request_id": g.request_id,
                    "method": request.method,
                    "route": rule.rule if rule else None,
                    "status": status,
                    "ms": round((time.perf_counter() - g.started_s) * 1000, 1),
                },
            )

    async def refuse(self, response: ResponseTypes | None) -> ResponseTypes | None:
        """As `finish` for a socket that was not let in."""
        return self.seal(response) if response is not None else None


def install(
    app: WebApp,
    access: AccessService,
    *,
    port: int,
    new_id: NewId = random_id,
    rate: RateLimit | None = None,
) -> None:
    """Puts the wall around the app. To be called before anything else hooks into requests."""
    guard = Guard(app, access, port, new_id, rate)
    app.host = f"{NAMES[0]}:{port}"
    app.asgi_app = _with_a_path(app.asgi_app)  # type: ignore[method-assign,assignment]  # so wanted
    app.before_request(guard.admit)
    app.before_websocket(guard.admit)
    app.after_request(guard.finish)
    app.after_websocket(guard.refuse)


def _with_a_path(app: Asgi) -> Asgi:
    async def call(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "lifespan" and not scope["path"]:
            scope["path"] = "/"  # Quart looks at the first letter; the wall sees what was sent
        await app(scope, receive, send)

    return call
