"""Klipper's host program, as far as Moonraker asks it: a socket, a few objects, and a print."""

import json
import socketserver
import threading
from pathlib import Path
from typing import Any

END = b"\x03"
OBJECTS = ["webhooks", "virtual_sdcard", "display_status", "pause_resume", "print_stats"]
SCRIPT = 'SDCARD_PRINT_FILE FILENAME="'
Json = dict[str, Any]  # Any: JSON values


class FakeKlippy:
    """Listens in a thread of its own while it is entered. `started` has every print."""

    def __init__(self, path: Path) -> None:
        self.started: list[str] = []
        self.stats: Json = {
            "state": "standby",
            "filename": "",
            "print_duration": 0.0,
            "total_duration": 0.0,
            "filament_used": 0.0,
            "message": "",
        }
        self.path, self._lock = path, threading.Lock()
        self._listeners: list[tuple[_Talk, Json]] = []

    def __enter__(self) -> "FakeKlippy":
        self._server = _Server(str(self.path), _Talk)
        self._server.klippy = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def end(self, state: str = "complete") -> None:
        """The print ends: complete, cancelled or error."""
        self._tell(state=state, print_duration=61.0, total_duration=63.0)

    def answer(self, talk: "_Talk", asked: Json) -> Json:
        """What one request gets."""
        given = asked.get("params", {})
        match asked["method"]:
            case "info":
                return {"result": self._about()}
            case "list_endpoints":
                return {"result": {"endpoints": ["objects/list", "objects/query"]}}
            case "objects/list":
                return {"result": {"objects": OBJECTS}}
            case "objects/query" | "objects/subscribe":
                if "response_template" in given:
                    self._listeners.append((talk, given["response_template"]))
                status = {name: self._object(name) for name in given["objects"]}
                return {"result": {"eventtime": 1.0, "status": status}}
            case "gcode/script":
                return self._run(given["script"])
        return {"result": {}}

    def _run(self, script: str) -> Json:
        if not script.startswith(SCRIPT):
            return {"result": {}}
        if self.stats["state"] == "printing":
            return {"error": {"error": "CommandError", "message": "SD busy"}}
        path = script.removeprefix(SCRIPT).rstrip('"')
        self.started.append(path)
        self._tell(state="printing", filename=path, print_duration=0.0, total_duration=0.0)
        return {"result": {}}

    def _tell(self, **changes: object) -> None:
        with self._lock:
            self.stats |= changes
            update = {"eventtime": 2.0, "status": {"print_stats": dict(self.stats)}}
            for talk, template in self._listeners:
                talk.say({**template, "params": update})

    def _object(self, name: str) -> Json:
        if name == "print_stats":
            return dict(self.stats)
        if name == "webhooks":
            return {"state": "ready", "state_message": "Printer is ready"}
        if name == "extruder":
            return {"temperature": 214.8, "target": 215.0}
        return {"progress": 0.25} if name == "virtual_sdcard" else {}

    def _about(self) -> Json:
        folder = str(self.path.parent / "klipper")  # what lies below is closed to uploads
        return {
            "state": "ready",
            "state_message": "Printer is ready",
            "klipper_path": folder,
            "python_path": folder,
            "software_version": "v0.13.0",
        }


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    klippy: FakeKlippy


class _Talk(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        rest = b""
        while data := self.request.recv(1 << 16):
            *whole, rest = (rest + data).split(END)
            for one in whole:
                asked = json.loads(one)
                self.say({"id": asked.get("id"), **self.server.klippy.answer(self, asked)})

    def say(self, what: Json) -> None:
        self.request.sendall(json.dumps(what).encode() + END)
