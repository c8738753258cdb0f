"""Asking the team's models, and the runs that come of it."""

import hashlib
from collections.abc import Mapping

import orjson
from quart import Blueprint, Response, request

from agent.runs.routes import EVENTS, last_event_id
from agent.runs.rules import Run
from agent.shared.cursors import cursor_of, last_of
from agent.shared.errors import Denied
from agent.shared.streams import event_stream
from agent.shared.web import asks, gives, gives_media, idempotency_key, json, takes
from hub.access import caller, member
from hub.ai import shapes
from hub.ai.catalogue import Catalogue
from hub.ai.following import Following
from hub.ai.rules import ANSWER, GENERATED, GenerationRequest
from hub.ai.service import AiService

BODY_BYTES = 48 * 1024 * 1024


def routes(ai: AiService, following: Following, catalogue: Catalogue) -> tuple[Blueprint, ...]:
    return _asking(ai, catalogue), _runs(following)


def _asking(ai: AiService, catalogue: Catalogue) -> Blueprint:
    bp = Blueprint("ai", __name__, url_prefix="/api/v1/ai")

    async def begun(
        asked: GenerationRequest, purpose: str, body: bytes, about: Mapping[str, object]
    ) -> Response:
        run = await ai.start(
            caller(),
            asked,
            purpose=purpose if ai.knows(purpose) else ANSWER,
            about=about,
            key=idempotency_key(),
            request_hash=hashlib.sha256(body).hexdigest(),
        )
        return told(ai, run)

    @bp.post("/generate")
    @member("ai")
    @takes(shapes.GenerateIn, limit_bytes=BODY_BYTES)
    @gives(shapes.StartedOut, 202)
    @gives_media(200, EVENTS)
    async def generate(asked: shapes.GenerateIn) -> Response:
        """Have code written. With Accept: text/event-stream its events follow at once."""
        body = orjson.dumps(asked.model_dump(), option=orjson.OPT_SORT_KEYS)
        return await begun(asked.wanted(), GENERATED, body, asked.about())

    @bp.post("/chat")
    @member("ai")
    @takes(shapes.ChatIn, limit_bytes=BODY_BYTES)
    @gives(shapes.StartedOut, 202)
    @gives_media(200, EVENTS)
    async def chat(asked: shapes.ChatIn) -> Response:
        """Ask with messages. With Accept: text/event-stream its events follow at once."""
        body = orjson.dumps(asked.model_dump(), option=orjson.OPT_SORT_KEYS)
        return await begun(asked.wanted(), ANSWER, body, {})

    @bp.get("/models")
    @member("ai")
    @gives(shapes.ModelsOut)
    async def models() -> Response:
        """The models that you may use, as they stand now."""
        return json(await catalogue.models(caller()))

    return bp


def _runs(following: Following) -> Blueprint:
    bp = Blueprint("runs", __name__, url_prefix="/api/v1/runs")

    @bp.get("")
    @member("ai")
    @asks(shapes.TeamRunQuery)
    @gives(shapes.TeamRunPage)
    async def latest(query: shapes.TeamRunQuery) -> Response:
        """Your latest runs, newest first."""
        who = caller()
        if query.all and not who.is_administrator:
            raise Denied("administrators-only", "Only an Administrator sees everybody's runs.")
        account = None if query.all else who.account_id
        found = await following.latest(account, query.state, last_of(query.cursor), query.limit)
        cursor = cursor_of(found[-1].run.id) if len(found) == query.limit else None
        return json({"items": [shapes.owned_json(one) for one in found], "next_cursor": cursor})

    @bp.get("/<run_id>")
    @member("ai")
    @gives(shapes.TeamRunOut)
    async def one(run_id: str) -> Response:
        """One run of yours."""
        return json(shapes.owned_json(await following.get(caller(), run_id)))

    @bp.get("/<run_id>/events")
    @member("ai")
    @gives_media(200, EVENTS)
    async def events(run_id: str) -> Response:
        """Follow a run from its beginning, or behind the event in Last-Event-ID."""
        await following.get(caller(), run_id)
        return event_stream(following.events(run_id, last_event_id()))

    @bp.post("/<run_id>/cancel")
    @member("ai")
    @gives(shapes.TeamRunOut)
    async def cancel(run_id: str) -> Response:
        """Stop a run. One that has ended is answered as it is."""
        return json(shapes.owned_json(await following.cancel(caller(), run_id)))

    return bp


def told(ai: AiService, run: Run) -> Response:
    """The run that was started, or its events where the client wants those."""
    if EVENTS in request.headers.get("Accept", ""):
        response = event_stream(ai.events(run.id))
        response.headers["X-Run-ID"] = run.id
        return response
    return json(shapes.started_json(run), 202)
