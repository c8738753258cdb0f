"""OctoPrint as it answers over HTTP, as far as a slicer's friend asks."""

from tests.fakes.printers.server import Answer, Asked, FakePrinter, json, parts_of

FILES = "/api/files/local"


class FakeOctoPrint(FakePrinter):
    """`has_failed` is a printer whose serial line broke."""

    has_failed = False

    async def answer(self, asked: Asked) -> Answer:  # noqa: PLR0911 - one for each address
        match asked.method, asked.path:
            case "GET", "/api/version":
                return json({"api": "0.1", "server": "1.11.8", "text": "OctoPrint 1.11.8"})
            case "GET", "/api/job":
                return json(self._job())
            case "GET", "/api/printer":
                return self._printer()
            case "GET", "/api/settings":
                return json({"webcam": {"snapshotUrl": self.camera}})
            case "GET", "/webcam/":
                return Answer(200, self.picture, "image/jpeg")
            case "POST", "/api/files/local":
                return await self._upload(asked)
        if asked.path.startswith(f"{FILES}/"):
            return self._file(asked, asked.path.removeprefix(f"{FILES}/"))
        return json({"error": "The requested URL was not found"}, 404)

    def _job(self) -> dict[str, object]:
        path = self.printing or (self.started[-1] if self.started else None)
        return {
            "job": {"file": {"path": path, "name": path, "origin": "local"}},
            "progress": {
                "completion": self.progress * 100 if self.printing else None,
                "printTime": 60 if self.printing else None,
                "printTimeLeft": 180 if self.printing else None,
            },
            "state": self._words(),
        }

    def _words(self) -> str:
        if self.has_failed:
            return "Error: the serial line broke"
        if self.printing:
            return "Paused" if self.paused else "Printing"
        return "Operational"

    def _printer(self) -> Answer:
        if not self.is_connected:
            return json({"error": "Printer is not operational"}, 409)
        flags = {
            "operational": True,
            "printing": bool(self.printing) and not self.paused,
            "paused": bool(self.printing) and self.paused,
            "error": self.has_failed,
            "ready": not self.printing and not self.has_failed,
        }
        temperature = {
            "tool0": {"actual": 214.8, "target": 215.0, "offset": 0},
            "bed": {"actual": 60.1, "target": 60.0, "offset": 0},
            "chamber": {"actual": None, "target": None},
        }
        return json({"temperature": temperature, "state": {"text": "", "flags": flags}})

    async def _upload(self, asked: Asked) -> Answer:
        fields: dict[str, str] = {}
        path, content = "", b""
        async for name, filename, value in parts_of(asked):
            if filename is None:
                fields[name] = value.decode()
            else:
                path, content = filename, value
        if self.printing == path:
            return json({"error": "Trying to overwrite file that is currently being printed"}, 409)
        self.keep(path, content)
        if fields.get("print") == "true":
            self.print_it(path)
        return json({"files": {"local": {"name": path, "path": path}}, "done": True}, 201)

    def _file(self, asked: Asked, path: str) -> Answer:
        kept = self.files.get(path)
        if kept is None:
            return json({"error": "File not found on 'local'"}, 404)
        if asked.method == "GET":
            about = {
                "path": path,
                "size": len(kept.content),
                "date": 1_700_000_000 + kept.stamp,
                "hash": kept.sha1,
            }
            if kept.successes or kept.failures:
                about["prints"] = {"success": kept.successes, "failure": kept.failures}
            return json(about)
        if self.printing or not self.is_connected:
            return json({"error": "Printer is already printing"}, 409)
        if asked.json == {"command": "select", "print": True}:
            self.print_it(path)
        return Answer(204)
