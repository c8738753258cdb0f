"""Signing in and out."""

from quart import Blueprint, Response, request

from agent.shared.web import gives, gives_media, json, takes
from hub.access import caller, newcomer, public
from hub.guard import Cookie, no_content
from hub.identity import shapes
from hub.identity.known_browsers import HOLDS_S, NAMES, KnownBrowsers
from hub.identity.service import LocalAccounts, NewAccount
from hub.identity.sessions import From, Opened, SessionService
from hub.identity.tokens import TokenSeam


class KnownCookie(Cookie):
    """Says in which browsers somebody has signed in; it lets nobody in."""

    @property
    def name(self) -> str:
        return NAMES[0] if self.is_secure else NAMES[1]


def routes(
    local: LocalAccounts,
    sessions: SessionService,
    tokens: TokenSeam,
    known: KnownBrowsers,
    cookie: Cookie,
) -> Blueprint:
    bp = Blueprint("auth", __name__, url_prefix="/api/v1/auth")

    def remembered(response: Response, account_id: str) -> Response:
        kept = known.kept(account_id, known_here())
        KnownCookie(cookie.is_secure).keep(response, kept, HOLDS_S)
        return response

    @bp.post("/login")
    @public
    @takes(shapes.LoginIn)
    @gives(shapes.PairOut)
    @gives_media(204)
    async def login(asked: shapes.LoginIn) -> Response:
        """Sign in with a name and a password, and with the code of an app where one is set.

        A page gets a session and 204, a program tokens."""
        how = local.login if _is_page() else local.login_program
        opened = await how(asked.username, asked.password, asked.totp, whence())
        if not isinstance(opened, Opened):
            return json(shapes.pair(opened))
        return remembered(with_cookie(cookie, opened), opened.account_id)

    @bp.post("/first")
    @public
    @takes(shapes.FirstIn)
    @gives_media(204)
    async def make_first(asked: shapes.FirstIn) -> Response:
        """Makes the first Administrator, by the link of the first start, and signs in."""
        new = NewAccount(
            asked.name, asked.password, "administrator", asked.display_name, is_break_glass=True
        )
        await local.make_first(asked.link, new)
        opened = await local.login(asked.name, asked.password, "", whence())
        return remembered(with_cookie(cookie, opened), opened.account_id)

    @bp.post("/reset")
    @public
    @takes(shapes.LinkedIn)
    @gives_media(204)
    async def use_link(asked: shapes.LinkedIn) -> Response:
        """A password of one's own choice, by the link of an Administrator. Every session ends."""
        return remembered(no_content(), await local.use_link(asked.link, asked.password))

    @bp.post("/logout")
    @newcomer
    @gives_media(204)
    async def logout() -> Response:
        """Sign out of this browser; or end the tokens of this program."""
        who = caller()
        if who.means == "session":
            await sessions.end(who.account_id, who.means_id)
        elif who.means == "token" and tokens.issuer is not None:
            await tokens.issuer.end(who.account_id, who.means_id)
        response = no_content()
        cookie.forget(response)
        return response

    return bp


def whence() -> From:
    """Where the present request comes from."""
    return From(request.remote_addr or "", request.headers.get("User-Agent", ""), known_here())


def known_here() -> str:
    """Whom the browser says that it knows."""
    return next((found for name in NAMES if (found := request.cookies.get(name))), "")


def with_cookie(cookie: Cookie, opened: Opened) -> Response:
    """What a browser is told of a session that has begun, or has another secret now."""
    response = no_content()
    cookie.keep(response, opened.secret, opened.ends_in_s)
    return response


def _is_page() -> bool:
    """Every browser says where the page is that asks, and a program has no need to."""
    return "Origin" in request.headers or "Sec-Fetch-Site" in request.headers
