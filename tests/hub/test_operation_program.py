"""The program as operators run it: what it logs, sends to a collector, and how it ends."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.hub.replicas import replica
from tests.hub.test_doctor import run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
TOKEN = "of-the-metrics-and-of-nobody-else"
PASSWORD = "four words make one"


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Takes what is sent as OTLP over HTTP."""
    sent: list[bytes] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Taking) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", sent
        server.shutdown()


def lines_of(text: str) -> list[dict[str, Any]]:  # Any: JSON
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_every_line_of_the_log_can_be_collected_and_none_holds_a_secret(tmp_path: Path) -> None:
    run(tmp_path / "data", "user", "add", "ada", "--password-stdin", stdin=f"{PASSWORD}\n")
    environment = {"ORCA_HUB_METRICS_TOKEN": TOKEN}
    with replica(tmp_path, environment) as hub, httpx.Client(base_url=hub.url) as client:
        client.headers["Origin"] = hub.url
        asked = {"username": "ada", "password": PASSWORD}
        wrong = client.post("/api/v1/auth/login", json={**asked, "password": "guessed words"})
        client.post("/api/v1/auth/login", json=asked).raise_for_status()
        client.get("/api/v1/users/me", headers={"X-Request-ID": "from-an-agent"})
        client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).raise_for_status()
        secret = client.cookies["orca-hub"]
        code = hub.end()
    lines = lines_of(hub.output())
    file = (tmp_path / "data" / "logs" / "hub.log").read_text()

    mine = next(one for one in lines if one.get("request_id") == "from-an-agent")
    assert list(mine) == [
        "timestamp", "level", "logger", "message", "request_id", "account",
    ]  # fmt: skip
    assert (mine["level"], mine["logger"], mine["account"]) == ("info", "hub.request", "ada")
    assert mine["message"].startswith("GET /api/v1/users/me 200 in ")
    assert lines_of(file) == lines
    assert (wrong.status_code, code) == (401, 0)
    for canary in (PASSWORD, "guessed words", TOKEN, secret):
        assert canary not in hub.output()
    assert (tmp_path / "data" / "logs" / "hub.log").stat().st_mode & 0o777 == 0o600


def test_spans_go_to_a_collector_where_one_is_set(tmp_path: Path) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    with collector() as (address, sent):
        environment = {"ORCA_HUB_OTLP_ENDPOINT": address}
        with replica(tmp_path, environment) as hub, httpx.Client(base_url=hub.url) as client:
            headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
            client.get("/api/v1/users/me", headers=headers)
            client.get("/api/v1/health/live")
            code = hub.end()
    spans = b"".join(sent)

    assert code == 0
    assert bytes.fromhex(trace) in spans
    assert b"GET /api/v1/users/me" in spans
    assert b"orca-hub" in spans
    assert b"health/live" not in spans


def test_a_collector_that_is_away_keeps_nothing_from_ending(tmp_path: Path) -> None:
    environment = {"ORCA_HUB_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with replica(tmp_path, environment) as hub:
        status = httpx.get(f"{hub.url}/api/v1/health/live").status_code
        code = hub.end()

    assert (status, code, "The hub has ended." in hub.output()) == (200, 0, True)


def test_a_second_start_in_the_same_folder_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with replica(tmp_path, {}) as hub:
        second = run(tmp_path / "data", "serve", port="0")
        moved = run(tmp_path / "data", "move", "--to", "postgresql://hub@127.0.0.1:9/hub")
        added = run(tmp_path / "data", "user", "add", "bob", "--password-stdin", stdin=PASSWORD)
        code = hub.end()

    assert (second.exit_code, "A hub uses the data folder" in second.output) == (1, True)
    assert (moved.exit_code, "A hub uses the data folder" in moved.output) == (1, True)
    assert (added.exit_code, code) == (0, 0)
