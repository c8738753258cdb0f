"""OctoPrint, and what speaks its language."""

import re
from collections.abc import Iterator
from urllib.parse import quote

from agent.shared.clock import NewSecret, random_secret
from agent.shared.errors import Conflict
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

FILES = "/api/files/local"
TOOL = re.compile(r"tool([0-9]{1,2})")
# The first flag that is up says what the printer does.
FLAGS = (
    ("error", Activity.ERROR),
    ("cancelling", Activity.BUSY),
    ("pausing", Activity.PRINTING),
    ("resuming", Activity.PRINTING),
    ("finishing", Activity.BUSY),
    ("paused", Activity.PAUSED),
    ("printing", Activity.PRINTING),
    ("ready", Activity.IDLE),
    ("operational", Activity.BUSY),
    ("closedOrError", Activity.OFFLINE),
)


class OctoPrint:
    """Implements PrinterServer. Files lie in OctoPrint's own storage, not on the printer's card."""

    def __init__(self, wire: Wire, *, new_secret: NewSecret = random_secret) -> None:
        self._wire, self._new_secret = wire, new_secret

    async def about(self) -> str:
        told = await self._wire.find("/api/version")
        if told is None or "api" not in told:
            raise wrong_answer("It answers, but not as OctoPrint does.")
        name = text(told.get("text")) or f"OctoPrint {text(told.get('server'))}"
        return name.strip()[:100]

    async def report(self) -> Report:
        job = await self._wire.get("/api/job")
        reply = await self._wire.ask("GET", "/api/printer", allowed=(409,))  # 409: not connected
        printer = reply.json() if reply.status == 200 else {}
        progress = part(job, "progress")
        completion = number(progress.get("completion"))
        flags = part(printer, "state", "flags")
        activity = next((does for flag, does in FLAGS if flags.get(flag) is True), None)
        return Report(
            activity or (Activity.OFFLINE if reply.status == 409 else Activity.UNKNOWN),
            text(job.get("error")) or text(job.get("state")),
            text(part(job, "job", "file").get("path")) or None,
            None if completion is None else fraction(completion / 100),
            whole(progress.get("printTime")),
            whole(progress.get("printTimeLeft")),
            tuple(_temperatures(part(printer, "temperature"))),
        )

    async def path_of(self, name: str) -> str:
        return name

    async def find(self, path: str) -> Stored | None:
        told = await self._file(path)
        size = whole(told.get("size")) if told else None
        if told is None or size is None:
            return None
        stamp = f"{told.get('date')} {text(told.get('hash'))}"
        return Stored(text(told.get("path")) or path, size, stamp)

    async def upload(self, source: Source, path: str) -> None:
        fields = {"select": "false", "print": "false", "path": ""}
        boundary = f"orca-{self._new_secret()}"
        reply = await self._wire.send("POST", FILES, form(fields, path, source, boundary))
        told = part(reply.json(), "files", "local")
        if told and not is_same_file(text(told.get("path")), path):
            raise Conflict(
                "printer-renamed-file",
                f"{self._wire.name} stored the file under another name: "
                f"{text(told.get('path'))[:100]}.",
            )

    async def mark(self, path: str) -> str:
        prints = part(await self._file(path) or {}, "prints")
        return f"{whole(prints.get('success')) or 0:x}/{whole(prints.get('failure')) or 0:x}"

    async def start(self, path: str) -> None:
        await self._wire.ask("POST", _address(path), json={"command": "select", "print": True})

    async def result(self, path: str, mark: str) -> Result | None:
        report = await self.report()
        is_here = is_same_file(report.path, path)
        if is_here and report.activity in (Activity.PRINTING, Activity.PAUSED, Activity.BUSY):
            return None
        now = await self.mark(path)
        has_failed = report.activity in (Activity.ERROR, Activity.OFFLINE)
        if is_later(now, mark):
            if is_later(now.partition("/")[0], mark.partition("/")[0]):
                return Result.FINISHED
            return Result.FAILED if has_failed else Result.CANCELLED
        return Result.FAILED if is_here and report.activity is Activity.ERROR else Result.UNKNOWN

    async def camera(self) -> str | None:
        webcam = part(await self._wire.get("/api/settings"), "webcam")
        for one in [webcam, *(part(cam, "compat") for cam in items(webcam.get("webcams")))]:
            snapshot = text(one.get("snapshotUrl")) or text(one.get("snapshot"))
            if snapshot:
                return snapshot
        stream = text(webcam.get("streamUrl")) or text(webcam.get("stream"))
        return stream.replace("action=stream", "action=snapshot") if "action=" in stream else None

    async def picture(self, url: str) -> bytes:
        return await self._wire.picture(url)

    async def close(self) -> None:
        await self._wire.close()

    async def _file(self, path: str) -> Json | None:
        return await self._wire.find(_address(path))


def _address(path: str) -> str:
    return f"{FILES}/{quote(path)}"


def _temperatures(told: Json) -> Iterator[Temperature]:
    for key, values in told.items():
        actual = number(part(values).get("actual"))
        if actual is None:
            continue
        name = key if key in ("bed", "chamber") else "nozzle"
        if (tool := TOOL.fullmatch(key)) and int(tool[1]):
            name = f"nozzle {int(tool[1]) + 1}"
        elif name == "nozzle" and not key.startswith("tool"):
            continue
        yield Temperature(name, actual, number(part(values).get("target")))
