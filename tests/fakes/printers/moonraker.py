"""Moonraker as it answers over HTTP, with a Klipper that is always there unless told."""

import hashlib

from tests.fakes.printers.server import Answer, Asked, FakePrinter, json, parts_of


class FakeMoonraker(FakePrinter):
    """`has_history` off is a Moonraker without that component."""

    has_history = True

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[dict[str, object]] = []
        self.state = "standby"
        self.message = ""

    def print_it(self, path: str) -> None:
        super().print_it(path)
        self.state = "printing"
        number = f"{len(self.jobs) + 1:06X}"
        self.jobs.append({"job_id": number, "filename": path, "status": "in_progress"})

    def end(self, *, well: bool = True) -> None:
        super().end(well=well)
        self.state = "complete" if well else "cancelled"
        self.jobs[-1]["status"] = "completed" if well else "cancelled"

    def break_down(self) -> None:
        """Klipper stops by itself."""
        super().end(well=False)
        self.state, self.message = "error", "Extruder not heating"
        self.jobs[-1]["status"] = "klippy_shutdown"

    def refusal(self, asked: Asked) -> Answer | None:
        if asked.headers.get("x-api-key") == self.key:
            return None
        return json({"error": {"code": 401, "message": "Unauthorized"}}, 401)

    async def answer(self, asked: Asked) -> Answer:  # noqa: PLR0911 - one for each address
        match asked.method, asked.path:
            case "GET", "/server/info":
                state = "ready" if self.is_connected else "disconnected"
                return json({"result": {"klippy_state": state, "moonraker_version": "v0.11.0"}})
            case "GET", "/printer/objects/query":
                return json({"result": {"status": self._status()}})
            case "GET", "/server/files/directory":
                return json({"result": {"dirs": [], "files": self._files()}})
            case "GET", "/server/history/list" if self.has_history:
                return json({"result": {"count": len(self.jobs), "jobs": self.jobs[::-1]}})
            case "GET", "/server/webcams/list":
                cams = [{"name": "cam", "enabled": True, "snapshot_url": self.camera or ""}]
                return json({"result": {"webcams": cams}})
            case "GET", "/webcam/":
                return Answer(200, self.picture, "image/jpeg")
            case "POST", "/server/files/upload":
                return await self._upload(asked)
            case "POST", "/printer/print/start":
                return self._start(str(asked.json["filename"]))
        return json({"error": {"code": 404, "message": "Not Found"}}, 404)

    def _status(self) -> dict[str, object]:
        return {
            "print_stats": {
                "state": "paused" if self.paused and self.printing else self.state,
                "filename": self.printing or (self.started[-1] if self.started else ""),
                "print_duration": 60.4,
                "message": self.message,
            },
            "virtual_sdcard": {"progress": self.progress if self.printing else 0.0},
            "extruder": {"temperature": 214.8, "target": 215.0},
            "extruder1": {},
            "heater_bed": {"temperature": 60.1, "target": 60.0},
        }

    def _files(self) -> list[dict[str, object]]:
        return [
            {"filename": path, "size": len(kept.content), "modified": 1.5 + kept.stamp}
            for path, kept in self.files.items()
        ]

    async def _upload(self, asked: Asked) -> Answer:
        fields: dict[str, str] = {}
        path, content = "", b""
        async for name, filename, value in parts_of(asked):
            if filename is None:
                fields[name] = value.decode()
            else:
                path, content = filename, value
        sha256 = hashlib.sha256(content).hexdigest()
        if fields.get("checksum", sha256) != sha256:
            return json({"error": {"code": 422, "message": "Checksum mismatch"}}, 422)
        if self.printing == path:
            return json({"error": {"code": 403, "message": "File currently in use"}}, 403)
        self.keep(path, content)
        item = {"path": path, "root": fields["root"], "size": len(content)}
        told = {"item": item, "print_started": False, "print_queued": False}
        return json({"result": told}, 201)

    def _start(self, path: str) -> Answer:
        if self.printing or path not in self.files:
            return json({"error": {"code": 400, "message": "SD busy"}}, 400)
        self.print_it(path)
        return json({"result": "ok"})
