"""Sliced files over HTTP: send, look, have all moves read, throw away."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from quart import Blueprint, Response, request
from quart_schema import DataSource, document_request

from agent.runs.shapes import RunOut, run_json
from agent.shared.cursors import cursor_of, last_of
from agent.shared.web import In, Page, asks, body, gives, gives_media, has_body, json, needs, takes
from agent.slicer.files.analysing import AnalysisService
from agent.slicer.files.incoming import Incoming, incoming_bytes, incoming_form
from agent.slicer.files.report import as_markdown, counts
from agent.slicer.files.service import FileService, Seen
from agent.slicer.shapes import (
    AnalysisOut,
    ReportOut,
    SlicerFileOut,
    SlicerFilePage,
    file_json,
    moves_json,
    short_json,
)

FILES = "/api/v1/slicer/files"
MARKDOWN = "text/markdown; charset=utf-8"


class UploadQuery(In):
    name: Annotated[
        str, Field(description="Of a file that is sent as the body itself.", max_length=500)
    ] = ""


class UploadForm(In):
    file: Annotated[bytes, Field(json_schema_extra={"format": "binary"})]


class FilesQuery(Page):
    limit: int = Field(default=50, ge=1, le=200)


class ThumbnailQuery(In):
    max_edge: Annotated[int, Field(ge=16, le=2048, description="Pixels at the most.")] = 512
    plate: Annotated[int | None, Field(ge=1, le=10_000, description="Counts from 1.")] = None


class AnalysisIn(In):
    plate: Annotated[
        int | None,
        Field(ge=1, le=10_000, description="Of a project, counted from 1; else its first sliced."),
    ] = None


class ReportQuery(In):
    format: Literal["json", "md"] = "json"


class NoticeIn(In):
    """What a post-processing script knows."""

    path: Annotated[str, Field(max_length=4096, description="Where the file lies, absolute.")]
    name: Annotated[str, Field(max_length=500, description="What it will be called.")] = ""
    host: Annotated[str, Field(max_length=100, description="File, OctoPrint, ...")] = ""
    settings: Annotated[
        dict[str, str] | None,
        Field(description="By OrcaSlicer's keys; used if the file holds none."),
    ] = None


def routes(files: FileService, analyses: AnalysisService) -> Blueprint:
    bp = Blueprint("slicer-files", __name__, url_prefix=FILES)

    def short(seen: Seen) -> dict[str, object]:
        running = analyses.running(seen.file.id)
        return short_json(
            seen.file,
            has_analysis=seen.is_analysed,
            analysis_run_id=running,
            job=seen.job,
            ended=seen.ended,
        )

    def whole(seen: Seen) -> dict[str, object]:
        return {**short(seen), "settings": dict(seen.file.facts.settings)}

    @bp.post("")
    @needs("slicer")
    @asks(UploadQuery)
    @document_request(UploadForm, source=DataSource.FORM_MULTIPART)
    @gives(SlicerFileOut, 201)
    async def upload(query: UploadQuery) -> Response:
        """Send a G-code or 3MF file, as field `file` of a form or as the body; it is checked."""
        sent = await _sent(query.name, files.limit_bytes)
        file = await files.receive(sent.chunks, sent.name)
        response = json(file_json(file), 201)
        response.headers["Location"] = f"{FILES}/{file.id}"
        return response

    @bp.get("")
    @needs("slicer")
    @asks(FilesQuery)
    @gives(SlicerFilePage)
    async def latest(query: FilesQuery) -> Response:
        """The kept files, newest first, without their settings."""
        found = await files.latest(last_of(query.cursor), query.limit)
        cursor = cursor_of(found[-1].file.id) if len(found) == query.limit else None
        return json({"items": [short(one) for one in found], "next_cursor": cursor})

    @bp.get("/<file_id>")
    @needs("slicer")
    @gives(SlicerFileOut)
    async def one(file_id: str) -> Response:
        """A file: what it says of itself, its settings, and what the checks found."""
        return json(whole(await files.see(file_id)))

    @bp.get("/<file_id>/thumbnail")
    @needs("slicer")
    @asks(ThumbnailQuery)
    @gives_media(200, "image/png")
    async def thumbnail(file_id: str, query: ThumbnailQuery) -> Response:
        """A picture of what the file prints, or of one of its plates."""
        data = await files.thumbnail(file_id, query.max_edge, query.plate)
        response = Response(data, content_type="image/png")
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        response.set_etag(f"{file_id}-{query.max_edge}-{query.plate or 'first'}")
        return await response.make_conditional(request)

    @bp.get("/<file_id>/report")
    @needs("slicer")
    @asks(ReportQuery)
    @gives(ReportOut)
    @gives_media(200, "text/markdown")
    async def report(file_id: str, query: ReportQuery) -> Response:
        """All that is known of a file in one piece; as Markdown, it fits into a forum's post."""
        seen = await files.see(file_id)
        analysis = await analyses.get(file_id) if seen.is_analysed else None
        if query.format == "md":
            text = await asyncio.to_thread(as_markdown, seen.file, analysis)
            return Response(text, content_type=MARKDOWN)
        return json(
            {
                "file": whole(seen),
                "counts": counts(seen.file.findings),
                "analysis": moves_json(analysis) if analysis else None,
            }
        )

    @bp.post("/<file_id>/analysis")
    @needs("slicer")
    @document_request(AnalysisIn)
    @gives(RunOut, 202)
    async def analyse(file_id: str) -> Response:
        """Have every move of the file read: time, speed and flow by layer and by type of line."""
        asked = await body(AnalysisIn) if has_body() else AnalysisIn()
        run = await analyses.begin(file_id, asked.plate)
        response = json(run_json(run), 202)
        response.headers["Location"] = f"/api/v1/runs/{run.id}"
        return response

    @bp.get("/<file_id>/analysis")
    @needs("slicer")
    @gives(AnalysisOut)
    async def analysis(file_id: str) -> Response:
        """What the moves told, in columns by layer."""
        return Response(await analyses.as_json(file_id), content_type="application/json")

    @bp.delete("/<file_id>")
    @needs("slicer")
    @gives_media(204)
    async def delete(file_id: str) -> Response:
        """Throw a file away, with all that is known of it."""
        await analyses.stop(file_id)
        await files.delete(file_id)
        return Response(status=204)

    return bp


def notice_routes(files: FileService) -> Blueprint:
    bp = Blueprint("slicer-notices", __name__, url_prefix="/api/v1/slicer/notices")

    @bp.post("")
    @needs("slicer")
    @takes(NoticeIn)
    @gives(SlicerFileOut, 201)
    async def notice(asked: NoticeIn) -> Response:
        """Tell of a file that the slicer exports now. It is read and checked where it lies."""
        name = asked.name or Path(asked.path).name
        file = await files.note(Path(asked.path), name, asked.settings or {}, source="post-process")
        response = json(file_json(file), 201)
        response.headers["Location"] = f"{FILES}/{file.id}"
        return response

    return bp


async def _sent(name: str, limit_bytes: int) -> Incoming:
    if request.mimetype == "multipart/form-data":
        return await incoming_form(limit_bytes)
    return incoming_bytes(name, limit_bytes)
