"""Responses that go on for as long as their source does."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from quart import Response

RETRY = b"retry: 1000\n\n"


def event_stream(
    events: AsyncGenerator[bytes, None], *, status: int = 200, first: bytes = b""
) -> Response:
    """Server-sent events, `first` before those of the source, which is closed when the reader
    leaves."""
    body = _with_retry(events, first)
    response = Response(body, status, content_type="text/event-stream; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    response.timeout = None  # or Quart cuts the stream after a minute
    return response


async def _with_retry(
    events: AsyncGenerator[bytes, None], first: bytes
) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        yield RETRY + first  # now, so that the status line does not wait for the first event
        async for payload in events:
            yield payload
