"""Keys over HTTP."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from quart import Blueprint, Response

from agent.shared.cursors import cursor_of, last_of
from agent.shared.errors import Denied
from agent.shared.web import In, Out, asks, gives, gives_media, json, takes
from hub.access import caller, person
from hub.guard import no_content
from hub.keys.service import KeyService
from hub.keys.store import Row
from hub.moments import Moment

NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
Scope = Literal["ai", "conversations", "artefacts", "usage", "sync"]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=NO_CONTROLS),
]


class KeyQuery(In):
    all: bool = False
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class KeyIn(In):
    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=10)]
    expires_at: Moment | None = None


class KeyOut(Out):
    """`hint` is how the key begins."""

    id: str
    account_id: str
    owner: str
    name: str
    hint: str
    scopes: list[Scope]
    created_at: str
    expires_at: str | None
    last_used_at: str | None


class NewKeyOut(KeyOut):
    """`key` is said here and never again."""

    key: str


class KeysOut(Out):
    items: list[KeyOut]
    next_cursor: str | None


def routes(keys: KeyService) -> Blueprint:
    bp = Blueprint("keys", __name__, url_prefix="/api/v1/keys")

    @bp.get("")
    @person
    @asks(KeyQuery)
    @gives(KeysOut)
    async def list_keys(query: KeyQuery) -> Response:
        """One's own, newest first; an Administrator sees everybody's with `all`."""
        who = caller()
        if query.all and not who.is_administrator:
            raise Denied("administrators-only", "Only an Administrator may see all keys.")
        owner = None if query.all else who.account_id
        rows = await keys.found(owner, last_of(query.cursor), query.limit)
        cursor = cursor_of(rows[-1]["id"]) if len(rows) == query.limit else None
        return json({"items": [shown(row) for row in rows], "next_cursor": cursor})

    @bp.post("")
    @person
    @takes(KeyIn)
    @gives(NewKeyOut, 201)
    async def add_key(asked: KeyIn) -> Response:
        """A key for a program of one's own. It is shown once."""
        row, secret = await keys.add(caller(), asked.name, asked.scopes, asked.expires_at)
        return json({**shown(row), "key": secret}, 201)

    @bp.delete("/<key_id>")
    @person
    @gives_media(204)
    async def revoke_key(key_id: str) -> Response:
        """At once. One's own; an Administrator anybody's."""
        await keys.revoke(caller(), key_id)
        return no_content()

    return bp


def shown(row: Row) -> dict[str, object]:
    return {name: row[name] for name in KeyOut.model_fields}
