"""The hub's own description of its API, and who may call what."""

from collections.abc import Callable
from html import escape
from typing import Any

import orjson
from quart import Blueprint, Quart, Response
from quart_schema import APIKeySecurityScheme, HttpSecurityScheme

from agent.shared import apidocs
from agent.shared.openapi import About, Json, Provider, collect
from agent.shared.plain import page
from agent.shared.web import gives_media
from agent.version import program_version
from hub.access import RULE_ATTRIBUTE, Means, Rule, person
from hub.guard import Cookie

ADDRESS = "/api/v1/openapi.json"
DESCRIPTION = (
    "People sign in at `/api/v1/auth/login`; programs send `Authorization: Bearer <token>` with a "
    "key that is made at `/api/v1/keys` or in the console. Errors are problem documents (RFC "
    "9457). Ids are UUIDv7, times RFC 3339 in UTC."
)
WHO: dict[Means, str] = {
    "session": "a browser",
    "token": "a token",
    "key": "a key",
    "machine": "a machine",
    "scim": "a token of SCIM",
}


def install(app: Quart, cookie: Cookie) -> None:
    """Collects what the routes say of themselves, and shows it to whoever has signed in."""
    schemes = {
        "bearer": HttpSecurityScheme(scheme="bearer"),
        "session": APIKeySecurityScheme(name=cookie.name, in_="cookie"),
    }
    about = About("hub", program_version(), DESCRIPTION, schemes, _add_security)
    app.register_blueprint(_routes(collect(app, about)))


def _routes(provider: Provider) -> Blueprint:
    bp = Blueprint("openapi", __name__, url_prefix="/api/v1")

    @bp.get("/openapi.json")
    @person
    @gives_media(200, "application/json")
    async def openapi_document() -> Response:
        """This description, for programs."""
        return Response(orjson.dumps(provider.whole()), content_type="application/json")

    @bp.get("/docs")
    @person
    @gives_media(200, "text/html")
    async def api_documentation() -> Response:
        """This description, for people."""
        markup = apidocs.render(provider.whole(), ADDRESS, who_may)
        return page("The hub's API", markup)

    return bp


def who_may(operation: Json) -> str:
    """Call it, as markup."""
    if not operation["security"]:
        return "Open to everyone."
    role, means = operation["x-role"], ", ".join(WHO[one] for one in operation["x-means"])
    if means == WHO["scim"]:
        return "An identity provider, by a token of SCIM."
    who = "Administrators" if role == "administrator" else "Everybody who has signed in"
    scope = operation.get("x-scope")
    wanted = f" A key needs the scope <code>{escape(scope)}</code>." if scope else ""
    return f"{who}, by {means}.{wanted}"


def _add_security(operation: Json, handler: Callable[..., Any]) -> None:
    rule: Rule = getattr(handler, RULE_ATTRIBUTE, Rule("administrator"))
    if rule.role is None:
        operation["security"] = []
        return
    scopes = [rule.scope] if rule.scope else []
    operation["security"] = [{"bearer": scopes}]
    if "session" in rule.means:
        operation["security"].append({"session": []})
    operation["x-role"], operation["x-means"] = rule.role, list(rule.means)
    if rule.scope:
        operation["x-scope"] = rule.scope
