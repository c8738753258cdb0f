"""The audit log over HTTP."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from quart import Blueprint, Response

from agent.shared.web import asks, gives, gives_media, json
from hub.access import administrator
from hub.audit import shapes
from hub.audit.service import AuditService, shown

AT_ONCE_BYTES = 64 * 1024


def routes(audit: AuditService) -> Blueprint:
    bp = Blueprint("audit", __name__, url_prefix="/api/v1/audit")

    @bp.get("")
    @administrator
    @asks(shapes.AuditQuery)
    @gives(shapes.AuditOut)
    async def list_audit(query: shapes.AuditQuery) -> Response:
        """Who did what, newest first; `q` looks in names, actions, targets and addresses."""
        entries = await audit.found(query.wanted(), before=query.cursor, limit=query.limit)
        cursor = entries[-1].number if len(entries) == query.limit else None
        return json({"items": [shown(one) for one in entries], "next_cursor": cursor})

    @bp.get("/chain")
    @administrator
    @gives(shapes.ChainOut)
    async def check_chain() -> Response:
        """Reads all of it, and says whether every entry follows from the one before: from the
        first one, or from where the log was cut off when its months were over."""
        return json(shapes.chain(await audit.check()))

    @bp.get("/export")
    @administrator
    @asks(shapes.ExportQuery)
    @gives_media(200, "application/x-ndjson", "text/csv")
    async def export_audit(query: shapes.ExportQuery) -> Response:
        """All that is looked for, oldest first, each line with its digest."""
        is_csv = query.format == "csv"
        line = shapes.as_csv_line if is_csv else shapes.as_json_line

        async def lines() -> AsyncGenerator[bytes, None]:
            held = bytearray(shapes.head_of_csv() if is_csv else b"")
            async for entry, digest in audit.everything(query.wanted()):
                held += line(entry, digest)
                if len(held) >= AT_ONCE_BYTES:
                    yield bytes(held)
                    held.clear()
            yield bytes(held)

        whole = await begun(lines())
        media = "text/csv; charset=utf-8" if is_csv else "application/x-ndjson"
        response = Response(whole, content_type=media)
        response.timeout = None
        response.headers["Content-Disposition"] = f'attachment; filename="audit.{query.format}"'
        return response

    return bp


async def begun(parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The same, once the first part is there: what fails before is still a plain problem."""
    first = await anext(parts, b"")

    async def rest() -> AsyncGenerator[bytes, None]:
        async with aclosing(parts):
            yield first
            async for part in parts:
                yield part

    return rest()
