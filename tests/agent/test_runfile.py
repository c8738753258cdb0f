"""agent.json: how other programs find the agent."""

import http.server
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent import runfile
from agent.runfile import RunningAgent
from agent.shared.clock import rfc3339, system_clock


def an_agent(port: int = 1, **changed: object) -> RunningAgent:
    agent = RunningAgent(
        url=f"http://127.0.0.1:{port}",
        port=port,
        pid=os.getpid(),
        token="t" * 43,
        started_at=rfc3339(system_clock()),
        version="1.2.3",
    )
    return replace(agent, **changed)  # type: ignore[arg-type]  # names of fields


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server whose health route answers `status`; its port."""

    class Live(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/api/v1/health/live" else 500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Live) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def a_dead_process() -> int:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return gone.pid


def test_what_was_written_is_found_while_the_agent_answers(tmp_path: Path) -> None:
    with answering(200) as port:
        runfile.write(tmp_path, an_agent(port))

        found = runfile.find_agent(tmp_path)

    assert found == runfile.read(tmp_path)
    assert found is not None
    assert (found.port, found.pid, found.version) == (port, os.getpid(), "1.2.3")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_nobody_else_may_read_the_file_and_no_draft_is_left(tmp_path: Path) -> None:
    old_mask = os.umask(0)
    try:
        runfile.write(tmp_path, an_agent())
    finally:
        os.umask(old_mask)

    assert stat.S_IMODE((tmp_path / "agent.json").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["agent.json"]


def test_an_agent_that_does_not_answer_is_none(tmp_path: Path) -> None:
    runfile.write(tmp_path, an_agent(port=1))
    assert runfile.find_agent(tmp_path) is None

    with answering(503) as port:
        runfile.write(tmp_path, an_agent(port))
        assert runfile.find_agent(tmp_path) is None


def test_a_dead_process_is_no_agent_even_if_something_answers_at_its_port(tmp_path: Path) -> None:
    with answering(200) as port:
        runfile.write(tmp_path, an_agent(port, pid=a_dead_process()))

        assert runfile.find_agent(tmp_path) is None


def test_a_process_that_is_younger_than_the_file_is_no_agent(tmp_path: Path) -> None:
    with answering(200) as port:
        runfile.write(tmp_path, an_agent(port, started_at="2020-01-01T00:00:00.000000Z"))

        assert runfile.find_agent(tmp_path) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"url": "http://127.0.0.1:1"}',
        '{"url":"http://127.0.0.1:1","port":"x","pid":1,"token":"t","started_at":"","version":""}',
        '{"url":"http://evil.example:1","port":1,"pid":1,"token":"t","started_at":"","version":""}',
        "\ufeff\x00",
    ],
)
def test_a_file_that_makes_no_sense_is_no_agent(tmp_path: Path, text: str) -> None:
    (tmp_path / "agent.json").write_text(text, "utf-8")

    assert runfile.read(tmp_path) is None
    assert runfile.find_agent(tmp_path) is None


def test_the_token_of_the_token_file_is_newer(tmp_path: Path) -> None:
    runfile.write(tmp_path, an_agent())
    (tmp_path / "token").write_text("n" * 43 + "\n", "utf-8")

    found = runfile.read(tmp_path)

    assert found is not None
    assert found.token == "n" * 43


def test_a_file_is_removed_by_its_own_process_only(tmp_path: Path) -> None:
    runfile.write(tmp_path, an_agent())

    runfile.remove(tmp_path, os.getpid() + 1)
    assert (tmp_path / "agent.json").exists()

    runfile.remove(tmp_path, os.getpid())
    assert not (tmp_path / "agent.json").exists()
    runfile.remove(tmp_path, os.getpid())


def test_the_token_does_not_show_when_an_agent_is_printed() -> None:
    assert "t" * 43 not in repr(an_agent())


def test_the_file_holds_what_other_programs_rely_on(tmp_path: Path) -> None:
    runfile.write(tmp_path, an_agent())

    said = json.loads((tmp_path / "agent.json").read_text("utf-8"))

    assert set(said) == {"url", "port", "pid", "token", "started_at", "version"}


def test_importing_it_needs_nothing_but_psutil() -> None:
    heavy = "'pydantic', 'httpx', 'quart', 'sqlalchemy', 'typer', 'structlog', 'orjson'"
    check = f"import agent.runfile, sys; print([m for m in ({heavy}) if m in sys.modules])"

    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
