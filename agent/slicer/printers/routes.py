"""Printers over HTTP: added, looked at, sent files, and how their prints ended."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Protocol

from quart import Blueprint, Response

from agent.shared import web
from agent.slicer.files.service import FileService
from agent.slicer.printers.looking import PrinterLooks
from agent.slicer.printers.registry import PrinterRegistry
from agent.slicer.printers.rules import Printer, Result
from agent.slicer.printers.shapes import (
    ForwardIn,
    OutcomeIn,
    PrinterChangeIn,
    PrinterIn,
    PrinterOut,
    PrintersOut,
    PrinterStateOut,
    PrinterTestedOut,
    PrintOut,
    PrintsOut,
    print_json,
    printer_json,
    state_json,
)
from agent.slicer.printers.watch import PrintWatch
from agent.slicer.printhost.rules import Job
from agent.slicer.shapes import JobOut, job_json

BODY_BYTES = 64 * 1024


class Send(Protocol):
    """Makes a job of a file, and sets it going."""

    def __call__(self, file_id: str, printer_id: str, *, wants_print: bool) -> Awaitable[Job]: ...


def routes(registry: PrinterRegistry, looks: PrinterLooks) -> Blueprint:
    bp = Blueprint("printers", __name__, url_prefix="/api/v1/printers")

    @bp.get("")
    @web.needs("slicer")
    @web.gives(PrintersOut)
    async def list_printers() -> Response:
        """The printers, in the order in which they were added."""
        items = [printer_json(printer) for printer in registry.list_all()]
        return web.json({"items": items, "next_cursor": None})

    @bp.post("")
    @web.needs("slicer")
    @web.takes(PrinterIn, limit_bytes=BODY_BYTES)
    @web.gives(PrinterOut, 201)
    async def add_printer(asked: PrinterIn) -> Response:
        """Adds a printer, after having tried its address and its key."""
        key = asked.key.get_secret_value().strip()
        printer = await registry.add(_printer(asked), key, is_forced=asked.force)
        return web.json(printer_json(printer), 201)

    @bp.get("/<printer_id>")
    @web.needs("slicer")
    @web.gives(PrinterOut)
    async def one_printer(printer_id: str) -> Response:
        """A printer, by its id or its name."""
        return web.json(printer_json(registry.get(printer_id)))

    @bp.patch("/<printer_id>")
    @web.needs("slicer")
    @web.takes(PrinterChangeIn, limit_bytes=BODY_BYTES)
    @web.gives(PrinterOut)
    async def change_printer(printer_id: str, asked: PrinterChangeIn) -> Response:
        """Changes a printer; what is left out stays as it is."""
        key = None if asked.key is None else asked.key.get_secret_value().strip()
        changes = asked.model_dump(exclude_none=True, exclude={"key"})
        return web.json(printer_json(await registry.change(printer_id, key, **changes)))

    @bp.delete("/<printer_id>")
    @web.needs("slicer")
    @web.gives_media(204)
    async def remove_printer(printer_id: str) -> Response:
        """Removes a printer and its key; what it prints it goes on printing."""
        await registry.remove(printer_id)
        return Response(status=204)

    @bp.post("/<printer_id>/test")
    @web.needs("slicer")
    @web.gives(PrinterTestedOut)
    async def test_printer(printer_id: str) -> Response:
        """Asks a printer now, with its key; what goes wrong is the answer."""
        program, seen = await looks.test(printer_id)
        told = state_json(registry.get(printer_id), seen)
        return web.json({**told, "program": program})

    @bp.get("/<printer_id>/state")
    @web.needs("slicer")
    @web.gives(PrinterStateOut)
    async def printer_state(printer_id: str) -> Response:
        """What a printer does now: its state, progress and temperatures."""
        printer = registry.get(printer_id)
        return web.json(state_json(printer, await looks.state(printer_id)))

    @bp.get("/<printer_id>/camera")
    @web.needs("slicer")
    @web.gives_media(200, "image/jpeg", "image/png")
    async def printer_camera(printer_id: str) -> Response:
        """What a printer's camera shows now."""
        data, mime = await looks.picture(printer_id)
        return Response(data, content_type=mime)

    return bp


def print_routes(
    registry: PrinterRegistry, files: FileService, watch: PrintWatch, send: Send
) -> Blueprint:
    bp = Blueprint("prints", __name__, url_prefix="/api/v1/slicer/files")

    @bp.post("/<file_id>/forward")
    @web.needs("slicer")
    @web.takes(ForwardIn, limit_bytes=BODY_BYTES)
    @web.gives(JobOut, 202)
    async def forward(file_id: str, asked: ForwardIn) -> Response:
        """Sends a file to a printer, as a run; with `print` it is printed there once."""
        printer = registry.get(asked.printer)
        job = await send(file_id, printer.id, wants_print=asked.print)
        return web.json(job_json(job), 202)

    @bp.post("/<file_id>/outcome")
    @web.needs("slicer")
    @web.takes(OutcomeIn, limit_bytes=BODY_BYTES)
    @web.gives(PrintOut)
    async def judge(file_id: str, asked: OutcomeIn) -> Response:
        """Says how the latest print of a file ended, in place of what the printer said."""
        await files.get(file_id)
        judged = await watch.judge(file_id, Result(asked.result), asked.note)
        return web.json(print_json(judged))

    @bp.get("/<file_id>/prints")
    @web.needs("slicer")
    @web.gives(PrintsOut)
    async def prints(file_id: str) -> Response:
        """The prints of a file that are known here, the newest first."""
        await files.get(file_id)
        items = [print_json(one) for one in await watch.of_file(file_id)]
        return web.json({"items": items, "next_cursor": None})

    return bp


def _printer(asked: PrinterIn) -> Printer:
    return Printer(
        "",
        asked.name,
        asked.kind,
        asked.url,
        "",
        asked.hold,
        asked.storage,
        asked.user,
        asked.camera_url,
        Path(asked.ca_file) if asked.ca_file else None,
    )
