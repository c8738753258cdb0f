"""Uses a built program as its user would, and says what works: packaging/selftest.py PROGRAM

Needs nothing but Python. The program gets a folder of its own, a port of its own, and no model.
Exit code 0: everything works.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import samples
from http_calls import Calls, NotAsExpected

NOBODY = "http://127.0.0.1:9"  # the discard port: nothing answers there
PATIENCE_S = 60.0
STARTS = 5
QUICKLY = "starts_quickly"
KEPT = {"PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "COMSPEC", "DISPLAY", "XAUTHORITY"}


@dataclass
class Built:
    """The program that was built, with surroundings that hold nothing of this machine."""

    command: list[str]
    home: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if name in KEPT},
            "HOME": str(self.home),
            "USERPROFILE": str(self.home),
            "NO_COLOR": "1",
            "PYTHONUTF8": "1",
            "ORCA_AGENT_DATA_DIR": str(self.data_dir),
            "ORCA_AGENT_PORT": "0",
            "ORCA_AGENT_OLLAMA_URL": NOBODY,
            "ORCA_AGENT_MANAGE_OLLAMA": "never",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            **self.settings,
        }

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a command to its end, whatever that is."""
        return subprocess.run(
            [*self.command, *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE_S,
            check=False,
        )

    @contextmanager
    def serving(self) -> Iterator[Calls]:
        """The agent runs while the block does; ends it the hard way if the block did not."""
        process = subprocess.Popen(
            [*self.command, "serve", "--no-browser"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        try:
            yield Calls(*self._door(process))
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def _door(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Port and token of the agent, once it has written them down."""
        file = self.data_dir / "agent.json"
        ends_at = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends_at:
            if process.poll() is not None:
                said = (process.stderr.read() if process.stderr else "")[-2000:]
                raise NotAsExpected(f"it ended with code {process.returncode}: {said}")
            try:
                there = json.loads(file.read_text("utf-8"))
            except (OSError, ValueError):
                time.sleep(0.02)
                continue
            return int(there["port"]), str(there["token"])
        raise NotAsExpected("it was not ready in time")


def live_after(built: Built) -> float:
    """Seconds from the start of the process to the first answer of /health/live."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    asked = {**built.environment, "ORCA_AGENT_PORT": str(port)}
    began_at = time.monotonic()
    process = subprocess.Popen(
        [*built.command, "serve", "--no-browser"],
        env=asked,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not Calls(port, "").is_live():
            if process.poll() is not None or time.monotonic() - began_at > PATIENCE_S:
                raise NotAsExpected("the agent did not come up")
            time.sleep(0.005)
        return time.monotonic() - began_at
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def says_its_version(built: Built) -> str:
    done = built.run("--version")
    if done.returncode or not done.stdout.startswith("orca-agent "):
        raise NotAsExpected(f"--version said {done.stdout!r} {done.stderr!r}")
    return done.stdout.strip()


def starts_quickly(built: Built) -> str:
    """The first start of all makes the data folder, and is told by itself."""
    first, *later = (live_after(built) for _ in range(STARTS + 1))
    return f"{median(later):.2f} s (of {STARTS} starts; the very first {first:.2f} s)"


def old_database_is_taken_over(built: Built) -> str:
    """A data folder of the first version: Alembic and its steps are inside."""
    other = Built(built.command, built.home / "old", built.settings)
    samples.first_database(other.data_dir / "agent.db", _folder_of(built) / "agent" / "migrations")
    with other.serving() as calls:
        calls.get("/api/v1/conversations")
    copies = sorted(path.name for path in (other.data_dir / "backups").iterdir())
    return f"with a copy, {copies[0]}"


def inspects_a_file(built: Built) -> str:
    file = built.home / "Würfel 20 mm.gcode"
    file.write_text(samples.gcode(), "utf-8")
    done = built.run("inspect", "--full", "--json", str(file))
    if done.returncode not in {0, 1} or "findings" not in json.loads(done.stdout):
        raise NotAsExpected(f"inspect ended with {done.returncode}: {done.stderr}")
    return f"{len(json.loads(done.stdout)['findings'])} findings"


def answers_only_who_may(calls: Calls) -> str:
    if (status := Calls(calls.port, "").status("GET", "/api/v1/conversations")) != 401:
        raise NotAsExpected(f"a stranger got {status}")
    calls.get("/api/v1/health/ready")
    return "a stranger is refused"


def shows_its_page(calls: Calls) -> str:
    page, files = calls.page()
    if 'id="panel"' not in page or not files:
        raise NotAsExpected("/ui is not the page")
    return f"signed in by a ticket, {len(files)} files"


def describes_itself(calls: Calls) -> str:
    return f"{len(calls.get('/openapi.json')['paths'])} addresses"


def searches_the_guide(calls: Calls) -> str:
    items = calls.get("/api/v1/guide?q=stringing")["items"]
    if not items:
        raise NotAsExpected("the guide knows nothing of stringing")
    return str(items[0]["title"])


def answers_a_question(calls: Calls) -> str:
    conversation = calls.send("POST", "/api/v1/conversations", {})["id"]
    address = f"/api/v1/conversations/{conversation}/messages"
    sent = calls.send("POST", address, {"content": "Why does PETG string?"})
    name, data = calls.end_of(sent["run"]["id"])
    if name != "done" or len(data["message"]["content"]) < 200:
        raise NotAsExpected(f"the answer ended with {name}: {data}")
    return f"{len(data['message']['content'])} characters from the guide"


def shrinks_a_picture(calls: Calls) -> str:
    kept = calls.send("POST", "/api/v1/images", samples.png(64, 48), kind="image/png")
    address = f"/api/v1/images/{kept['sha256']}?max_edge=16&format="
    sizes = [len(calls.raw(f"{address}{form}")) for form in ("webp", "jpeg", "png")]
    return f"{kept['width']}x{kept['height']}, as WebP, JPEG and PNG: {sizes} bytes"


def analyses_a_file(calls: Calls) -> str:
    sent = samples.gcode().encode()
    file = calls.send("POST", "/api/v1/slicer/files?name=cube.gcode", sent, kind="text/x-gcode")
    run = calls.send("POST", f"/api/v1/slicer/files/{file['id']}/analysis", {})
    name, data = calls.end_of(run["run"]["id"] if "run" in run else run["id"])
    if name != "done":
        raise NotAsExpected(f"the analysis ended with {name}: {data}")
    calls.get(f"/api/v1/slicer/files/{file['id']}/analysis")
    return f"every move read, {len(file.get('findings') or [])} findings"


def knows_this_computer(calls: Calls) -> str:
    return str(calls.get("/api/v1/model-profiles")["profile"])


def backs_up(calls: Calls) -> str:
    run = calls.send("POST", "/api/v1/backup", {"images": True, "files": False})
    name, data = calls.end_of(run["run"]["id"] if "run" in run else run["id"])
    if name != "done":
        raise NotAsExpected(f"the backup ended with {name}: {data}")
    return f"{data['result']['name']}, {data['result']['size_bytes']} bytes"


def has_the_plugin(calls: Calls) -> str:
    return f"version {calls.get('/api/v1/plugin')['version']}"


def tells_its_settings(calls: Calls) -> str:
    return f"{len(calls.get('/api/v1/settings')['items'])} settings"


BEFORE: tuple[Callable[[Built], str], ...] = (
    says_its_version,
    starts_quickly,
    inspects_a_file,
    old_database_is_taken_over,
)
DURING: tuple[Callable[[Calls], str], ...] = (
    answers_only_who_may,
    shows_its_page,
    describes_itself,
    searches_the_guide,
    answers_a_question,
    shrinks_a_picture,
    analyses_a_file,
    knows_this_computer,
    tells_its_settings,
    has_the_plugin,
    backs_up,
)


def check(built: Built) -> list[tuple[str, bool, str]]:
    """What was tried: its name, whether it works, and what was seen."""
    seen = [_tried(one.__name__, one, built) for one in BEFORE]
    try:
        with built.serving() as calls:
            seen += [_tried(one.__name__, one, calls) for one in DURING]
            done = built.run("stop")
            is_gone = done.returncode == 0 and not (built.data_dir / "agent.json").exists()
            seen.append(("stops_cleanly", is_gone, (done.stdout + done.stderr).strip()))
    except NotAsExpected as err:
        seen.append(("serves", False, str(err)))
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", nargs="+", help="the program, with what stands before a command")
    parser.add_argument("--live-within", type=float, help="seconds that a start may take")
    parser.add_argument("--json", type=Path, help="write what was seen into this file")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orca ü ", ignore_cleanup_errors=True) as home:
        seen = check(Built([str(Path(asked.program[0]).resolve()), *asked.program[1:]], Path(home)))
    took_s = next(
        (float(what.split()[0]) for name, works, what in seen if name == QUICKLY and works), 0.0
    )
    if asked.live_within and took_s > asked.live_within:
        seen.append(("is_live_in_time", False, f"{took_s} s; {asked.live_within} s is the most"))
    for name, works, what in seen:
        print(f"{'ok  ' if works else 'FAIL'} {name.replace('_', ' ')}: {what}")
    if asked.json:
        asked.json.write_text(json.dumps(seen), "utf-8")
    return 0 if all(works for _, works, _ in seen) else 1


def _tried(name: str, look: Callable[[Any], str], at: Any) -> tuple[str, bool, str]:
    try:
        return name, True, look(at)
    except (NotAsExpected, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as err:
        return name, False, f"{type(err).__name__}: {err}"


def _folder_of(built: Built) -> Path:
    """Where the files of the program lie."""
    return Path(built.command[0]).resolve().parent / "_internal"


if __name__ == "__main__":
    sys.exit(main())
