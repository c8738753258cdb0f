"""CORS: pages of other origins may ask with a token, if the operator lists them. Never with the
session of a browser."""

from collections.abc import Collection

from quart import Quart, Response, request
from quart.typing import ResponseTypes

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
HEADERS = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID"
SHOWN = (
    "Content-Disposition, ETag, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, "
    "Retry-After, X-Orca-Fallbacks, X-Request-ID, X-Run-ID"
)
FOR_S = "600"


def install(app: Quart, origins: Collection[str]) -> None:
    """To be installed before the guard, which would refuse the question whether one may ask."""
    if not origins:
        return

    @app.before_request
    async def may_ask() -> Response | None:
        asked = "Access-Control-Request-Method" in request.headers
        if request.method != "OPTIONS" or not asked or _origin() not in origins:
            return None
        answer = Response(status=204)
        answer.headers["Access-Control-Allow-Methods"] = METHODS
        answer.headers["Access-Control-Allow-Headers"] = HEADERS
        answer.headers["Access-Control-Max-Age"] = FOR_S
        return answer

    @app.after_request
    async def lend(response: ResponseTypes) -> ResponseTypes:
        response.headers.add("Vary", "Origin")
        if (origin := _origin()) in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = SHOWN
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response


def _origin() -> str:
    return request.headers.get("Origin", "")
