"""Tokens of SCIM over HTTP."""

from typing import Annotated

from pydantic import Field
from quart import Blueprint, Response

from agent.shared.web import In, Out, gives, gives_media, json, takes
from hub.access import administrator
from hub.guard import no_content
from hub.scim.store import Row
from hub.scim.tokens import ScimTokenService


class ScimTokenIn(In):
    name: Annotated[str, Field(min_length=1, max_length=100)]


class ScimTokenOut(Out):
    id: str
    name: str
    created_at: str
    last_used_at: str | None


class NewScimTokenOut(ScimTokenOut):
    """`token` is said once."""

    token: str


class ScimTokensOut(Out):
    items: list[ScimTokenOut]
    next_cursor: str | None


def routes(tokens: ScimTokenService) -> Blueprint:
    bp = Blueprint("scim_tokens", __name__, url_prefix="/api/v1/scim-tokens")

    @bp.get("")
    @administrator
    @gives(ScimTokensOut)
    async def list_scim_tokens() -> Response:
        """Those made here, newest first; the one of the settings is not among them."""
        rows = await tokens.all()
        return json({"items": [_shown(row) for row in rows], "next_cursor": None})

    @bp.post("")
    @administrator
    @takes(ScimTokenIn)
    @gives(NewScimTokenOut, 201)
    async def add_scim_token(asked: ScimTokenIn) -> Response:
        """For an identity provider that keeps people and groups up to date."""
        row, secret = await tokens.add(asked.name)
        return json({**_shown(row), "token": secret}, 201)

    @bp.delete("/<token_id>")
    @administrator
    @gives_media(204)
    async def remove_scim_token(token_id: str) -> Response:
        """It is refused at once."""
        await tokens.remove(token_id)
        return no_content()

    return bp


def _shown(row: Row) -> dict[str, object]:
    return {name: row[name] for name in ScimTokenOut.model_fields}
