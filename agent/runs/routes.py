"""Runs over HTTP: look, follow, cancel."""

from quart import Blueprint, Response, request

from agent.runs.service import RunService
from agent.runs.shapes import RunOut, RunPage, RunQuery, run_json
from agent.shared.errors import Malformed
from agent.shared.streams import event_stream
from agent.shared.web import asks, gives, gives_media, json, needs


def routes(runs: RunService) -> Blueprint:
    bp = Blueprint("runs", __name__, url_prefix="/api/v1/runs")

    @bp.get("")
    @needs("chat")
    @asks(RunQuery)
    @gives(RunPage)
    async def latest(query: RunQuery) -> Response:
        """The latest runs, newest first."""
        found = await runs.latest(query.state, query.cursor, query.limit)
        cursor = found[-1].id if len(found) == query.limit else None
        return json({"items": [run_json(run) for run in found], "next_cursor": cursor})

    @bp.get("/<run_id>")
    @needs("chat")
    @gives(RunOut)
    async def one(run_id: str) -> Response:
        """One run."""
        return json(run_json(await runs.get(run_id)))

    @bp.get("/<run_id>/events")
    @needs("chat")
    @gives_media(200, "text/event-stream")
    async def events(run_id: str) -> Response:
        """Follow a run from its beginning, or behind the event in Last-Event-ID."""
        await runs.get(run_id)
        return event_stream(runs.events(run_id, last_event_id()))

    @bp.post("/<run_id>/cancel")
    @needs("chat")
    @gives(RunOut)
    async def cancel(run_id: str) -> Response:
        """Stop a run. One that has ended is answered as it is."""
        return json(run_json(await runs.cancel(run_id)))

    return bp


def last_event_id() -> int:
    """The number in the header Last-Event-ID, 0 without one. Raises Malformed."""
    text = request.headers.get("Last-Event-ID", "").strip() or "0"
    if not text.isdecimal() or len(text) > 15:
        raise Malformed("bad-last-event-id", "Last-Event-ID is the number of an event, such as 17.")
    return int(text)
