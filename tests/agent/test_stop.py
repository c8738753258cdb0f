"""`orca-agent stop` towards agents that do not end as ours do."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.shared.clock import system_clock

from .program import ROOT, Program, program

pytestmark = pytest.mark.slow
# Answers as an agent; asked to stop, it ends, or does not know the way.
AGENT = """
import http.server, os, signal, sys

class Asked(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200)

    def do_POST(self):
        signed = self.headers["Authorization"] == "Bearer secret"
        known = self.path == "/api/v1/stop" and signed and sys.argv[1] == "asked"
        self.answer(202 if known else 404)
        if known:
            os._exit(0)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass

if sys.argv[1] == "asked":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = http.server.HTTPServer(("127.0.0.1", 0), Asked)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def agent_that_is(kind: str, one: Program) -> Iterator["subprocess.Popen[str]"]:
    """It leaves agent.json behind, whichever way it ends."""
    command = [sys.executable, "-c", AGENT, kind]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        process.stdout.close()
        told = {"url": f"http://127.0.0.1:{port}", "port": port, "pid": process.pid}
        more = {"token": "secret", "started_at": system_clock().isoformat(), "version": "1"}
        one.data_dir.mkdir(mode=0o700)
        (one.data_dir / "agent.json").write_text(json.dumps({**told, **more}))
        yield process
    finally:
        process.kill()
        process.wait(20)


@pytest.mark.parametrize("kind", ["asked", "ended"])
def test_stop_asks_before_it_ends_an_agent_and_leaves_no_address(tmp_path: Path, kind: str) -> None:
    with program(tmp_path / "data") as one, agent_that_is(kind, one) as process:
        done = one.orca("stop")
        code = process.wait(20)

    assert (done.returncode, done.stdout, done.stderr) == (0, "The agent has ended.\n", "")
    assert not (tmp_path / "data" / "agent.json").exists()
    assert (code == 0) is (kind == "asked")
