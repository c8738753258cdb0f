"""The agent's own description of its API, and who may call what."""

from collections.abc import Callable
from html import escape
from typing import Any

import orjson
from quart import Blueprint, Quart, Response
from quart_schema import APIKeySecurityScheme, HttpSecurityScheme

from agent.access.here import cookie_name
from agent.shared import apidocs
from agent.shared.openapi import About, Json, Provider, collect
from agent.shared.plain import page
from agent.shared.web import (
    ANY_SCOPE,
    PUBLIC_ATTRIBUTE,
    SCOPE_ATTRIBUTE,
    gives_media,
    signed_in,
)

DESCRIPTION = (
    "Reachable from this computer alone. Send `Authorization: Bearer <token>`; the main token "
    "stands in the file `token` of the data folder, further ones are made at `/api/v1/tokens`. "
    "Errors are problem documents (RFC 9457). Ids are UUIDv7, times RFC 3339 in UTC."
)


def install(app: Quart, *, version: str, port: int) -> None:
    """Collects what the routes say of themselves, and shows it at /openapi.json and /docs."""
    schemes = {
        "bearer": HttpSecurityScheme(scheme="bearer"),
        "session": APIKeySecurityScheme(name=cookie_name(port), in_="cookie"),
        "api_key": APIKeySecurityScheme(name="X-Api-Key", in_="header"),
    }
    about = About("agent", version, DESCRIPTION, schemes, _add_security)
    app.register_blueprint(_routes(collect(app, about)))


def _routes(provider: Provider) -> Blueprint:
    bp = Blueprint("openapi", __name__)

    @bp.get("/openapi.json")
    @signed_in
    @gives_media(200, "application/json")
    async def openapi_document() -> Response:
        """This description, for programs."""
        return Response(orjson.dumps(provider.whole()), content_type="application/json")

    @bp.get("/docs")
    @signed_in
    @gives_media(200, "text/html")
    async def api_documentation() -> Response:
        """This description, for people."""
        markup = apidocs.render(provider.whole(), "/openapi.json", who_may)
        return page("The agent's API", markup)

    return bp


def who_may(operation: Json) -> str:
    """Call it, as markup."""
    scope = operation.get("x-scope")
    known = {None: "Open to everyone on this computer.", "any": "Any token or session."}
    return known.get(scope, f"Scope <code>{escape(str(scope))}</code>.")


def _add_security(operation: Json, handler: Callable[..., Any]) -> None:
    if getattr(handler, PUBLIC_ATTRIBUTE, False):
        operation["security"] = []
        return
    scope = getattr(handler, SCOPE_ATTRIBUTE, "admin")
    scopes = [] if scope == ANY_SCOPE else [scope]
    operation["security"] = [{"bearer": scopes}, {"session": scopes}]
    if scope == "printhost":
        operation["security"].append({"api_key": scopes})
    operation["x-scope"] = scope
