"""Signing in and out, one's own password, one's own sessions."""

from quart import Blueprint, Response, request

from agent.shared.web import gives, gives_media, json, takes
from hub.access import caller, newcomer, person, public
from hub.guard import Cookie, no_content
from hub.identity import shapes
from hub.identity.service import LocalAccounts, NewAccount
from hub.identity.sessions import From, SessionService
from hub.users.service import UserService


def routes(
    local: LocalAccounts, sessions: SessionService, users: UserService, cookie: Cookie
) -> Blueprint:
    bp = Blueprint("auth", __name__, url_prefix="/api/v1/auth")

    @bp.post("/login")
    @public
    @takes(shapes.LoginIn)
    @gives_media(204)
    async def login(asked: shapes.LoginIn) -> Response:
        """Sign in with a name and a password, and with the code of an app where one is set."""
        opened = await local.login(asked.username, asked.password, asked.totp, whence())
        response = no_content()
        cookie.keep(response, opened.secret, opened.ends_in_s)
        return response

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
        response = no_content()
        cookie.keep(response, opened.secret, opened.ends_in_s)
        return response

    @bp.post("/logout")
    @newcomer
    @gives_media(204)
    async def logout() -> Response:
        """Sign out of this browser."""
        who = caller()
        if who.means == "session":
            await sessions.end(who.account_id, who.means_id)
        response = no_content()
        cookie.forget(response)
        return response

    @bp.post("/password")
    @newcomer
    @takes(shapes.PasswordIn)
    @gives_media(204)
    async def change_password(asked: shapes.PasswordIn) -> Response:
        """Another password; every other session ends."""
        await local.change_password(caller(), asked.old, asked.new)
        return no_content()

    @bp.get("/sessions")
    @person
    @gives(shapes.SessionsOut)
    async def list_sessions() -> Response:
        """One's own, the last used first."""
        who = caller()
        return json(shapes.sessions(await sessions.of(who.account_id), who.means_id))

    @bp.delete("/sessions/<session_id>")
    @person
    @gives_media(204)
    async def end_session(session_id: str) -> Response:
        """Sign out another browser of one's own."""
        await sessions.end(caller().account_id, session_id)
        return no_content()

    @bp.delete("/sessions")
    @person
    @gives_media(204)
    async def end_other_sessions() -> Response:
        """Sign out every other browser of one's own."""
        who = caller()
        await sessions.end_others(who.account_id, who.means_id)
        return no_content()

    return bp


def whence() -> From:
    """Where the present request comes from."""
    return From(request.remote_addr or "", request.headers.get("User-Agent", ""))
