"""People over HTTP."""

from quart import Blueprint, Response

from agent.shared.cursors import cursor_of, last_of
from agent.shared.web import asks, gives, gives_media, json, takes
from hub.access import administrator, caller, newcomer, person
from hub.guard import no_content
from hub.identity import shapes as identity_shapes
from hub.identity.principals import principal_of
from hub.identity.second_step import SecondStep
from hub.identity.service import LocalAccounts, NewAccount
from hub.users import shapes
from hub.users.service import UserService

MOST = 200


def routes(users: UserService, local: LocalAccounts, second_step: SecondStep) -> Blueprint:
    bp = Blueprint("users", __name__, url_prefix="/api/v1/users")

    @bp.get("")
    @administrator
    @asks(shapes.UserQuery)
    @gives(shapes.UsersOut)
    async def list_users(query: shapes.UserQuery) -> Response:
        """Everybody, by name; `q` looks in names and addresses."""
        limit = min(max(query.limit, 1), MOST)
        rows = await users.found(query.q, last_of(query.cursor), limit)
        cursor = cursor_of(rows[-1]["name"]) if len(rows) == limit else None
        return json({"items": [shapes.user(row) for row in rows], "next_cursor": cursor})

    @bp.post("")
    @administrator
    @takes(shapes.UserIn)
    @gives(shapes.UserOut, 201)
    async def add_user(asked: shapes.UserIn) -> Response:
        """A local account. Whoever gets it changes the password at the first sign-in."""
        new = NewAccount(
            asked.name,
            asked.password,
            asked.role,
            asked.display_name,
            asked.email,
            must_change=asked.password is not None,
        )
        return json(shapes.user({**await local.add(new), "groups": []}), 201)

    @bp.get("/me")
    @newcomer
    @gives(identity_shapes.MeOut)
    async def show_me() -> Response:
        """Who is signed in."""
        who = caller()
        return json(identity_shapes.me(who, await second_step.codes_left(who)))

    @bp.patch("/me")
    @person
    @takes(shapes.SelfChange)
    @gives(identity_shapes.MeOut)
    async def change_me(asked: shapes.SelfChange) -> Response:
        """One's own name and address."""
        who = caller()
        row = await users.change_oneself(who, shapes.said(asked))
        changed = principal_of(row, who.means, who.means_id, who.scopes)
        return json(identity_shapes.me(changed, await second_step.codes_left(changed)))

    @bp.get("/<user_id>")
    @administrator
    @gives(shapes.UserOut)
    async def show_user(user_id: str) -> Response:
        """One account."""
        return json(shapes.user(await users.get(user_id)))

    @bp.patch("/<user_id>")
    @administrator
    @takes(shapes.UserChange)
    @gives(shapes.UserOut)
    async def change_user(user_id: str, asked: shapes.UserChange) -> Response:
        """Role, name, address, or whether the account may be used: of oneself the name and the
        address alone."""
        return json(shapes.user(await users.change(user_id, shapes.said(asked), caller())))

    @bp.delete("/<user_id>")
    @administrator
    @gives_media(204)
    async def remove_user(user_id: str) -> Response:
        """Somebody else, with all sessions, keys and machines."""
        await users.remove(user_id, caller())
        return no_content()

    return bp
