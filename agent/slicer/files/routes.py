"""Sliced files over HTTP: send, look, throw away."""

from typing import Annotated

from pydantic import Field
from quart import Blueprint, Response, request

from agent.shared.web import In, Page, asks, gives, gives_media, json, needs
from agent.slicer.files.incoming import Incoming, incoming_bytes, incoming_form
from agent.slicer.files.service import FileService, Seen
from agent.slicer.shapes import SlicerFileOut, SlicerFilePage, file_json, short_json


class UploadQuery(In):
    name: Annotated[
        str, Field(description="Of a file that is sent as the body itself.", max_length=500)
    ] = ""


class FilesQuery(Page):
    limit: int = Field(default=50, ge=1, le=200)


def routes(files: FileService) -> Blueprint:
    bp = Blueprint("slicer-files", __name__, url_prefix="/api/v1/slicer/files")

    @bp.post("")
    @needs("slicer")
    @asks(UploadQuery)
    @gives(SlicerFileOut, 201)
    async def upload(query: UploadQuery) -> Response:
        """Send a G-code or 3MF file, as field `file` of a form or as the body; it is checked."""
        sent = await _sent(query.name, files.limit_bytes)
        file = await files.receive(sent.chunks, sent.name)
        response = json(file_json(file), 201)
        response.headers["Location"] = f"/api/v1/slicer/files/{file.id}"
        return response

    @bp.get("")
    @needs("slicer")
    @asks(FilesQuery)
    @gives(SlicerFilePage)
    async def latest(query: FilesQuery) -> Response:
        """The kept files, newest first, without their settings."""
        found = await files.latest(query.cursor, query.limit)
        cursor = found[-1].file.id if len(found) == query.limit else None
        return json({"items": [_short(one) for one in found], "next_cursor": cursor})

    @bp.get("/<file_id>")
    @needs("slicer")
    @gives(SlicerFileOut)
    async def one(file_id: str) -> Response:
        """A file: what it says of itself, its settings, and what the checks found."""
        seen = await files.see(file_id)
        return json(file_json(seen.file, has_analysis=seen.is_analysed, job=seen.job))

    @bp.delete("/<file_id>")
    @needs("slicer")
    @gives_media(204)
    async def delete(file_id: str) -> Response:
        """Throw a file away, with all that is known of it."""
        await files.delete(file_id)
        return Response(status=204)

    return bp


async def _sent(name: str, limit_bytes: int) -> Incoming:
    if request.mimetype == "multipart/form-data":
        return await incoming_form(limit_bytes)
    return incoming_bytes(name, limit_bytes)


def _short(seen: Seen) -> dict[str, object]:
    return short_json(seen.file, has_analysis=seen.is_analysed, job=seen.job)
