"""Errors as problem documents (RFC 9457). The one table from our classes to HTTP."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, NamedTuple

import orjson
from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from quart import Quart, Response, g, has_request_context, request
from quart.typing import ResponseTypes
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from agent.shared import errors
from agent.shared.bodies import HeldBody
from agent.shared.errors import OrcaError
from agent.shared.web import Out, left_out

log = logging.getLogger(__name__)

STATUS: dict[type[OrcaError], int] = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.TooLarge: 413,
    errors.UnsupportedMedia: 415,
    errors.Invalid: 422,
    errors.TooMany: 429,
    errors.Unavailable: 503,
    errors.TimedOut: 504,
    errors.NoSpace: 507,
}
ROUTING = {
    404: ("no-such-route", "There is nothing at this address. The routes are listed at {docs}."),
    405: ("method-not-allowed", "This address does not take that method."),
    413: ("body-too-large", "The body is larger than this address takes."),
    415: ("unsupported-media-type", "Send JSON with Content-Type: application/json."),
    408: ("body-too-slow", "The body did not arrive in time. Send it again."),
}
MEDIA = "application/problem+json"
DISCARDED_BYTES = 64 * 1024 * 1024
DISCARDING_S = 5.0


class Told(NamedTuple):
    """An error as it goes out."""

    status: int
    body: bytes
    content_type: str


Dialect = Callable[[Mapping[str, object]], Told]  # a problem document in other words
NO_DIALECTS: Mapping[str, Dialect] = MappingProxyType({})
MISTAKE = "The agent made a mistake. `orca-agent logs` has the details."


class FieldProblem(Out):
    field: str
    detail: str


class Problem(Out):
    """What went wrong, for the person or program that can act on it (RFC 9457)."""

    model_config = ConfigDict(extra="allow")  # an error's own members, such as `model`

    type: Annotated[str, Field(pattern=r"^urn:orca:problem:[a-z0-9-]+$")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    request_id: str | SkipJsonSchema[None] = left_out()
    retry_after_s: float | SkipJsonSchema[None] = left_out()
    errors: list[FieldProblem] | SkipJsonSchema[None] = left_out()


def describe(err: OrcaError) -> dict[str, object]:
    """The problem document of an error, without the request it came from."""
    return document(err.code, STATUS[type(err)], err.detail, **err.extra)


def document(code: str, status: int, detail: str, **extra: object) -> dict[str, object]:
    """A problem document; `title` is the status's own phrase."""
    return {
        "type": f"urn:orca:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **extra,
    }


def answer(
    body: Mapping[str, object], told: Told | None = None, *, realm: str = "orca-agent"
) -> Response:
    """The response that carries a problem document, or the same in other words."""
    if told is None:
        told = _plainly(body)
    response = Response(told.body, told.status, content_type=told.content_type)
    retry_after = body.get("retry_after_s")
    if isinstance(retry_after, (int, float)):
        response.headers["Retry-After"] = str(max(1, round(retry_after)))
    if told.status == 401:
        response.headers["WWW-Authenticate"] = f'Bearer realm="{realm}"'
    return response


def _plainly(body: Mapping[str, object]) -> Told:
    if has_request_context() and (request_id := g.get("request_id")):
        body = {**body, "request_id": request_id}
    status = body["status"]
    assert isinstance(status, int)  # noqa: S101 - made by document() above
    return Told(status, orjson.dumps(body), MEDIA)


def install(
    app: Quart,
    dialects: Mapping[str, Dialect] = NO_DIALECTS,
    *,
    mistake: str = MISTAKE,
    realm: str = "orca-agent",
    docs: str = "/docs",
) -> None:
    """Turns every exception that leaves a handler into a problem document, or what `dialects`
    make of it below the paths that they are for. `mistake` is said of one of ours; `docs` is
    where the routes are listed."""

    def spoken(body: Mapping[str, object]) -> Response:
        path = request.path if has_request_context() else ""
        for below, speak in dialects.items():
            if path == below or path.startswith(f"{below}/"):
                return answer(body, speak(body), realm=realm)
        return answer(body, realm=realm)

    @app.after_request
    async def until_it_is_heard(response: ResponseTypes) -> ResponseTypes:
        if response.status_code >= 400:
            await _discard_body()
        return response

    @app.errorhandler(OrcaError)
    async def expected(err: OrcaError) -> Response:
        return spoken(describe(err))

    @app.errorhandler(HTTPException)
    async def routing(err: HTTPException) -> Response:
        status = err.code or 500
        code, detail = ROUTING.get(status, ("bad-request", "The request cannot be read."))
        response = spoken(document(code, status, detail.format(docs=docs)))
        if allow := dict(err.get_headers()).get("Allow"):
            response.headers["Allow"] = allow
        return response

    @app.errorhandler(Exception)
    async def bug(err: Exception) -> Response:
        log.error("unhandled error", exc_info=err)
        return spoken(document("internal", 500, mistake))


async def _discard_body() -> None:
    """Reads what the client still sends: closing the connection upon it would take the answer
    along. A body without measure is cut off all the same."""
    left = DISCARDED_BYTES
    if (request.content_length or 0) > left:
        return
    if isinstance(request.body, HeldBody):
        request.body.limit_bytes = None
    try:
        async with asyncio.timeout(DISCARDING_S):
            async for part in request.body:
                left -= len(part)
                if left < 0:
                    return
    except (TimeoutError, RequestEntityTooLarge):
        return
