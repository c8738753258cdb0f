"""The same process opens the program anew: its address stays, its settings are those of then."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from agent import runfile
from tests.agent.program import Program, events_of, fake_ollama, program, until

METHOD = "signal" if os.name == "posix" else "thread"
pytestmark = pytest.mark.timeout(120, method=METHOD)
MANAGED = {"ORCA_AGENT_MANAGED_FILE": ""}
OPENINGS = 6


@contextmanager
def asking(one: Program) -> Iterator[httpx.Client]:
    """With the main token, one connection."""
    found = runfile.read(one.data_dir)
    assert found is not None
    with httpx.Client(
        base_url=f"{found.url}/api/v1",
        headers={"Authorization": f"Bearer {found.token}"},
        trust_env=False,
        timeout=60,
    ) as client:
        yield client


def value_of(client: httpx.Client, name: str) -> list[Any]:  # Any: JSON
    items = client.get("/settings").json()["items"]
    one = next(item for item in items if item["name"] == name)
    return [one["value"], one["source"], one["is_pending"]]


def openings(one: Program) -> int:
    """How often the program has been opened, by its own log."""
    text = (one.data_dir / "logs" / "agent.log").read_text("utf-8")
    whole_lines = text.rpartition("\n")[0].splitlines()
    said = [json.loads(line)["event"] for line in whole_lines]
    return sum(one.startswith("serving on port") for one in said)


def restart(one: Program, client: httpx.Client, **asked: str) -> dict[str, Any]:  # Any: JSON
    before = openings(one)
    answer = client.post("/restart", json=asked)
    assert answer.status_code == 202, answer.text
    until(lambda: openings(one) > before, 60)
    told: dict[str, Any] = answer.json()
    return told


def test_a_restart_puts_settings_in_force_at_the_same_address(tmp_path: Path) -> None:
    with program(tmp_path / "data", **MANAGED) as one:
        before = one.serve()
        with asking(one) as client:
            client.patch("/settings", json={"guide": False, "log_level": "debug"})
            pending = value_of(client, "guide")
            told = restart(one, client, when="idle")
            after, found = value_of(client, "guide"), runfile.find_agent(one.data_dir)

            (one.data_dir / "agent.toml").write_text("guide == true")
            restart(one, client)
            with_a_bad_file = value_of(client, "guide")
            client.post("/stop")
        assert one.process is not None
        code = one.process.wait(30)
        _, out, err = one.end()

    assert (pending, after) == ([True, "default", True], [False, "file", False])
    assert told == {"when": "idle", "waits_for": 0}
    assert found == before
    assert with_a_bad_file == [False, "file", False]
    assert "the settings stay as they were: The file" in err
    assert (code, out.count("Open:"), out.endswith("\nThe agent has ended.\n")) == (0, 1, True)
    assert runfile.read(one.data_dir) is None


@pytest.mark.slow
def test_what_runs_is_cut_off_as_at_a_stop_and_its_readers_are_told(tmp_path: Path) -> None:
    with (
        fake_ollama("--tokens", "100000", "--pace", "20") as ollama,
        program(tmp_path / "data", ollama_url=ollama.url, **MANAGED) as one,
    ):
        one.serve()
        agent = one.client()
        run = agent.send(agent.new_conversation()["id"], "go")["run"]["id"]
        heard: list[str] = []

        def listen() -> None:
            with (
                asking(one) as other,
                other.stream("GET", f"/runs/{run}/events") as events,
            ):
                heard.extend(events.iter_text())

        reader = threading.Thread(target=listen)
        reader.start()
        until(lambda: "event: token" in "".join(heard))
        with asking(one) as client:
            restart(one, client)
            reader.join(20)
            state = client.get(f"/runs/{run}").json()["state"]
        agent.close()
        until(lambda: ollama.stats()["answering"] == 0)

    assert events_of("".join(heard))[-1][0] == "interrupted"
    assert state == "interrupted"


@pytest.mark.slow
def test_a_batch_goes_on_where_it_was(tmp_path: Path) -> None:
    question = [{"role": "user", "content": "why?"}]
    items = [{"id": str(number), "messages": question} for number in range(6)]
    with (
        fake_ollama("--tokens", "10", "--pace", "20") as ollama,
        program(tmp_path / "data", ollama_url=ollama.url, **MANAGED) as one,
    ):
        one.serve()
        with asking(one) as client:
            until(lambda: client.get("/models").json()["items"])
            begun = client.post("/batch/chat", json={"items": items, "concurrency": 1})
            run = begun.json()["id"]
            until(lambda: client.get(f"/runs/{run}/results").json()["items"])
            restart(one, client)
            until(lambda: client.get(f"/runs/{run}").json()["state"] != "running", 60)
            state = client.get(f"/runs/{run}").json()["state"]
            results = client.get(f"/runs/{run}/results").json()["items"]

    assert state == "done"
    assert [(one["id"], one["status"]) for one in results] == [(i["id"], "done") for i in items]


@pytest.mark.slow
def test_when_idle_it_waits_until_no_run_lives(tmp_path: Path) -> None:
    with (
        fake_ollama("--tokens", "100000", "--pace", "20") as ollama,
        program(tmp_path / "data", ollama_url=ollama.url, **MANAGED) as one,
    ):
        one.serve()
        agent = one.client()
        run = agent.send(agent.new_conversation()["id"], "go")["run"]["id"]
        with asking(one) as client:
            told = client.post("/restart", json={"when": "idle"}).json()
            again = client.post("/restart", json={"when": "idle"}).json()
            still = openings(one)
            client.post(f"/runs/{run}/cancel")
            until(lambda: openings(one) == 2, 60)
            state = client.get(f"/runs/{run}").json()["state"]
        agent.close()

    assert (told, again) == ({"when": "idle", "waits_for": 1},) * 2
    assert (still, state) == (1, "cancelled")


@pytest.mark.slow
def test_a_reader_who_has_stopped_reading_holds_no_restart_up(tmp_path: Path) -> None:
    with (
        fake_ollama("--tokens", "3000000") as ollama,
        program(tmp_path / "data", ollama_url=ollama.url, **MANAGED) as one,
    ):
        found, agent = one.serve(), one.client()
        run = agent.send(agent.new_conversation()["id"], "go")["run"]["id"]
        with socket.create_connection(("127.0.0.1", found.port)) as stalled, asking(one) as client:
            head = f"GET /api/v1/runs/{run}/events HTTP/1.1\r\nHost: 127.0.0.1:{found.port}\r\n"
            stalled.sendall(f"{head}Authorization: Bearer {found.token}\r\n\r\n".encode())
            assert stalled.recv(12) == b"HTTP/1.1 200"
            until(lambda: agent.json("GET", f"/runs/{run}")["last_seq"] > 20_000)
            restart(one, client)
            state = client.get(f"/runs/{run}").json()["state"]
            until(lambda: connections(one) <= 3)
        agent.close()

    assert state == "interrupted"


@pytest.mark.slow
def test_every_request_is_answered_while_it_opens_anew(tmp_path: Path) -> None:
    statuses: set[int] = set()
    slowest_s = 0.0
    done = threading.Event()
    with program(tmp_path / "data", **MANAGED) as one:
        found = one.serve()

        def ask() -> None:
            nonlocal slowest_s
            headers = {"Authorization": f"Bearer {found.token}"}
            while not done.is_set():
                began = time.monotonic()
                answer = httpx.get(
                    f"{found.url}/api/v1/models", headers=headers, timeout=60, trust_env=False
                )
                slowest_s = max(slowest_s, time.monotonic() - began)
                statuses.add(answer.status_code)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        with asking(one) as client:
            for _ in range(3):
                restart(one, client)
        done.set()
        for thread in threads:
            thread.join(60)
        code, _, err = one.end()

    assert (statuses, code, err) == ({200}, 0, "")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows does not count descriptors")
def test_openings_leave_nothing_behind(tmp_path: Path) -> None:
    with program(tmp_path / "data", **MANAGED) as one:
        found = one.serve()
        process = psutil.Process(found.pid)
        with asking(one) as client:

            def held() -> tuple[int, int]:
                return process.num_fds(), process.num_threads()

            for _ in range(2):
                restart(one, client)
            first = held()
            for _ in range(OPENINGS):
                restart(one, client)
            # A reader of the database more or less is chance; one for each opening would be none.
            until(
                lambda: all(now < then + OPENINGS for now, then in zip(held(), first, strict=True))
            )
            grown = process.memory_info().rss
        code, _, err = one.end()

    assert (code, err) == (0, "")
    assert grown < 400e6


class OfTheFile(Program):
    """Nothing but the file says which port it takes."""

    @property
    def environment(self) -> dict[str, str]:
        return {k: v for k, v in super().environment.items() if k != "ORCA_AGENT_PORT"}


@pytest.mark.slow
def test_another_port_is_taken_at_the_restart(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one_port,
        socket.create_server(("127.0.0.1", 0)) as other_port,
    ):
        ports = [each.getsockname()[1] for each in (one_port, other_port)]
    one = OfTheFile(tmp_path / "data", settings=dict(MANAGED))
    one.data_dir.mkdir(mode=0o700)
    (one.data_dir / "agent.toml").write_text(f"port = {ports[0]}\n")
    try:
        first = one.serve()
        with asking(one) as client:
            client.patch("/settings", json={"port": ports[1]})
            client.post("/restart", json={})
        until(lambda: (there := runfile.find_agent(one.data_dir)) and there.port == ports[1], 60)
        second = runfile.find_agent(one.data_dir)
        with socket.socket() as probe:
            left = probe.connect_ex(("127.0.0.1", ports[0]))
    finally:
        code, _, _ = one.end()

    assert second is not None
    assert (first.port, second.pid, second.token) == (ports[0], first.pid, first.token)
    assert (left != 0, code) == (True, 0)


def connections(one: Program) -> int:
    found = runfile.read(one.data_dir)
    assert found is not None
    process = psutil.Process(found.pid)
    mine = process.net_connections("tcp")
    return sum(c.status == psutil.CONN_ESTABLISHED and c.laddr.port == found.port for c in mine)
