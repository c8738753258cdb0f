"""Responses that go on for as long as their source does."""

from collections.abc import AsyncGenerator

from quart import Response


def event_stream(events: AsyncGenerator[bytes, None], *, status: int = 200) -> Response:
    """Server-sent events. The source is closed when the reader leaves."""
    response = Response(events, status, content_type="text/event-stream; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    response.timeout = None  # or Quart cuts the stream after a minute
    return response
