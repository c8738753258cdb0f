"""Moonraker, the API server before Klipper."""

from collections.abc import Iterator

from agent.shared.clock import NewSecret, random_secret
from agent.shared.errors import Conflict, NotFound
from agent.slicer.printers.failures import wrong_answer
from agent.slicer.printers.hosts import Json, fraction, items, number, part, text, whole
from agent.slicer.printers.rules import (
    Activity,
    Report,
    Result,
    Stored,
    Temperature,
    is_later,
    is_same_file,
)
from agent.slicer.printers.sending import Source, form
from agent.slicer.printers.wire import Wire

ROOT = "gcodes"
NOZZLES = ("extruder", "extruder1", "extruder2", "extruder3")
OBJECTS = ("print_stats", "display_status", "virtual_sdcard", "heater_bed", *NOZZLES)
NOT_READY = {
    "startup": Activity.BUSY,
    "disconnected": Activity.OFFLINE,
    "error": Activity.ERROR,
    "shutdown": Activity.ERROR,
}
DOES = {
    "standby": Activity.IDLE,
    "complete": Activity.IDLE,
    "cancelled": Activity.IDLE,
    "error": Activity.IDLE,  # of the last print: the printer takes another one
    "printing": Activity.PRINTING,
    "paused": Activity.PAUSED,
}
ENDED = {
    "complete": Result.FINISHED,
    "completed": Result.FINISHED,
    "cancelled": Result.CANCELLED,
    "standby": Result.UNKNOWN,
}
JOBS_READ = "50"
MOST_S_LEFT = 30 * 86400


class Moonraker:
    """Implements PrinterServer."""

    def __init__(self, wire: Wire, *, new_secret: NewSecret = random_secret) -> None:
        self._wire, self._new_secret = wire, new_secret
        wire.key_refusals = (401,)  # 403 is said of files that are in use

    async def about(self) -> str:
        told = part(await self._wire.find("/server/info"), "result")
        if "klippy_state" not in told:
            raise wrong_answer("It answers, but not as Moonraker does.")
        return f"Moonraker {text(told.get('moonraker_version'))}".strip()[:100]

    async def report(self) -> Report:
        klippy = text(part(await self._wire.get("/server/info"), "result").get("klippy_state"))
        if klippy != "ready":
            words = f"Klipper: {klippy}" if klippy else ""
            return Report(NOT_READY.get(klippy, Activity.UNKNOWN), words)
        status = await self._status()
        stats = part(status, "print_stats")
        state = text(stats.get("state"))
        progress = fraction(part(status, "virtual_sdcard").get("progress"))
        elapsed = whole(stats.get("print_duration"))
        is_at_work = state in ("printing", "paused")
        return Report(
            DOES.get(state, Activity.UNKNOWN),
            text(stats.get("message")) or state,
            text(stats.get("filename")) or None,
            progress if is_at_work else None,
            elapsed if is_at_work else None,
            _left_s(elapsed, progress) if is_at_work else None,
            tuple(_temperatures(status)),
        )

    async def path_of(self, name: str) -> str:
        return name

    async def find(self, path: str) -> Stored | None:
        # The list of a folder knows a file at once; its metadata come a moment later.
        told = part(
            await self._wire.get("/server/files/directory", path=ROOT, extended="false"), "result"
        )
        for one in items(told.get("files")):
            size = whole(one.get("size"))
            if text(one.get("filename")) == path and size is not None:
                return Stored(path, size, str(one.get("modified")))
        return None

    async def upload(self, source: Source, path: str) -> None:
        fields = {"root": ROOT, "print": "false"}
        if source.sha256:
            fields["checksum"] = source.sha256
        boundary = f"orca-{self._new_secret()}"
        upload = form(fields, path, source, boundary)
        told = (await self._wire.send("POST", "/server/files/upload", upload)).json()
        item = part(told, "item") or part(told, "result", "item")
        if item and not is_same_file(text(item.get("path")), path):
            raise Conflict(
                "printer-renamed-file",
                f"{self._wire.name} stored the file under another name: "
                f"{text(item.get('path'))[:100]}.",
            )

    async def mark(self, path: str) -> str:
        jobs = await self._jobs(path)
        return text(jobs[0].get("job_id")) if jobs else ""

    async def start(self, path: str) -> None:
        await self._wire.ask("POST", "/printer/print/start", json={"filename": path})

    async def result(self, path: str, mark: str) -> Result | None:
        jobs = await self._jobs(path)
        if jobs and is_later(text(jobs[0].get("job_id")), mark):
            status = text(jobs[0].get("status"))
            return None if status == "in_progress" else ENDED.get(status, Result.FAILED)
        report = await self.report()
        if report.activity in (Activity.OFFLINE, Activity.ERROR):
            return Result.FAILED
        stats = part(await self._status(), "print_stats")
        if not is_same_file(text(stats.get("filename")), path):
            return Result.UNKNOWN
        if report.activity in (Activity.PRINTING, Activity.PAUSED):
            return None
        return ENDED.get(text(stats.get("state")), Result.FAILED)

    async def camera(self) -> str | None:
        told = part(await self._wire.get("/server/webcams/list"), "result")
        for one in items(told.get("webcams")):
            if one.get("enabled") is not False and (found := text(one.get("snapshot_url"))):
                return found
        return None

    async def picture(self, url: str) -> bytes:
        return await self._wire.picture(url)

    async def close(self) -> None:
        await self._wire.close()

    async def _status(self) -> Json:
        query = dict.fromkeys(OBJECTS, "")
        return part(await self._wire.get("/printer/objects/query", **query), "result", "status")

    async def _jobs(self, path: str) -> list[Json]:
        """The latest prints of a file, the newest first; none where history is switched off."""
        try:
            told = await self._wire.get("/server/history/list", limit=JOBS_READ, order="desc")
        except NotFound:
            return []
        jobs = items(part(told, "result").get("jobs"))
        return [job for job in jobs if is_same_file(text(job.get("filename")), path)]


def _left_s(elapsed: int | None, progress: float | None) -> int | None:
    if not elapsed or not progress or progress < 0.01:
        return None
    return min(MOST_S_LEFT, int(elapsed / progress - elapsed))


def _temperatures(status: Json) -> Iterator[Temperature]:
    names = {"heater_bed": "bed", "extruder": "nozzle"}
    for key in (*NOZZLES, "heater_bed"):
        actual = number(part(status, key).get("temperature"))
        if actual is not None:
            name = names.get(key) or f"nozzle {int(key.removeprefix('extruder')) + 1}"
            yield Temperature(name, actual, number(part(status, key).get("target")))
