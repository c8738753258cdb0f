"""Tokens over HTTP, how machines get theirs, and how a request that carries one is known."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import orjson
from pydantic import BaseModel
from quart import Blueprint, Response, redirect, request
from quart_schema import document_request

from agent.shared.errors import Malformed
from agent.shared.problems import Told
from agent.shared.web import (
    asks,
    fails_with,
    gives,
    gives_media,
    json,
    read,
    read_bytes,
    read_json,
    takes,
)
from hub.access import Principal, caller, person, public
from hub.core import Bearer
from hub.guard import no_content
from hub.identity.routes import whence
from hub.machines import shapes
from hub.machines.connecting import Connected, Connecting, Wish, check
from hub.machines.devices import DeviceService
from hub.machines.rules import Pair
from hub.machines.tokens import TokenService

PREFIX = "/api/v1/auth"
# Where errors are told in OAuth's words.
OAUTH = (f"{PREFIX}/machine/token", f"{PREFIX}/device/token")
FORM, FORM_BYTES = "application/x-www-form-urlencoded", 16 * 1024
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
# What OAuth has a word for; everything else is a request that cannot be done.
WORDS = {
    "authorization-pending",
    "slow-down",
    "expired-token",
    "access-denied",
    "invalid-grant",
    "unsupported-grant-type",
}
M = TypeVar("M", bound=BaseModel)
Handler = Callable[..., Awaitable[Any]]  # Any: whatever Quart can send


def routes(
    tokens: TokenService, connecting: Connecting, devices: DeviceService, *, origin: str
) -> Blueprint:
    bp = Blueprint("tokens", __name__, url_prefix=PREFIX)

    @bp.post("/refresh")
    @public
    @takes(shapes.RefreshIn)
    @gives(shapes.TokensOut)
    async def refresh(asked: shapes.RefreshIn) -> Response:
        """Another access token, and the refresh token to use the next time: each is used once."""
        return json(_pair(await tokens.refresh(asked.refresh_token, whence())))

    @bp.get("/machine/authorize")
    @public
    @asks(shapes.AuthorizeQuery)
    @gives_media(303)
    async def authorize(query: shapes.AuthorizeQuery) -> Any:  # Any: a redirect, as Quart makes it
        """Where an agent sends the browser: leads to the page on which somebody lets it in."""
        check(_wish(query))
        return redirect(f"/connect?{urlencode(query.model_dump())}", 303)

    @bp.post("/machine/approve")
    @person
    @takes(shapes.ApproveIn)
    @gives(shapes.ApproveOut)
    async def approve(asked: shapes.ApproveIn) -> Response:
        """Lets a machine in, or not. The browser then carries the answer to the agent."""
        to = await connecting.approve(caller(), _wish(asked), allow=asked.allow)
        return json({"redirect_to": to})

    @bp.post("/machine/token")
    @public
    @fails_with(shapes.OAuthProblem)
    @_takes_form(shapes.TokenIn)
    @gives(shapes.ConnectedOut)
    async def exchange(asked: shapes.TokenIn) -> Response:
        """Tokens for the code that the browser brought; each code once."""
        _is_grant(asked.grant_type, "authorization_code")
        come = await connecting.exchange(
            asked.code, asked.code_verifier, asked.redirect_uri, whence()
        )
        return json(_connected(come))

    @bp.post("/device")
    @public
    @takes(shapes.DeviceIn)
    @gives(shapes.DeviceOut)
    async def begin_device(asked: shapes.DeviceIn) -> Response:
        """Codes for a machine without a browser: one to show, one to ask with."""
        shown = await devices.begin(asked.machine_name, whence())
        page = f"{origin}/device"
        whole = f"{page}?{urlencode({'user_code': shown.user_code})}"
        return json({**asdict(shown), "verification_uri": page, "verification_uri_complete": whole})

    @bp.post("/device/look")
    @person
    @takes(shapes.UserCodeIn)
    @gives(shapes.LookOut)
    async def look(asked: shapes.UserCodeIn) -> Response:
        """Which machine shows a code."""
        return json(shapes.look(await devices.look(caller(), asked.user_code)))

    @bp.post("/device/approve")
    @person
    @takes(shapes.AnswerIn)
    @gives_media(204)
    async def answer(asked: shapes.AnswerIn) -> Response:
        """Lets the machine in that shows a code, or not."""
        await devices.answer(caller(), asked.user_code, allow=asked.allow)
        return no_content()

    @bp.post("/device/token")
    @public
    @fails_with(shapes.OAuthProblem)
    @_takes_form(shapes.DeviceTokenIn)
    @gives(shapes.ConnectedOut)
    async def poll(asked: shapes.DeviceTokenIn) -> Response:
        """Tokens, as soon as somebody typed the code; until then `authorization_pending`."""
        if asked.grant_type:
            _is_grant(asked.grant_type, DEVICE_GRANT)
        return json(_connected(await devices.exchange(asked.device_code, whence())))

    return bp


def bearer(tokens: TokenService) -> Bearer:
    """Who sends an access token, of a person or a machine."""

    async def known(secret: str) -> Principal:
        return await tokens.who(secret, whence)

    return known


def spoken(problem: Mapping[str, object]) -> Told:
    """A problem document in OAuth's words (RFC 6749, 5.2; RFC 8628, 3.5)."""
    code, status = str(problem["type"]).rpartition(":")[2], int(str(problem["status"]))
    if code in WORDS:
        word, status = code.replace("-", "_"), 400
    elif status >= 500:
        word = "temporarily_unavailable" if status in (503, 504) else "server_error"
    elif status == 429:
        word = "slow_down"
    else:
        word = "invalid_request"
    body = {"error": word, "error_description": problem["detail"]}
    return Told(status, orjson.dumps(body), "application/json")


def _takes_form(model: type[M]) -> Callable[[Handler], Handler]:
    """Reads a form, as OAuth has it, or JSON, and hands it to the handler as `asked`."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def parsed(**values: Any) -> Any:  # Any: path values in, a response out
            return await handler(asked=read(model, await _sent()), **values)

        return document_request(model)(parsed)

    return decorate


async def _sent() -> object:
    if request.mimetype != FORM:
        return await read_json(limit_bytes=FORM_BYTES)
    text = await read_bytes(limit_bytes=FORM_BYTES)
    try:
        pairs = parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise Malformed("bad-form", "The body is not a form in UTF-8.") from None
    if len(dict(pairs)) != len(pairs):
        raise Malformed("bad-form", "A field of the form is there twice.")
    return dict(pairs)


def _is_grant(sent: str, wanted: str) -> None:
    if sent != wanted:
        raise Malformed("unsupported-grant-type", f"This address takes the grant {wanted} alone.")


def _wish(query: shapes.AuthorizeQuery) -> Wish:
    return Wish(**{name: getattr(query, name) for name in Wish.__slots__})


def _pair(pair: Pair) -> dict[str, object]:
    return {**asdict(pair), "token_type": "Bearer"}


def _connected(come: Connected) -> dict[str, object]:
    return {**_pair(come.pair), "machine": {"id": come.id, "name": come.name}}
