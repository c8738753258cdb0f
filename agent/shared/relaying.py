"""What both languages do alike: bodies in, and answers that are passed on as they come."""

from collections.abc import AsyncGenerator

import orjson
from quart import Response

from agent.shared import web
from agent.shared.errors import Malformed

BODY_BYTES = 64 * 1024 * 1024


async def read_document() -> object:
    """The JSON body, whatever its Content-Type says: not every client sends one. Raises Malformed
    or TooLarge."""
    try:
        document: object = orjson.loads(await web.read_bytes(limit_bytes=BODY_BYTES))
    except orjson.JSONDecodeError as err:
        raise Malformed("bad-json", f"The body is not valid JSON: {err}.") from None
    return document


def relayed(body: AsyncGenerator[bytes, None], content_type: str) -> Response:
    """A stream for as long as its source lasts; the source is closed when the reader leaves."""
    response = Response(body, content_type=content_type)
    response.headers["X-Accel-Buffering"] = "no"
    response.timeout = None  # or Quart cuts the stream after a minute
    return response
