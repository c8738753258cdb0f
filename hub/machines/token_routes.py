"""Tokens over HTTP, and how a request that carries one is known."""

from dataclasses import asdict

from quart import Blueprint, Response

from agent.shared.web import gives, json, takes
from hub.access import Principal, public
from hub.core import Bearer
from hub.identity.routes import whence
from hub.machines import shapes
from hub.machines.rules import Pair
from hub.machines.tokens import TokenService


def routes(tokens: TokenService) -> Blueprint:
    bp = Blueprint("tokens", __name__, url_prefix="/api/v1/auth")

    @bp.post("/refresh")
    @public
    @takes(shapes.RefreshIn)
    @gives(shapes.PairOut)
    async def refresh(asked: shapes.RefreshIn) -> Response:
        """Another access token, and the refresh token to use the next time: each is used once."""
        return json(shown(await tokens.refresh(asked.refresh_token, whence())))

    return bp


def shown(pair: Pair) -> dict[str, object]:
    return {**asdict(pair), "token_type": "Bearer"}


def bearer(tokens: TokenService) -> Bearer:
    """Who sends an access token, of a person or a machine."""

    async def known(secret: str) -> Principal:
        return await tokens.who(secret, whence())

    return known
