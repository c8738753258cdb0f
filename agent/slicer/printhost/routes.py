"""The print host over HTTP: as OctoPrint and as Moonraker, and what is held."""

from typing import Annotated

from pydantic import ConfigDict, Field
from quart import Blueprint, Response
from quart_schema import DataSource, document_request

from agent.shared.web import (
    In,
    Out,
    Page,
    asks,
    fails_in_words,
    gives,
    gives_media,
    json,
    needs,
    takes,
)
from agent.slicer.files.incoming import incoming_form
from agent.slicer.files.service import FileService
from agent.slicer.printhost.rules import Job, JobSource
from agent.slicer.printhost.service import PrintHost, Waiting, Wanted
from agent.slicer.printhost.speaking import PATH
from agent.slicer.rules import SlicerFile
from agent.slicer.shapes import JobOut, SlicerFileShortOut, job_json, short_json

YES = ("true", "1", "yes")
API_VERSION, SPOKEN_VERSION = "0.1", "1.11.0"  # of OctoPrint's API


class HeldOut(JobOut):
    printer_name: str
    file: SlicerFileShortOut


class HeldPage(Out):
    items: list[HeldOut]
    next_cursor: str | None


class HeldQuery(Page):
    limit: int = Field(default=50, ge=1, le=200)


class OctoPrintVersionOut(Out):
    api: str
    server: str
    text: str


class OctoPrintUpload(In):
    """The form that slicers send to an OctoPrint."""

    model_config = ConfigDict(extra="allow")

    print: str = "false"
    path: Annotated[str, Field(description="A folder; what is sent here lies in none.")] = ""
    plateindex: Annotated[str, Field(description="Counts from 1; of a 3MF.")] = ""
    file: Annotated[bytes, Field(json_schema_extra={"format": "binary"})]


class OctoPrintFileOut(Out):
    name: str
    path: str
    origin: str


class OctoPrintFilesOut(Out):
    local: OctoPrintFileOut


class OctoPrintUploadOut(Out):
    """`job_id` and `state` are our own."""

    done: bool
    files: OctoPrintFilesOut
    effectivePrint: bool  # noqa: N815 - OctoPrint's name
    job_id: str
    state: str


class ServerInfoOut(Out):
    klippy_connected: bool
    klippy_state: str
    components: list[str]
    moonraker_version: str


class ServerInfoResult(Out):
    result: ServerInfoOut


class RootOut(Out):
    name: str
    permissions: str


class RootsResult(Out):
    result: list[RootOut]


class MoonrakerUpload(In):
    """The form that slicers send to a Moonraker."""

    model_config = ConfigDict(extra="allow")

    root: str = "gcodes"
    print: str = "false"
    plateindex: str = ""
    file: Annotated[bytes, Field(json_schema_extra={"format": "binary"})]


class ItemOut(Out):
    path: str
    root: str


class MoonrakerUploadOut(Out):
    item: ItemOut
    print_started: bool
    print_queued: bool
    action: str
    job_id: str
    state: str


class MoonrakerUploadResult(Out):
    result: MoonrakerUploadOut


class StartIn(In):
    model_config = ConfigDict(extra="allow")

    filename: Annotated[str, Field(max_length=500)]


class StartResult(Out):
    result: str


def routes(host: PrintHost) -> Blueprint:
    """What waits, for the panel."""
    bp = Blueprint("slicer-held", __name__, url_prefix="/api/v1/slicer/held")

    @bp.get("")
    @needs("slicer")
    @asks(HeldQuery)
    @gives(HeldPage)
    async def held(query: HeldQuery) -> Response:
        """Files for printers that are held, on their way, or to be tried again; newest first."""
        found = await host.waiting(query.cursor, query.limit)
        cursor = found[-1].job.id if len(found) == query.limit else None
        return json({"items": [_held(one) for one in found], "next_cursor": cursor})

    @bp.get("/<job_id>")
    @needs("slicer")
    @gives(JobOut)
    async def one(job_id: str) -> Response:
        """How far a file is on its way to a printer."""
        return json(job_json(await host.get(job_id)))

    @bp.post("/<job_id>/release")
    @needs("slicer")
    @gives(JobOut)
    async def release(job_id: str) -> Response:
        """Send a held file to its printer now, or try one again that did not arrive."""
        return json(job_json(await host.release(job_id)))

    @bp.post("/<job_id>/reject")
    @needs("slicer")
    @gives(JobOut)
    async def reject(job_id: str) -> Response:
        """Do not send it. The file stays among the files."""
        return json(job_json(await host.reject(job_id)))

    return bp


def octoprint_routes(host: PrintHost, files: FileService) -> Blueprint:
    """What slicers ask of an OctoPrint."""
    bp = Blueprint("printhost-octoprint", __name__, url_prefix=f"{PATH}/<printer>")

    @bp.get("")
    @needs("printhost")
    @gives_media(303)
    @fails_in_words
    async def page(printer: str) -> Response:
        """Lead to the panel: slicers show this address where none was typed for the page."""
        await host.printer(printer)
        response = Response(status=303)
        response.headers["Location"] = "/ui"
        return response

    @bp.get("/api/version")
    @needs("printhost")
    @gives(OctoPrintVersionOut)
    @fails_in_words
    async def version(printer: str) -> Response:
        """Say that here is a print host; slicers test with this."""
        target = await host.printer(printer)
        text = f"OctoPrint (Orca Agents: {target.name})"
        return json({"api": API_VERSION, "server": SPOKEN_VERSION, "text": text})

    @bp.post("/api/files/local")
    @needs("printhost")
    @document_request(OctoPrintUpload, source=DataSource.FORM_MULTIPART)
    @gives(OctoPrintUploadOut, 201)
    @fails_in_words
    async def upload(printer: str) -> Response:
        """Take a file as OctoPrint does; it is checked, then held or sent on."""
        job, file = await _received(host, files, printer, "octoprint")
        local = {"name": file.name, "path": file.name, "origin": "local"}
        told = {"done": True, "files": {"local": local}, "effectivePrint": False}
        return json({**told, "job_id": job.id, "state": job.state.value}, 201)

    return bp


def moonraker_routes(host: PrintHost, files: FileService) -> Blueprint:
    """What slicers ask of a Moonraker."""
    bp = Blueprint("printhost-moonraker", __name__, url_prefix=f"{PATH}/<printer>")

    @bp.get("/server/info")
    @needs("printhost")
    @gives(ServerInfoResult)
    @fails_in_words
    async def info(printer: str) -> Response:
        """Say that here is a print host; slicers test with this."""
        await host.printer(printer)
        told = {
            "klippy_connected": True,
            "klippy_state": "ready",
            "components": ["file_manager"],
            "moonraker_version": "orca-agents",
        }
        return json({"result": told})

    @bp.get("/server/files/roots")
    @needs("printhost")
    @gives(RootsResult)
    @fails_in_words
    async def roots(printer: str) -> Response:
        """Say where files go: there is one place."""
        await host.printer(printer)
        return json({"result": [{"name": "gcodes", "permissions": "rw"}]})

    @bp.post("/server/files/upload")
    @needs("printhost")
    @document_request(MoonrakerUpload, source=DataSource.FORM_MULTIPART)
    @gives(MoonrakerUploadResult, 201)
    @fails_in_words
    async def upload(printer: str) -> Response:
        """Take a file as Moonraker does; it is checked, then held or sent on."""
        job, file = await _received(host, files, printer, "moonraker")
        told = {
            "item": {"path": file.name, "root": "gcodes"},
            "print_started": False,
            # Queued, so that the slicer does not order the print by itself.
            "print_queued": job.wants_print,
            "action": "create_file",
            "job_id": job.id,
            "state": job.state.value,
        }
        return json({"result": told}, 201)

    @bp.post("/printer/print/start")
    @needs("printhost")
    @takes(StartIn)
    @gives(StartResult)
    @fails_in_words
    async def start(printer: str, asked: StartIn) -> Response:
        """Print a file that was uploaded here; it may be held first."""
        await host.start(printer, asked.filename)
        return json({"result": "ok"})

    return bp


async def _received(
    host: PrintHost, files: FileService, printer: str, source: JobSource
) -> tuple[Job, SlicerFile]:
    await host.printer(printer)
    sent = await incoming_form(files.limit_bytes)

    def wanted() -> Wanted:
        plate = sent.fields.get("plateindex", "")
        wants_print = sent.fields.get("print", "").strip().lower() in YES
        return Wanted(wants_print, int(plate) if plate.isascii() and plate.isdecimal() else None)

    return await host.receive(sent.chunks, sent.name, printer, source=source, wanted=wanted)


def _held(waiting: Waiting) -> dict[str, object]:
    return {
        **job_json(waiting.job),
        "printer_name": waiting.printer_name,
        "file": short_json(waiting.file, job=waiting.job),
    }
