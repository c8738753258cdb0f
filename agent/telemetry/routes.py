"""What requests took and cost, for people, pages and Prometheus."""

from datetime import timedelta

from quart import Blueprint, Response

from agent.shared.clock import Clock, rfc3339
from agent.shared.web import asks, gives, gives_media, json, needs, signed_in
from agent.telemetry.service import Telemetry
from agent.telemetry.shapes import (
    DaysPage,
    DaysQuery,
    PerformancePage,
    PerformanceQuery,
    RequestsPage,
    RequestsQuery,
    equal,
    performance_json,
    row_json,
)
from agent.telemetry.sources import Metrics

PERIOD = timedelta(days=7)
PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def routes(telemetry: Telemetry, metrics: Metrics, clock: Clock) -> Blueprint:
    bp = Blueprint("telemetry", __name__)

    @bp.get("/metrics")
    @signed_in
    @gives_media(200, "text/plain")
    async def show_metrics() -> Response:
        """Everything for Prometheus, in its text format."""
        return Response(await metrics.text(), content_type=PROMETHEUS_TEXT)

    @bp.get("/api/v1/telemetry/requests")
    @needs("admin")
    @asks(RequestsQuery)
    @gives(RequestsPage)
    async def list_requests(query: RequestsQuery) -> Response:
        """The requests of the last weeks, newest first, without what was asked."""
        rows, cursor = await telemetry.requests(
            equal(query), since=query.since, cursor=query.cursor, limit=query.limit
        )
        return json({"items": [row_json(row) for row in rows], "next_cursor": cursor})

    @bp.get("/api/v1/telemetry/projects")
    @needs("admin")
    @asks(DaysQuery)
    @gives(DaysPage)
    async def list_days(query: DaysQuery) -> Response:
        """What each project used of each model, by day, newest first."""
        rows, cursor = await telemetry.days(
            equal(query), since=query.since, cursor=query.cursor, limit=query.limit
        )
        return json({"items": [row_json(row) for row in rows], "next_cursor": cursor})

    @bp.get("/api/v1/telemetry/performance")
    @needs("admin")
    @asks(PerformanceQuery)
    @gives(PerformancePage)
    async def show_performance(query: PerformanceQuery) -> Response:
        """How fast each model was on each backend: loading, first token, tokens a second."""
        now = clock()
        since = query.since or now - PERIOD
        found, is_whole = await telemetry.performance(equal(query), since=since)
        return json(
            {
                "since": rfc3339(since),
                "until": rfc3339(now),
                "is_whole": is_whole,
                "items": [performance_json(one) for one in found],
                "next_cursor": None,
            }
        )

    return bp
