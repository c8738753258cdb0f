"""Over HTTP: what waits for a click, and what is on its way."""

from quart import Blueprint, Response
from quart_schema import document_request

from agent.shared.cursors import cursor_of, last_of
from agent.shared.web import asks, body, gives, has_body, json, needs
from agent.slicer.printhost.service import PrintHost, Waiting
from agent.slicer.printhost.shapes import HeldPage, HeldQuery, ReleaseIn
from agent.slicer.shapes import JobOut, job_json, short_json


def routes(host: PrintHost) -> Blueprint:
    """What waits, for the panel."""
    bp = Blueprint("slicer-held", __name__, url_prefix="/api/v1/slicer/held")

    @bp.get("")
    @needs("slicer")
    @asks(HeldQuery)
    @gives(HeldPage)
    async def held(query: HeldQuery) -> Response:
        """Files for printers that are checked, held, on their way, or to be tried again."""
        found = await host.waiting(last_of(query.cursor), query.limit)
        cursor = cursor_of(found[-1].job.id) if len(found) == query.limit else None
        return json({"items": [_held(one) for one in found], "next_cursor": cursor})

    @bp.get("/<job_id>")
    @needs("slicer")
    @gives(JobOut)
    async def one(job_id: str) -> Response:
        """How far a file is on its way to a printer."""
        return json(job_json(await host.get(job_id)))

    @bp.post("/<job_id>/release")
    @needs("slicer")
    @document_request(ReleaseIn)
    @gives(JobOut)
    async def release(job_id: str) -> Response:
        """Send a held file to its printer now, or try one again that did not arrive."""
        asked = await body(ReleaseIn) if has_body() else ReleaseIn()
        return json(job_json(await host.release(job_id, wants_print=asked.print)))

    @bp.post("/<job_id>/reject")
    @needs("slicer")
    @gives(JobOut)
    async def reject(job_id: str) -> Response:
        """Do not send it. The file stays among the files."""
        return json(job_json(await host.reject(job_id)))

    return bp


def _held(waiting: Waiting) -> dict[str, object]:
    return {
        **job_json(waiting.job),
        "printer_name": waiting.printer_name,
        "file": short_json(waiting.file, job=waiting.job),
    }
