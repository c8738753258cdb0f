"""Signing in with a provider, and what it tells the hub."""

from quart import Blueprint, Response

from agent.shared.web import gives, json
from hub.access import public
from hub.oidc import shapes
from hub.oidc.methods import Methods


def routes(methods: Methods) -> Blueprint:
    bp = Blueprint("oidc", __name__, url_prefix="/api/v1/auth")

    @bp.get("/methods")
    @public
    @gives(shapes.MethodsOut)
    async def list_methods() -> Response:
        """How one can sign in here, for the page that asks for it."""
        return json(await methods.shown())

    return bp
