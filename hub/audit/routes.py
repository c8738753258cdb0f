"""The audit log over HTTP."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from pydantic import Field
from quart import Blueprint, Response

from agent.shared.web import In, Out, asks, gives, gives_media, json
from hub.access import administrator
from hub.audit.service import AuditService, shown


class AuditQuery(In):
    q: str = ""
    action: str = ""
    actor_id: str = ""
    cursor: Annotated[int, Field(ge=1)] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class AuditEntryOut(Out):
    number: int
    at: str
    actor_id: str | None
    actor: str
    action: str
    target: str
    address: str
    outcome: str
    request_id: str
    detail: dict[str, Any]  # Any: JSON values


class AuditOut(Out):
    items: list[AuditEntryOut]
    next_cursor: int | None


class ChainOut(Out):
    """`broken_at`: the number of the first entry that was changed or is missing."""

    is_whole: bool
    broken_at: int | None


def routes(audit: AuditService) -> Blueprint:
    bp = Blueprint("audit", __name__, url_prefix="/api/v1/audit")

    @bp.get("")
    @administrator
    @asks(AuditQuery)
    @gives(AuditOut)
    async def list_audit(query: AuditQuery) -> Response:
        """Who did what, newest first; `q` looks in names, actions, targets and addresses."""
        entries = await audit.found(
            text=query.q,
            action=query.action,
            actor_id=query.actor_id,
            before=query.cursor,
            limit=query.limit,
        )
        cursor = entries[-1].number if len(entries) == query.limit else None
        return json({"items": [shown(one) for one in entries], "next_cursor": cursor})

    @bp.get("/chain")
    @administrator
    @gives(ChainOut)
    async def check_chain() -> Response:
        """Reads all of it, and says whether every entry follows from the one before."""
        broken = await audit.broken_at()
        return json({"is_whole": broken is None, "broken_at": broken})

    @bp.get("/export")
    @administrator
    @gives_media(200, "application/x-ndjson")
    async def export_audit() -> Response:
        """All of it, oldest first, each line with its digest."""

        async def lines() -> AsyncIterator[bytes]:
            async for entry, digest in audit.everything():
                yield orjson.dumps({**shown(entry), "digest": digest}) + b"\n"

        response = Response(lines(), content_type="application/x-ndjson")
        response.timeout = None
        response.headers["Content-Disposition"] = 'attachment; filename="audit.ndjson"'
        return response

    return bp
