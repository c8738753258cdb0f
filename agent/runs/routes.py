"""Runs over HTTP: look, follow, cancel."""

from collections.abc import AsyncGenerator, Callable, Mapping

from quart import Blueprint, Response, request

from agent.runs.rules import Run, RunKind
from agent.runs.service import RunService
from agent.runs.shapes import RunOut, RunPage, RunQuery, run_json
from agent.shared import wire
from agent.shared.cursors import cursor_of, last_of
from agent.shared.errors import Malformed
from agent.shared.streams import event_stream
from agent.shared.web import (
    Scope,
    asks,
    current,
    demand,
    gives,
    gives_media,
    json,
    needs,
    signed_in,
)

EVENTS = "text/event-stream"

# Who began a run may follow it; who chats sees all of them, as the panel does.
SCOPES: dict[RunKind, Scope] = {
    "chat": "chat",
    "batch": "chat",
    "pull": "models",
    "analysis": "slicer",
    "forward": "slicer",
    "backup": "admin",
    "restore": "admin",
}


def routes(runs: RunService) -> Blueprint:
    bp = Blueprint("runs", __name__, url_prefix="/api/v1/runs")

    async def seen(run_id: str) -> Run:
        run = await runs.get(run_id)
        demand(SCOPES[run.kind], "chat")
        return run

    @bp.get("")
    @needs("chat")
    @asks(RunQuery)
    @gives(RunPage)
    async def latest(query: RunQuery) -> Response:
        """The latest runs, newest first."""
        found = await runs.latest(query.state, last_of(query.cursor), query.limit)
        cursor = cursor_of(found[-1].id) if len(found) == query.limit else None
        return json({"items": [run_json(run) for run in found], "next_cursor": cursor})

    @bp.get("/<run_id>")
    @signed_in
    @gives(RunOut)
    async def one(run_id: str) -> Response:
        """One run."""
        return json(run_json(await seen(run_id)))

    @bp.get("/<run_id>/events")
    @signed_in
    @gives_media(200, EVENTS)
    async def events(run_id: str) -> Response:
        """Follow a run from its beginning, or behind the event in Last-Event-ID."""
        await seen(run_id)
        return event_stream(runs.events(run_id, last_event_id()))

    @bp.post("/<run_id>/cancel")
    @signed_in
    @gives(RunOut)
    async def cancel(run_id: str) -> Response:
        """Stop a run. One that has ended is answered as it is."""
        await seen(run_id)
        return json(run_json(await runs.cancel(run_id)))

    return bp


def begun(
    run_id: str,
    posted: Mapping[str, object],
    events: Callable[[str], AsyncGenerator[bytes, None]],
    *,
    told: Mapping[str, object] | None = None,
) -> Response:
    """What is answered when a run has begun: `told`, or else `posted`, as JSON. To who asks for
    server-sent events `posted` is the first, and those of the run follow."""
    if wants_events():
        response = event_stream(events(run_id), first=wire.encode_unnumbered("posted", posted))
        response.headers["X-Run-ID"] = run_id
    else:
        response = json(told or posted, 202)
    response.headers["Location"] = f"/api/v1/runs/{run_id}"
    return response


def wants_events() -> bool:
    """Whether the client prefers server-sent events to JSON."""
    sent = current()
    accepted = sent.headers.get("Accept", "*/*")
    if accepted in (EVENTS, "*/*"):  # as nearly all say it
        return accepted == EVENTS
    return sent.accept_mimetypes.best_match(["application/json", EVENTS]) == EVENTS


def last_event_id() -> int:
    """The number in the header Last-Event-ID, 0 without one. Raises Malformed."""
    text = request.headers.get("Last-Event-ID", "").strip() or "0"
    if not text.isdecimal() or len(text) > 15:
        raise Malformed("bad-last-event-id", "Last-Event-ID is the number of an event, such as 17.")
    return int(text)
