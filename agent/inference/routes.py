"""The queues, seen from outside."""

from collections.abc import Sequence
from dataclasses import asdict

from quart import Blueprint, Response

from agent.inference.queue import Queue
from agent.shared import web


class WaitedOut(web.Out):
    p50: float
    p95: float
    p99: float


class LaneOut(web.Out):
    """A model server's part of a queue."""

    name: str
    running: int
    limit: int


class QueueOut(web.Out):
    name: str
    waiting: int
    running: int
    limit: int
    capacity: int
    waited_ms: WaitedOut
    served: int
    rejected: int
    timed_out: int
    abandoned: int
    lanes: list[LaneOut]


class QueuesOut(web.Out):
    items: list[QueueOut]
    next_cursor: str | None


def routes(queues: Sequence[Queue]) -> Blueprint:
    bp = Blueprint("inference", __name__, url_prefix="/api/v1")

    @bp.get("/queues")
    @web.needs("chat")
    @web.gives(QueuesOut)
    async def list_queues() -> Response:
        """The queues before the models, and how long one waited in them of late."""
        return web.json({"items": [asdict(queue.state) for queue in queues], "next_cursor": None})

    return bp
