"""PrusaLink as the firmware of Prusa's printers answers over HTTP."""

import hashlib
import re

from tests.fakes.printers.server import Answer, Asked, FakePrinter, json

FILES = "/api/v1/files"
NONCE = "0a1b2c3d4e5f6071"


class FakePrusaLink(FakePrinter):
    """With `user` it wants digest authentication, as the firmware does; else the key."""

    can_put = True

    def __init__(self, *, user: str = "", qop: str = "") -> None:
        super().__init__()
        self.user, self.qop = user, qop
        self.state = "IDLE"
        self.storages: list[dict[str, object]] = [
            {"name": "PrusaLink", "path": "/local", "read_only": True, "available": True},
            {"name": "usb", "path": "/usb/", "read_only": False, "available": True},
        ]

    def print_it(self, path: str) -> None:
        super().print_it(path)
        self.state = "PRINTING"

    def end(self, *, well: bool = True) -> None:
        super().end(well=well)
        self.state = "FINISHED" if well else "STOPPED"

    def refusal(self, asked: Asked) -> Answer | None:
        if not self.user:
            return super().refusal(asked)
        sent = dict(re.findall(r'(\w+)="?([^",]+)"?', asked.headers.get("authorization", "")))
        if sent and sent.get("response") == self._response(asked.method, sent):
            return None
        qop = f', qop="{self.qop}", algorithm=SHA-256' if self.qop else ""
        challenge = f'Digest realm="Printer API", nonce="{NONCE}"{qop}, stale="false"'
        return Answer(401, headers={"WWW-Authenticate": challenge})

    def _response(self, method: str, sent: dict[str, str]) -> str:
        def digest(text: str) -> str:
            kind = hashlib.sha256 if self.qop else hashlib.md5
            return kind(text.encode(), usedforsecurity=False).hexdigest()

        ours = digest(f"{self.user}:Printer API:{self.key}")
        theirs = digest(f"{method}:{sent.get('uri')}")
        middle = f":{sent.get('nc')}:{sent.get('cnonce')}:auth" if self.qop else ""
        return digest(f"{ours}:{NONCE}{middle}:{theirs}")

    async def answer(self, asked: Asked) -> Answer:  # noqa: PLR0911 - one for each address
        match asked.method, asked.path:
            case "GET", "/api/version":
                able = {"upload-by-put": self.can_put}
                told = {"api": "2.0.0", "server": "2.1.2", "text": "PrusaLink"}
                return json({**told, "capabilities": able})
            case "GET", "/api/v1/status":
                return json(self._status())
            case "GET", "/api/v1/job":
                return self._job()
            case "GET", "/api/v1/storage":
                return json({"storage_list": self.storages})
            case "GET", "/api/v1/cameras/snap":
                return Answer(200, self.picture, "image/jpeg") if self.picture else Answer(204)
        if asked.path.startswith(f"{FILES}/"):
            return self._file(asked, asked.path.removeprefix(FILES))
        return Answer(404, b"Not found", "text/plain")

    def _status(self) -> dict[str, object]:
        told: dict[str, object] = {
            "printer": {
                "state": "PAUSED" if self.printing and self.paused else self.state,
                "temp_nozzle": 214.8,
                "target_nozzle": 215.0,
                "temp_bed": 60.1,
                "target_bed": 60.0,
            }
        }
        if self.printing:
            progress = self.progress * 100
            job = {"id": 7, "progress": progress, "time_printing": 60, "time_remaining": 180}
            told["job"] = job
        return told

    def _job(self) -> Answer:
        if not self.printing:
            return Answer(204)
        folder, _, name = self.printing.rpartition("/")
        file = {"name": "CUBE~1.GCO", "display_name": name, "path": folder}
        return json({"id": 7, "state": self.state, "file": file})

    def _file(self, asked: Asked, path: str) -> Answer:
        kept = self.files.get(path)
        if asked.method == "PUT":
            return self._put(asked, path)
        if kept is None:
            return Answer(404, b"File not found", "text/plain")
        if asked.method == "GET":
            name = path.rpartition("/")[2]
            about = {"name": name, "size": len(kept.content), "m_timestamp": 1000 + kept.stamp}
            return json(about)
        if self.printing:
            return Answer(409, b"Printer is busy", "text/plain")
        self.print_it(path)
        return Answer(204)

    def _put(self, asked: Asked, path: str) -> Answer:
        if path in self.files and asked.headers.get("overwrite") != "?1":
            return Answer(409, b"File already exists", "text/plain")
        if self.printing == path:
            return Answer(409, b"File is being printed", "text/plain")
        self.keep(path, asked.body)
        if asked.headers.get("print-after-upload") == "?1":
            self.print_it(path)
        return Answer(201)
