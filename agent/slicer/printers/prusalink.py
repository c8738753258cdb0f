"""PrusaLink, in the firmware of Prusa's printers or on a computer beside one."""

from collections.abc import Iterator
from urllib.parse import quote

from agent.shared.errors import Invalid, NotFound, Unavailable
from agent.slicer.printers.failures import wrong_answer
from agent.slicer.printers.hosts import Json, fraction, items, number, part, text, whole
from agent.slicer.printers.rules import (
    Activity,
    Report,
    Result,
    Stored,
    Temperature,
    is_same_file,
)
from agent.slicer.printers.sending import Source
from agent.slicer.printers.wire import Upload, Wire

DOES = {
    "IDLE": Activity.IDLE,
    "READY": Activity.IDLE,
    "FINISHED": Activity.IDLE,
    "STOPPED": Activity.IDLE,
    "BUSY": Activity.BUSY,
    "PRINTING": Activity.PRINTING,
    "PAUSED": Activity.PAUSED,
    "ATTENTION": Activity.PAUSED,
    "ERROR": Activity.ERROR,
}
ENDED = {
    "FINISHED": Result.FINISHED,
    "STOPPED": Result.CANCELLED,
    "ERROR": Result.FAILED,
}
SNAPSHOT = "/api/v1/cameras/snap"


class PrusaLink:
    """Implements PrinterServer. `storage` is one of the printer's, empty for the first that can be
    written."""

    def __init__(self, wire: Wire, *, storage: str = "") -> None:
        self._wire, self._storage = wire, storage

    async def about(self) -> str:
        told = await self._wire.find("/api/version") or {}
        name = text(told.get("text"))
        if not name.startswith(("PrusaLink", "OctoPrint")):
            raise wrong_answer("It answers, but not as PrusaLink does.")
        if part(told, "capabilities").get("upload-by-put") is not True:
            raise Invalid(
                "printer-too-old",
                f"The PrusaLink of {self._wire.name} is older than the way of sending that it "
                "would need. Update it, or add it as OctoPrint.",
            )
        return f"PrusaLink {text(told.get('server'))}".strip()[:100]

    async def report(self) -> Report:
        told = await self._wire.get("/api/v1/status")
        printer, job = part(told, "printer"), part(told, "job")
        state = text(printer.get("state"))
        progress = number(job.get("progress"))
        return Report(
            DOES.get(state, Activity.UNKNOWN),
            text(part(printer, "status_printer").get("message")) or state.lower(),
            await self._path() if job else None,
            None if progress is None else fraction(progress / 100),
            whole(job.get("time_printing")),
            whole(job.get("time_remaining")),
            tuple(_temperatures(printer)),
        )

    async def path_of(self, name: str) -> str:
        return f"{await self._folder()}/{name}"

    async def find(self, path: str) -> Stored | None:
        told = await self._wire.find(_address(path))
        size = whole(told.get("size")) if told else None
        if told is None or size is None:
            return None
        return Stored(path, size, str(told.get("m_timestamp")))

    async def upload(self, source: Source, path: str) -> None:
        headers = {"Overwrite": "?1", "Print-After-Upload": "?0"}
        upload = Upload(source.pieces(), source.size_bytes, "text/x.gcode", headers)
        await self._wire.send("PUT", _address(path), upload)

    async def mark(self, path: str) -> str:
        return ""

    async def start(self, path: str) -> None:
        await self._wire.ask("POST", _address(path))

    async def result(self, path: str, mark: str) -> Result | None:
        told = await self._wire.get("/api/v1/status")
        state = text(part(told, "printer").get("state"))
        if state in ENDED:
            return ENDED[state]
        is_at_work = DOES.get(state) in (Activity.PRINTING, Activity.PAUSED, Activity.BUSY)
        if is_at_work and (not part(told, "job") or is_same_file(await self._path(), path)):
            return None
        return Result.UNKNOWN

    async def camera(self) -> str | None:
        return f"{self._wire.url}{SNAPSHOT}"

    async def picture(self, url: str) -> bytes:
        try:
            return await self._wire.picture(url)
        except NotFound:  # the firmware has no cameras
            return b""

    async def close(self) -> None:
        await self._wire.close()

    async def _path(self) -> str | None:
        """Of the file that is printed, by its long name."""
        reply = await self._wire.ask("GET", "/api/v1/job", allowed=(204, 404))
        file = part(reply.json(), "file") if reply.status == 200 else {}
        name = text(file.get("display_name")) or text(file.get("name"))
        folder = text(file.get("path")).rstrip("/")
        return f"{folder}/{name}" if name else None

    async def _folder(self) -> str:
        """Raises Unavailable if no storage can be written."""
        told = await self._wire.get("/api/v1/storage")
        for one in items(told.get("storage_list")):
            names = {text(one.get("name")).lower(), text(one.get("path")).strip("/").lower()}
            is_wanted = not self._storage or self._storage.strip("/").lower() in names
            is_closed = one.get("read_only") is True or one.get("ro") is True
            if is_wanted and not is_closed and one.get("available") is not False:
                return f"/{text(one.get('path')).strip('/')}"
        raise Unavailable(
            "printer-no-storage",
            f"{self._wire.name} has no storage that can be written. Is there a drive in it?",
        )


def _address(path: str) -> str:
    return f"/api/v1/files/{quote(path.strip('/'))}"


def _temperatures(printer: Json) -> Iterator[Temperature]:
    for name, key in (("nozzle", "nozzle"), ("bed", "bed"), ("chamber", "chamber")):
        actual = number(printer.get(f"temp_{key}"))
        if actual is not None:
            yield Temperature(name, actual, number(printer.get(f"target_{key}")))
