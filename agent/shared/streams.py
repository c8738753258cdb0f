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
    return _response(_with_retry(events, first), "text/event-stream; charset=utf-8", status)


async def begun_stream(parts: AsyncGenerator[bytes, None], media: str) -> Response:
    """A stream whose first part is there already, so that what fails before it is raised here.
    The source is closed when the reader leaves."""
    try:
        first = await anext(parts, b"")
    except BaseException:
        await parts.aclose()
        raise
    return _response(_behind(first, parts), media)


def _response(body: AsyncGenerator[bytes, None], media: str, status: int = 200) -> Response:
    response = Response(body, status, content_type=media)
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


async def _behind(first: bytes, parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(parts):
        yield first
        async for part in parts:
            yield part
