"""What Prometheus reads."""

from quart import Blueprint, Response

from agent.shared.web import gives_media
from hub.access import measuring
from hub.operation.metrics import Metrics

PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def routes(metrics: Metrics) -> Blueprint:
    bp = Blueprint("operation", __name__)

    @bp.get("/metrics")
    @measuring
    @gives_media(200, "text/plain")
    async def show_metrics() -> Response:
        """Everything for Prometheus, in its text format; needs a token of its own."""
        return Response(await metrics.text(), content_type=PROMETHEUS_TEXT)

    return bp
