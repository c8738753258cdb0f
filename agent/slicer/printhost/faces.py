"""What slicers see of the print host: an OctoPrint, and a Moonraker."""

import re

from quart import Blueprint, Response
from quart_schema import DataSource, document_request

from agent.shared.web import fails_in_words, gives, gives_media, json, needs, takes
from agent.slicer.files.incoming import incoming_form
from agent.slicer.files.service import FileService
from agent.slicer.printhost.rules import Job, JobSource
from agent.slicer.printhost.service import PrintHost, Wanted
from agent.slicer.printhost.shapes import (
    MoonrakerUpload,
    MoonrakerUploadResult,
    OctoPrintUpload,
    OctoPrintUploadOut,
    OctoPrintVersionOut,
    RootsResult,
    ServerInfoResult,
    StartIn,
    StartResult,
)
from agent.slicer.printhost.speaking import PATH
from agent.slicer.rules import SlicerFile

YES = ("true", "1", "yes")
PLATE = re.compile(r"[0-9]{1,4}")
API_VERSION, SPOKEN_VERSION = "0.1", "1.11.0"  # of OctoPrint's API


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
        plate = sent.fields.get("plateindex", "").strip()
        wants_print = sent.fields.get("print", "").strip().lower() in YES
        return Wanted(wants_print, int(plate) if PLATE.fullmatch(plate) else None)

    return await host.receive(sent.chunks, sent.name, printer, source=source, wanted=wanted)
