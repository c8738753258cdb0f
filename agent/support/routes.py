"""The log and the report for support, over HTTP."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict

from quart import Blueprint, Response, request

from agent.runs.routes import last_event_id
from agent.shared.streams import event_stream
from agent.shared.web import asks, gives, gives_media, json, needs
from agent.support.service import LogService
from agent.support.shapes import LogPageOut, LogPageQuery, LogStreamQuery, SupportReportOut


def routes(logs: LogService, report: Callable[[], Awaitable[str]]) -> Blueprint:
    bp = Blueprint("support", __name__, url_prefix="/api/v1")

    @bp.get("/logs")
    @needs("admin")
    @asks(LogPageQuery)
    @gives(LogPageOut)
    async def log_page(query: LogPageQuery) -> Response:
        """The agent's log, newest first."""
        found, cursor = await logs.page(
            level=query.level, words=query.q, cursor=query.cursor, limit=query.limit
        )
        return json({"items": [asdict(one) for one in found], "next_cursor": cursor})

    @bp.get("/logs/stream")
    @needs("admin")
    @asks(LogStreamQuery)
    @gives_media(200, "text/event-stream")
    async def log_stream(query: LogStreamQuery) -> Response:
        """Follow the agent's log: events `log`, each an entry."""
        after = last_event_id() if "Last-Event-ID" in request.headers else None
        return event_stream(
            logs.follow(level=query.level, words=query.q, lines=query.lines, after=after)
        )

    @bp.get("/support-report")
    @needs("admin")
    @gives(SupportReportOut)
    async def support_report() -> Response:
        """A report for support, as Markdown: no secret, no conversation and no file's name."""
        return json({"text": await report()})

    return bp
