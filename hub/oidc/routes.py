"""Signing in with a provider, and what it tells the hub."""

from urllib.parse import parse_qs, urlsplit

from quart import Blueprint, Response, g, request
from quart_schema import DataSource, document_request

from agent.shared.errors import Malformed, NotFound, OrcaError, UnsupportedMedia
from agent.shared.web import asks, gives, gives_media, json, read_bytes
from hub.access import administrator, caller, newcomer, public
from hub.guard import Cookie
from hub.identity.routes import whence
from hub.oidc import shapes
from hub.oidc.logins import LastLogins
from hub.oidc.methods import Methods
from hub.oidc.pages import problem_page
from hub.oidc.rules import LOOPBACK
from hub.oidc.sign_in import ATTEMPT_S, Returned, SignIn
from hub.oidc.signing_out import SigningOut

ALIAS = "<any(okta, oidc):alias>"
FORM, FORM_BYTES = "application/x-www-form-urlencoded", 512 * 1024


class AttemptCookie(Cookie):
    """Kept by the browser that began to sign in, for as long as that takes."""

    @property
    def name(self) -> str:
        return "__Host-orca-oidc" if self.is_secure else "orca-oidc"


def sign_in_routes(sign_in: SignIn | None, cookie: Cookie, origin: str) -> Blueprint:
    """`sign_in` is None where no provider is set."""
    bp = Blueprint("oidc", __name__, url_prefix="/api/v1/auth")
    attempts = AttemptCookie(cookie.is_secure)

    @bp.get(f"/{ALIAS}/login")
    @public
    @asks(shapes.LoginQuery)
    @gives_media(302)
    async def begin(alias: str, query: shapes.LoginQuery) -> Response:
        """To the provider's page, and back to `next`."""
        if _is_other_name(request.host, origin):  # the cookie must be there on the way back
            return _to(f"{origin}{request.full_path}")
        try:
            url, sealed = await _set(sign_in).begin(query.next, is_fresh=query.fresh)
        except OrcaError as err:
            return problem_page(err)
        response = _to(url)
        attempts.keep(response, sealed, ATTEMPT_S)
        return response

    @bp.get(f"/{ALIAS}/callback")
    @public
    @asks(shapes.CallbackQuery)
    @gives_media(303)
    async def finish(alias: str, query: shapes.CallbackQuery) -> Response:
        """The way back from the provider."""
        returned = Returned(query.state, query.code, query.error, query.iss)
        sealed = request.cookies.get(attempts.name, "")
        try:
            let_in = await _set(sign_in).finish(sealed, returned, whence(), g.get("principal"))
        except OrcaError as err:
            return problem_page(err)
        response = _to(let_in.next, 303)
        attempts.forget(response)
        cookie.keep(response, let_in.opened.secret, let_in.opened.ends_in_s)
        return response

    return bp


def around_routes(
    methods: Methods, logins: LastLogins, signing_out: SigningOut, cookie: Cookie
) -> Blueprint:
    bp = Blueprint("oidc_around", __name__, url_prefix="/api/v1/auth")

    @bp.get("/methods")
    @public
    @gives(shapes.MethodsOut)
    async def list_methods() -> Response:
        """How one can sign in here, for the page that asks for it."""
        is_signed_in = g.get("principal") is not None
        return json({**await methods.shown(), "is_signed_in": is_signed_in})

    @bp.post("/oidc/logout")
    @newcomer
    @gives(shapes.SignedOutOut)
    async def sign_out() -> Response:
        """Sign out of this browser; says where to sign out of the provider, too."""
        who = caller()
        to = await signing_out.sign_out(who) if who.means == "session" else None
        response = json({"redirect_to": to})
        cookie.forget(response)
        return response

    @bp.post("/oidc/backchannel-logout")
    @public
    @document_request(shapes.BackchannelIn, source=DataSource.FORM)
    @gives_media(200)
    async def told_by_provider() -> Response:
        """The provider says that somebody has signed out (OpenID Connect Back-Channel Logout)."""
        if request.mimetype != FORM:
            raise UnsupportedMedia("form-wanted", f"Send the logout token as {FORM}.")
        try:
            form = parse_qs((await read_bytes(limit_bytes=FORM_BYTES)).decode(), max_num_fields=50)
        except ValueError:
            raise Malformed("bad-form", "The form cannot be read.") from None
        if not (told := form.get("logout_token")):
            raise Malformed("bad-logout-token", "The form has no logout_token.")
        await signing_out.told_by_provider(told[0])
        return Response(status=200)

    @bp.get("/oidc/logins")
    @administrator
    @gives(shapes.LoginsOut)
    async def list_logins() -> Response:
        """The last 200 sign-ins: what the provider said of groups, and what came of it."""
        return json(shapes.logins(await logins.last()))

    return bp


def _set(sign_in: SignIn | None) -> SignIn:
    if sign_in is None:
        raise NotFound("no-provider", "No provider is set here. Sign in with a local account.")
    return sign_in


def _is_other_name(host: str, origin: str) -> bool:
    """localhost for 127.0.0.1 or the like. Other names are the business of a proxy."""
    parts = urlsplit(origin)
    here, port = parts.hostname in LOOPBACK, f":{parts.port}"
    return here and host != parts.netloc and host in {f"{name}{port}" for name in LOOPBACK}


def _to(url: str, status: int = 302) -> Response:
    response = Response(status=status)
    response.headers["Location"] = url
    return response
