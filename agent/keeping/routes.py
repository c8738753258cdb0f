"""Backups over HTTP: make, list, fetch, send, restore, throw away."""

from collections.abc import AsyncIterator
from typing import Annotated

from pydantic import Field
from quart import Blueprint, Response, request, send_file
from quart.wrappers.response import FileBody
from quart_schema import DataSource, document_request

from agent.keeping.applying import Restored
from agent.keeping.rules import Stored, Wanted, holds
from agent.keeping.service import KeepingService
from agent.keeping.shapes import BackupIn, BackupOut, BackupPage
from agent.runs.shapes import RunOut, run_json
from agent.shared.web import In, gives, gives_media, json, needs, takes
from agent.slicer.files.incoming import incoming_bytes, incoming_form

BACKUPS = "/api/v1/backups"
ZIP = "application/zip"
ANY_BYTES = 1 << 50
SENT_AT_ONCE_BYTES = 256 * 1024
UNREADABLE = "It is damaged, or was made by a newer version: it cannot be restored."


class UploadForm(In):
    file: Annotated[bytes, Field(json_schema_extra={"format": "binary"})]


def routes(keeping: KeepingService) -> Blueprint:
    bp = Blueprint("keeping", __name__)

    @bp.post("/api/v1/backup")
    @needs("admin")
    @takes(BackupIn)
    @gives(RunOut, 202)
    async def back_up(asked: BackupIn) -> Response:
        """Make a backup, as a run whose result names it. Tokens and keys are never in it."""
        run = await keeping.back_up(Wanted(asked.images, asked.files))
        return json(run_json(run), 202)

    @bp.get(BACKUPS)
    @needs("admin")
    @gives(BackupPage)
    async def list_all() -> Response:
        """The backups in the data folder, newest first, and how the last restore ended."""
        found, last = await keeping.list_all(), await keeping.last_restore()
        return json(
            {
                "items": [backup_json(one) for one in found],
                "next_cursor": None,
                "last_restore": restored_json(last) if last else None,
            }
        )

    @bp.post(BACKUPS)
    @needs("admin")
    @document_request(UploadForm, source=DataSource.FORM_MULTIPART)
    @gives(BackupOut, 201)
    async def upload() -> Response:
        """Send a backup from elsewhere, as field `file` of a form or as the body; it is checked."""
        stored = await keeping.receive(await _sent())
        response = json(backup_json(stored), 201)
        response.headers["Location"] = f"{BACKUPS}/{stored.name}"
        return response

    @bp.get(f"{BACKUPS}/<name>")
    @needs("admin")
    @gives_media(200, ZIP)
    async def download(name: str) -> Response:
        """The backup as a file."""
        file = await keeping.file(name)
        response = await send_file(
            file, mimetype=ZIP, as_attachment=True, attachment_filename=name, conditional=True
        )
        if isinstance(response.response, FileBody):
            response.response.buffer_size = SENT_AT_ONCE_BYTES
        response.headers["Cache-Control"] = "no-store"
        response.timeout = None
        return response

    @bp.delete(f"{BACKUPS}/<name>")
    @needs("admin")
    @gives_media(204)
    async def delete(name: str) -> Response:
        """Throw a backup away."""
        await keeping.delete(name)
        return Response(status=204)

    @bp.post(f"{BACKUPS}/<name>/restore")
    @needs("admin")
    @gives(RunOut, 202)
    async def restore(name: str) -> Response:
        """Check a backup, as a run, and start anew with it; what is here becomes a backup."""
        return json(run_json(await keeping.restore(name)), 202)

    return bp


def backup_json(stored: Stored) -> dict[str, object]:
    about = stored.manifest
    return {
        "name": stored.name,
        "size_bytes": stored.size_bytes,
        "created_at": about.created_at if about else None,
        "version": about.version if about else None,
        "holds": holds(about.members) if about else [],
        "is_automatic": stored.is_automatic,
        "reason": about.reason if about else None,
        "problem": None if about else UNREADABLE,
    }


def restored_json(last: Restored) -> dict[str, object]:
    return {
        "name": last.name,
        "at": last.at,
        "kept_as": last.kept_as,
        "problem": last.problem,
        "note": last.note,
    }


async def _sent() -> AsyncIterator[bytes]:
    """As large as the disk has room for. Raises RequestTimeout when nothing comes any more."""
    if request.mimetype == "multipart/form-data":
        return (await incoming_form(ANY_BYTES)).chunks
    return incoming_bytes("", ANY_BYTES).chunks
