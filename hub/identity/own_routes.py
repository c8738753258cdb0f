"""One's own password, second step and sessions."""

from quart import Blueprint, Response

from agent.shared.web import gives, gives_media, json, takes
from hub.access import caller, newcomer, person
from hub.guard import Cookie, no_content
from hub.identity import shapes
from hub.identity.routes import whence, with_cookie
from hub.identity.second_step import SecondStep
from hub.identity.service import LocalAccounts
from hub.identity.sessions import SessionService


def routes(
    local: LocalAccounts, second_step: SecondStep, sessions: SessionService, cookie: Cookie
) -> Blueprint:
    bp = Blueprint("own", __name__, url_prefix="/api/v1/auth")

    @bp.post("/password")
    @newcomer
    @takes(shapes.PasswordIn)
    @gives_media(204)
    async def change_password(asked: shapes.PasswordIn) -> Response:
        """Another password; every other session ends."""
        opened = await local.change_password(caller(), asked.old, asked.new, whence())
        return with_cookie(cookie, opened) if opened else no_content()

    @bp.post("/proof")
    @person
    @takes(shapes.ProofIn)
    @gives_media(204)
    async def prove(asked: shapes.ProofIn) -> Response:
        """One's own password, once more: what makes ways in that last wants that, or a sign-in, in
        the last ten minutes."""
        await local.prove(caller(), asked.password, whence())
        return no_content()

    @bp.post("/totp")
    @person
    @gives(shapes.TotpOut)
    async def offer_totp() -> Response:
        """A secret for an app that makes codes. It counts when a code of it is confirmed."""
        offer = await second_step.offer(caller())
        return json({"secret": offer.secret, "uri": offer.uri, "svg": offer.svg})

    @bp.post("/totp/confirm")
    @person
    @takes(shapes.CodeIn)
    @gives(shapes.CodesOut)
    async def confirm_totp(asked: shapes.CodeIn) -> Response:
        """From now on signing in takes a code. Answers codes for paper, once."""
        return json({"recovery_codes": await second_step.confirm(caller(), asked.code)})

    @bp.delete("/totp")
    @person
    @takes(shapes.ProofIn)
    @gives_media(204)
    async def remove_totp(asked: shapes.ProofIn) -> Response:
        """Signing in takes no code any more."""
        who = caller()
        await local.check(who, asked.password, whence())
        await second_step.remove(who.account_id, who.name)
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
