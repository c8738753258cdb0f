"""OctoPrint with its virtual printer, and Moonraker: the real ones, as processes of their own."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
BESIDE = ROOT / ".venv" / "beside"
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
KEY = "0123456789abcdef0123456789abcdef"
START_S = 60.0
NO_PLUGINS = (
    "softwareupdate announcements tracking errortracking discovery backup firmware_check "
    "file_check pi_support"
)
OCTOPRINT = f"""\
api: {{key: {KEY}}}
server:
  firstRun: false
  onlineCheck: {{enabled: false}}
  pluginBlacklist: {{enabled: false}}
plugins:
  _disabled: [{", ".join(NO_PLUGINS.split())}]
  virtual_printer: {{enabled: true}}
serial: {{autoconnect: true, port: VIRTUAL, baudrate: 115200}}
"""
MOONRAKER = """\
[server]
host: 127.0.0.1
port: {port}
klippy_uds_address: {folder}/klippy.sock
[authorization]
{trusted}
[octoprint_compat]
[history]
[machine]
provider: none
validate_service: False
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, its key, and where it keeps things."""

    url: str
    key: str
    folder: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def get(self, path: str, /, **query: str) -> dict[str, Any]:  # Any: JSON values
        with httpx.Client(trust_env=False, headers={"X-Api-Key": self.key}) as client:
            found: dict[str, Any] = client.get(f"{self.url}{path}", params=query).json()
            return found

    def post(self, path: str, asked: object) -> int:
        with httpx.Client(trust_env=False, headers={"X-Api-Key": self.key}) as client:
            return client.post(f"{self.url}{path}", json=asked).status_code


def program(name: str) -> Path:
    """The program, or the test is skipped; `make test-slow` has it always."""
    found = BESIDE / name / SCRIPTS / name
    if not found.exists():
        pytest.skip(f"{name} is not installed: `make test-slow` does that")
    return found


@contextmanager
def octoprint(folder: Path) -> Iterator[Server]:
    """Ready to print. Its virtual printer does not wait for temperatures."""
    folder.mkdir()
    folder.joinpath("config.yaml").write_text(OCTOPRINT)
    port = _free_port()
    command = [program("octoprint"), "serve", "--iknowwhatimdoing", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--basedir", folder]
    server = Server(f"http://127.0.0.1:{port}", KEY, folder)
    with _running(command, folder):
        _until(lambda: server.get("/api/printer")["temperature"].get("bed"))
        yield server


@contextmanager
def moonraker(folder: Path, *, klippy: bool = False) -> Iterator[Server]:
    """Without Klipper, unless one listens at `klippy.sock` already; its key is wanted."""
    folder.joinpath("config").mkdir(parents=True)
    folder.joinpath("logs").mkdir()
    port, config = _free_port(), folder / "config" / "moonraker.conf"
    open_to_all = Server(f"http://127.0.0.1:{port}", "", folder)
    command = [program("moonraker"), "-d", folder]
    trusted = "trusted_clients:\n    127.0.0.1"
    config.write_text(MOONRAKER.format(port=port, folder=folder, trusted=trusted))
    with _running(command, folder):
        _until(lambda: "result" in open_to_all.get("/server/info"))
        key = str(open_to_all.get("/access/api_key")["result"])
    config.write_text(MOONRAKER.format(port=port, folder=folder, trusted="enable_api_key: True"))
    server = Server(open_to_all.url, key, folder)
    wanted = "ready" if klippy else "disconnected"
    with _running(command, folder):
        _until(lambda: server.get("/server/info")["result"]["klippy_state"] == wanted)
        yield server


@contextmanager
def _running(command: Sequence[object], folder: Path) -> Iterator[None]:
    log = folder / "out.log"
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "SYSTEMROOT", "TMPDIR"}}
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env={**kept, "HOME": str(folder), "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=10)


def _until(holds: Any) -> None:  # Any: a question that may fail while the server starts
    ends_at = time.monotonic() + START_S
    while True:
        try:
            if holds():
                return
        except (httpx.HTTPError, json.JSONDecodeError, KeyError):
            pass
        if time.monotonic() > ends_at:
            raise TimeoutError("the server did not start")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
