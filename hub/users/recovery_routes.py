"""What an Administrator does for somebody who cannot get in, or must not any more."""

from quart import Blueprint, Response

from agent.shared.web import gives, gives_media, json, takes
from hub.access import administrator, caller
from hub.guard import no_content
from hub.identity import shapes as identity_shapes
from hub.identity.second_step import SecondStep
from hub.identity.service import LocalAccounts
from hub.identity.sessions import SessionService
from hub.users import shapes
from hub.users.service import UserService


def routes(
    users: UserService,
    local: LocalAccounts,
    second_step: SecondStep,
    sessions: SessionService,
    origin: str,
) -> Blueprint:
    bp = Blueprint("recovery", __name__, url_prefix="/api/v1/users/<user_id>")

    @bp.post("/reset")
    @administrator
    @takes(shapes.ResetIn)
    @gives(shapes.LinkOut)
    @gives_media(204)
    async def reset_user(user_id: str, asked: shapes.ResetIn) -> Response:
        """With a password: it is to be changed at the next sign-in, and every way in ends. Without
        one: a link with which its owner chooses one, good once, for a day."""
        account = await users.get(user_id)
        if asked.password is not None:
            await local.reset_password(account, asked.password, keeps_totp=True)
            return no_content()
        link = await local.make_link(account)
        return json({"link": f"{origin}/reset#{link.secret}", "expires_at": link.ends_at})

    @bp.delete("/totp")
    @administrator
    @gives_media(204)
    async def remove_user_totp(user_id: str) -> Response:
        """For somebody who lost the app and the codes."""
        account = await users.get(user_id)
        await second_step.remove(account["id"], account["name"])
        return no_content()

    @bp.get("/sessions")
    @administrator
    @gives(identity_shapes.SessionsOut)
    async def list_user_sessions(user_id: str) -> Response:
        """The browsers in which somebody is signed in, the last used first."""
        account = await users.get(user_id)
        rows = await sessions.of(account["id"])
        return json(identity_shapes.sessions(rows, caller().means_id))

    @bp.delete("/sessions")
    @administrator
    @gives_media(204)
    async def end_user_sessions(user_id: str) -> Response:
        """Signs somebody out of every browser."""
        account = await users.get(user_id)
        await sessions.end_others(account["id"], "", name=account["name"])
        return no_content()

    return bp
