"""What Prometheus reads, and what an Administrator has to act on."""

from dataclasses import asdict
from typing import Literal

from quart import Blueprint, Response

from agent.shared.web import Out, gives, gives_media, json
from hub.access import administrator, measuring
from hub.operation.concerns import AllConcerns
from hub.operation.metrics import Metrics

PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class ConcernOut(Out):
    """`audit-broken`: the last check of the audit log has found that it is not whole.
    `groups-unclear`: sign-ins of the last seven days of which the provider did not say the groups,
    or not so that they can be read."""

    kind: Literal["audit-broken", "groups-unclear"]
    count: int
    said: str


class ConcernsOut(Out):
    items: list[ConcernOut]


def routes(metrics: Metrics, concerns: AllConcerns) -> Blueprint:
    bp = Blueprint("operation", __name__)

    @bp.get("/api/v1/concerns")
    @administrator
    @gives(ConcernsOut)
    async def list_concerns() -> Response:
        """What an Administrator has to act on, and would not see by itself."""
        return json({"items": [asdict(one) for one in await concerns.now()]})

    @bp.get("/metrics")
    @measuring
    @gives_media(200, "text/plain")
    async def show_metrics() -> Response:
        """Everything for Prometheus, in its text format; needs a token of its own."""
        return Response(await metrics.text(), content_type=PROMETHEUS_TEXT)

    return bp
