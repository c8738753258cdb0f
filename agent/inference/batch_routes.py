"""Batches over HTTP: many questions in, a run out, results as they come."""

import asyncio
import hashlib
from typing import Any, Literal

import orjson
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from quart import Blueprint, Response
from quart_schema import document_request

from agent.inference.batch import BatchService, Question, Wanted
from agent.inference.batch_rules import MOST_AT_ONCE, MOST_ITEMS, Use
from agent.inference.inference import Who
from agent.inference.shapes import ChatOut, Seeing, Talk
from agent.runs.shapes import RunOut, run_json
from agent.shared.cursors import not_handed_out
from agent.shared.errors import Invalid
from agent.shared.problems import Problem, describe
from agent.shared.statements import Row
from agent.shared.web import (
    In,
    Out,
    asker,
    asks,
    counted,
    gives,
    idempotency_key,
    json,
    left_out,
    needs,
    read,
    read_json,
)

BATCH_BYTES = 256 * 1024 * 1024
ITEM_ID_CHARACTERS = 200


class ChatItem(Talk):
    id: str | None = Field(
        default=None,
        min_length=1,
        max_length=ITEM_ID_CHARACTERS,
        description="What its result is told apart by. Absent: its place, from 0.",
    )


class VlmItem(Seeing):
    id: str | None = Field(default=None, min_length=1, max_length=ITEM_ID_CHARACTERS)


class Envelope(In):
    """A batch. An item that cannot be read spoils none of the others: it has failed at once."""

    items: list[Any] = Field(min_length=1, max_length=MOST_ITEMS)  # Any: each is read by itself
    concurrency: int | None = Field(
        default=None,
        ge=1,
        le=MOST_AT_ONCE,
        description="How many at the same time. Absent: as many as the queue has places.",
    )
    order: Literal["as_finished", "given"] = Field(
        default="as_finished", description="In which order the results are listed."
    )


class BatchChatIn(Envelope):
    items: list[ChatItem] = Field(min_length=1, max_length=MOST_ITEMS)


class BatchVlmIn(Envelope):
    items: list[VlmItem] = Field(min_length=1, max_length=MOST_ITEMS)


class ResultQuery(In):
    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=200)


class ResultOut(Out):
    """`answer` of an item that is done, `problem` of one that has failed."""

    id: str
    status: Literal["done", "failed", "cancelled"]
    answer: ChatOut | SkipJsonSchema[None] = left_out()
    problem: Problem | SkipJsonSchema[None] = left_out()


class ResultPage(Out):
    """`next_cursor` is null once there will be no more: while the batch runs it is where to go
    on, also from an empty page."""

    items: list[ResultOut]
    next_cursor: str | None


def routes(batches: BatchService) -> Blueprint:
    bp = Blueprint("batch", __name__, url_prefix="/api/v1")

    async def begun(use: Use, shape: type[ChatItem] | type[VlmItem]) -> Response:
        sent = await read_json(limit_bytes=BATCH_BYTES)
        envelope = read(Envelope, sent)
        client, project = asker()
        wanted = Wanted(
            use,
            [_question(shape, item, number) for number, item in enumerate(envelope.items)],
            Who(client, project),
            envelope.concurrency,
            envelope.order == "given",
        )
        request_hash = await asyncio.to_thread(_hash, use, sent)
        run = await batches.begin(wanted, key=idempotency_key(), request_hash=request_hash)
        response = json(run_json(run), 202)
        response.headers["Location"] = f"/api/v1/runs/{run.id}"
        return response

    @bp.post("/batch/chat")
    @needs("chat")
    @counted
    @document_request(BatchChatIn)
    @gives(RunOut, 202)
    async def batch_chat() -> Response:
        """Ask up to 1,000 times with messages, as one run."""
        return await begun("chat", ChatItem)

    @bp.post("/batch/vlm")
    @needs("chat")
    @counted
    @document_request(BatchVlmIn)
    @gives(RunOut, 202)
    async def batch_vlm() -> Response:
        """Ask up to 1,000 times about pictures, as one run."""
        return await begun("vlm", VlmItem)

    @bp.get("/runs/<run_id>/results")
    @needs("chat")
    @asks(ResultQuery)
    @gives(ResultPage)
    async def results(run_id: str, query: ResultQuery) -> Response:
        """What has come of a batch, in the order that it asked for."""
        found, behind = await batches.results(
            run_id, behind=_place(query.cursor), limit=query.limit
        )
        return json(
            {
                "items": [_result(row) for row in found],
                "next_cursor": None if behind is None else str(behind),
            }
        )

    return bp


def _question(shape: type[ChatItem] | type[VlmItem], item: object, number: int) -> Question:
    named = item.get("id") if isinstance(item, dict) else None
    item_id = named if isinstance(named, str) and 0 < len(named) <= ITEM_ID_CHARACTERS else None
    item_id = item_id or str(number)
    try:
        document = read(shape, item).model_dump(mode="json", exclude_unset=True, exclude={"id"})
    except Invalid as err:
        return Question(item_id, None, describe(err))
    return Question(item_id, document)


def _hash(use: Use, sent: object) -> str:
    text = orjson.dumps(sent, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(b"batch %b " % use.encode() + text).hexdigest()


def _place(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isdecimal() or len(cursor) > 9:
        raise not_handed_out()
    return int(cursor)


def _result(row: Row) -> dict[str, object]:
    result: dict[str, object] = {"id": row["id"], "status": row["status"]}
    for name in ("answer", "problem"):
        if row[name] is not None:
            result[name] = orjson.Fragment(row[name])
    return result
