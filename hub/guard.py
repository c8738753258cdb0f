"""The hub's door: one ordered list that every request passes, known address or not."""

import hmac
import logging
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from quart import Quart, Request, Response, g, request
from quart.typing import ResponseTypes
from werkzeug.datastructures import Headers

from agent.shared.clock import NewId
from agent.shared.errors import Denied, Malformed, Unauthenticated, Unavailable
from agent.shared.request_id import CURRENT
from agent.shared.web import current
from hub.access import PUBLIC, RULE_ATTRIBUTE, Principal, Rule, check
from hub.core import Bearer, Door
from hub.identity.known_browsers import NAMES, KnownBrowsers
from hub.identity.sessions import SessionService

READING = ("GET", "HEAD")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Asked by Kubernetes, Prometheus and proxies, at whatever address they know.
PROBES = ("/api/v1/health/live", "/api/v1/health/ready", "/metrics")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def _lower(*headers: tuple[str, str]) -> tuple[tuple[str, str, str], ...]:
    return tuple((name.lower(), name, value) for name, value in headers)


# What a route says of itself stays as it is.
FIXED_HEADERS = _lower(
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Content-Security-Policy", POLICY),
    ("Cache-Control", "no-store"),
)
# They say something of pages alone.
PAGE_HEADERS = _lower(
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
SECURE_HEADERS = _lower(("Strict-Transport-Security", "max-age=31536000"))

log = logging.getLogger("hub.request")


@dataclass(frozen=True, slots=True)
class Cookie:
    """The session's. `__Host-` keeps other hosts of the same domain from setting it."""

    is_secure: bool

    @property
    def name(self) -> str:
        return "__Host-orca-hub" if self.is_secure else "orca-hub"

    def keep(self, response: ResponseTypes, secret: str, ends_in_s: int) -> None:
        # Lax: the way back from the identity provider is a link of another site.
        response.set_cookie(
            self.name,
            secret,
            max_age=ends_in_s,
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite="Lax",
        )

    def forget(self, response: ResponseTypes) -> None:
        response.delete_cookie(
            self.name, path="/", secure=self.is_secure, httponly=True, samesite="Lax"
        )


class Guard:
    """Lets a request in, or raises what is wrong with it; the order is the security."""

    def __init__(
        self,
        app: Quart,
        sessions: SessionService,
        known: KnownBrowsers,
        cookie: Cookie,
        *,
        origin: str,
        port: int,
        new_id: NewId,
        metrics_token: str | None,
        bearers: Mapping[str, Bearer],
        doors: Sequence[Door],
        lent: Collection[str] = (),
    ) -> None:
        """`lent`: other origins, whose pages may ask with a token."""
        self._app, self._sessions, self._cookie, self._new_id = app, sessions, cookie, new_id
        self._known, self._bearers, self._doors, self._lent = known, bearers, doors, lent
        self._origins = {origin, f"http://127.0.0.1:{port}", f"http://localhost:{port}"}
        self._hosts = {urlsplit(one).netloc for one in self._origins}
        self._metrics_token = metrics_token

    async def admit(self) -> None:
        """The list. Says who it is in `g.principal`, None for a stranger on a public route."""
        sent, noted = _sent(), g._get_current_object()
        named = sent.headers.get("X-Request-ID")
        request_id = named if named and REQUEST_ID.fullmatch(named) else self._new_id()
        CURRENT.set(request_id)
        noted.request_id, noted.started_s, noted.principal = request_id, time.perf_counter(), None
        self._is_for_us(sent)
        self._is_from_our_origin(sent)
        rule = self._rule(sent)
        noted.is_public = rule is PUBLIC
        if rule.is_measuring:
            self._may_measure(sent)
            return
        try:
            who = await self._who(sent, is_public=rule is PUBLIC)
        except (Unauthenticated, Denied):
            await self._pass_doors(None)  # a wrong token counts as what a stranger sends
            raise
        noted.principal = who
        await self._pass_doors(who)
        if rule is PUBLIC:
            return
        if who is None:
            raise Unauthenticated("unauthenticated", "Sign in first, or send a token.")
        check(rule, who)

    async def _pass_doors(self, who: Principal | None) -> None:
        if who is None:  # a stranger who has been here before is not counted with all others
            cookies = request.cookies
            kept = next((found for name in NAMES if (found := cookies.get(name))), "")
            g.known_account = self._known.account_of(kept)
        for door in self._doors:
            await door(who)

    def _is_for_us(self, sent: "_Sent") -> None:
        """A rebound name, or a link in a mail that was made of a foreign Host."""
        hosts = sent.headers.getlist("Host")
        if sent.path in PROBES and sent.method in READING:
            return
        if len(hosts) != 1 or not hosts[0]:
            raise Malformed("host-missing", "Send one Host header.")
        if hosts[0].lower() not in self._hosts:
            raise Denied(
                "foreign-host", "The hub does not answer by this name (setting public_url)."
            )

    def _is_from_our_origin(self, sent: "_Sent") -> None:
        """What changes something and is sent by a browser must come from our own pages."""
        origin = sent.headers.get("Origin")
        is_lent = origin in self._lent and sent.bearer is not None
        if origin is not None and origin not in self._origins and not is_lent:
            raise Denied("foreign-origin", "Pages of other sites must not use the hub.")
        if "Access-Control-Request-Method" in sent.headers:
            raise Denied("no-preflight", "The hub gives no other origin leave to ask.")
        if sent.method in READING or sent.bearer is not None:
            return
        site = sent.headers.get("Sec-Fetch-Site")
        if site not in (None, "same-origin", "none"):
            raise Denied("foreign-page", "Pages of other sites must not use the hub.")
        if self._cookie.name in sent.request.cookies and site is None and origin is None:
            raise Denied(
                "not-from-our-page",
                "A session can change things from the hub's pages alone. Programs send a token.",
            )

    def _rule(self, sent: "_Sent") -> Rule:
        endpoint = sent.request.endpoint
        handler = self._app.view_functions.get(endpoint) if endpoint else None
        if handler is None:
            return PUBLIC  # answered with 404 or 405, which say nothing
        rule: Rule | None = getattr(handler, RULE_ATTRIBUTE, None)
        return rule or Rule("administrator")

    async def _who(self, sent: "_Sent", *, is_public: bool) -> Principal | None:
        try:
            if sent.bearer is not None:
                return await self._who_bears(sent.bearer)
            if cookie := sent.request.cookies.get(self._cookie.name):
                return await self._sessions.who(cookie)
        except (Unauthenticated, Denied, Unavailable):  # what is public needs no database
            if not is_public:
                raise
        return None

    async def _who_bears(self, secret: str) -> Principal:
        prefix, _, _ = secret.partition("_")
        known = self._bearers.get(f"{prefix}_")
        if known is None:
            raise Unauthenticated("bad-token", "The hub knows no token of this kind.")
        return await known(secret)

    def _may_measure(self, sent: "_Sent") -> None:
        wanted, given = self._metrics_token, sent.bearer
        if not wanted:
            raise Unauthenticated(
                "unauthenticated",
                "Nobody may read metrics: no token is set. Set ORCA_HUB_METRICS_TOKEN.",
            )
        if not given or not hmac.compare_digest(wanted.encode(), given.encode()):
            raise Unauthenticated("unauthenticated", "Send the token of ORCA_HUB_METRICS_TOKEN.")


@dataclass(slots=True)
class _Sent:
    """What the list looks at again and again, looked up once."""

    request: Request
    method: str
    path: str
    headers: Headers
    bearer: str | None


def _sent() -> _Sent:
    now = current()
    headers = now.headers
    kind, _, secret = headers.get("Authorization", "").partition(" ")
    bearer = (secret.strip() or None) if kind.lower() == "bearer" else None
    return _Sent(now, now.method, now.path, headers, bearer)


def install(app: Quart, guard: Guard, *, is_secure: bool) -> None:
    """Every request passes the guard, every answer gets its headers."""
    app.before_request(guard.admit)

    always = FIXED_HEADERS + (SECURE_HEADERS if is_secure else ())
    of_pages = always + PAGE_HEADERS

    @app.after_request
    async def finish(response: ResponseTypes) -> ResponseTypes:
        headers, values = response.headers, g._get_current_object()
        there = {name.lower() for name, _ in headers}
        is_page = "json" not in (response.content_type or "")
        for lower, name, value in of_pages if is_page else always:
            if lower not in there:
                headers.add(name, value)
        headers.add("X-Request-ID", values.get("request_id", ""))
        if log.isEnabledFor(logging.INFO):
            _tell(response)
        return response


def _tell(response: ResponseTypes) -> None:
    took_ms = (time.perf_counter() - g.get("started_s", time.perf_counter())) * 1000
    who: Principal | None = g.get("principal")
    log.info(
        "%s %s %d in %.1f ms",
        request.method,
        request.path,
        response.status_code,
        took_ms,
        extra={"request_id": g.get("request_id"), "account": who.name if who else None},
    )


def no_content() -> Response:
    return Response(status=204)
