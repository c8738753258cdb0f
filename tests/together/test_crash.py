"""The agent is killed at random moments: what was acknowledged is there, and no run is left."""

import random
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.runfile import RunningAgent
from agent.shared.wire import ServerSentEvent, decode_block
from tests.agent.program import OllamaProcess, Program, fake_ollama, program
from tests.agent.soundness import faults
from tests.serving import NO_TLS
from tests.sse import CLOSING

Json = dict[str, Any]  # Any: JSON values
PACE = 120  # frames a second
TOLD_BEFORE_S = 0.6  # what was seen so long before the last sign of life must be kept
WORDS = "".join(f" word{number}" for number in range(2000))
MODEL = "qwen3:4b"


@dataclass
class Followed:
    """One run as a client saw it before the kill."""

    conversation_id: str
    run: Json
    events: list[tuple[float, ServerSentEvent]] = field(default_factory=list)


@dataclass
class Witness:
    """Everything that the agent acknowledged, from whatever life of it."""

    conversations: dict[str, str] = field(default_factory=dict)  # id → title
    deleted: set[str] = field(default_factory=set)
    messages: dict[str, Json] = field(default_factory=dict)
    runs: list[Followed] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def http(url: str, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(
        base_url=f"{url}/api/v1", headers=headers, timeout=30, verify=NO_TLS, trust_env=False
    )


def live_until_killed(url: str, token: str, witness: Witness, chance: random.Random) -> None:
    """A client that writes, asks and follows until nobody answers any more."""
    with http(url, token) as client, suppress(httpx.HTTPError, KeyError):
        while True:
            new = client.post("/conversations", json={"title": f"T{chance.random()}"})
            if new.status_code == 201:
                conversation = new.json()
                with witness.lock:
                    witness.conversations[conversation["id"]] = conversation["title"]
            title = f"Renamed {chance.random()}"
            changed = client.patch(f"/conversations/{conversation['id']}", json={"title": title})
            if changed.status_code == 200:
                with witness.lock:
                    witness.conversations[conversation["id"]] = title
            asked = client.post(
                f"/conversations/{conversation['id']}/messages",
                json={"content": f"Question {chance.random()}"},
            )
            if asked.status_code == 202:
                posted = asked.json()
                run = Followed(conversation["id"], posted["run"])
                with witness.lock:
                    witness.messages[posted["message"]["id"]] = posted["message"]
                    witness.runs.append(run)
                follow(client, run, most=chance.choice([1, 20, 10_000]))
            if chance.random() < 0.2:
                gone = client.delete(f"/conversations/{conversation['id']}")
                if gone.status_code == 204:
                    with witness.lock:
                        witness.deleted.add(conversation["id"])


def follow(client: httpx.Client, run: Followed, *, most: int) -> None:
    """Notes each event with its time; leaves after `most` of them."""
    with client.stream("GET", f"/runs/{run.run['id']}/events") as reply:
        rest = b""
        for data in reply.iter_raw():
            now = time.monotonic()
            *blocks, rest = (rest + data).split(b"\n\n")
            for block in blocks:
                if event := decode_block(block):
                    run.events.append((now, event))
            if len(run.events) >= most:
                return


def kill_once(one: Program, agent: RunningAgent, witness: Witness, chance: random.Random) -> None:
    """Lets two clients at the agent and kills it."""
    clients = [
        threading.Thread(
            target=live_until_killed,
            args=(agent.url, agent.token, witness, random.Random(chance.random())),
        )
        for _ in range(2)
    ]
    for client in clients:
        client.start()
    time.sleep(chance.uniform(0.02, 1.25))  # the moment is the point
    assert one.process is not None
    one.process.send_signal(signal.SIGKILL)
    one.process.communicate()
    one.process = None
    for client in clients:
        client.join(timeout=30)
        assert not client.is_alive()


def check(agent: RunningAgent, witness: Witness, *, runs: int = 0, conversations: int = 0) -> None:
    """Compares an agent that was started again with what the witness saw; the numbers say how
    much of that was checked before."""
    with http(agent.url, agent.token) as client:
        for conversation_id, title in list(witness.conversations.items())[conversations:]:
            told = client.get(f"/conversations/{conversation_id}")
            if conversation_id in witness.deleted:
                assert told.status_code == 404
            elif told.status_code == 404:
                # Deleted, and killed before the answer to that was on its way.
                assert client.post(f"/conversations/{conversation_id}/restore").status_code == 200
            else:
                # A change may be saved although its answer never came.
                assert told.json()["title"] == title or "Renamed" in told.json()["title"]
        for state in ("queued", "running"):
            assert client.get("/runs", params={"state": state}).json()["items"] == []
        # A machine with too much to do starves the agent: it neither says nor saves anything then.
        times = [at for run in witness.runs[runs:] for at, _ in run.events]
        alive_at = max(times, default=0.0)
        for run in witness.runs[runs:]:
            _check_run(client, run, alive_at)


def _check_run(client: httpx.Client, run: Followed, alive_at: float) -> None:
    told = client.get(f"/runs/{run.run['id']}").json()
    assert told["state"] in {"interrupted", "done", "cancelled"}
    whole = Followed(run.conversation_id, run.run)
    follow(client, whole, most=1_000_000)
    events = [event for _, event in whole.events]
    text = _text(events)
    # What is kept is what the model said, from its beginning, and all that was seen in time.
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert WORDS.startswith(text)
    old = [event for at, event in run.events if at < alive_at - TOLD_BEFORE_S]
    assert events[: len(old)] == old
    closing = events[-1]
    assert closing.name in CLOSING
    message: Json = dict(closing.data)
    assert message["message"]["content"] == text
    # Going on from the last thing seen: no event twice, none left out, and an end.
    if run.events:
        seen = [event for _, event in run.events]
        rest = Followed(run.conversation_id, run.run)
        _follow_from(client, rest, seen[-1].seq)
        more = [event for _, event in rest.events]
        if seen[-1].name in CLOSING:
            assert more == []
        elif seen[-1].seq < closing.seq:
            assert seen + more == events
        else:  # it saw more than was saved, and is told the end all the same
            end = ServerSentEvent(seen[-1].seq + 1, closing.name, closing.data)
            assert more == [end]
            assert _text(seen).startswith(text)


def _follow_from(client: httpx.Client, run: Followed, seq: int) -> None:
    headers = {"Last-Event-ID": str(seq)}
    with client.stream("GET", f"/runs/{run.run['id']}/events", headers=headers) as reply:
        data = b"".join(reply.iter_raw())
    run.events += [(0.0, event) for block in data.split(b"\n\n") if (event := decode_block(block))]


def _text(events: list[ServerSentEvent]) -> str:
    return "".join(str(event.data["text"]) for event in events if event.name == "token")


def _check_file(database: Path, witness: Witness) -> None:
    assert faults(database) == []
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT id, content FROM message").fetchall()
        alive = "SELECT count(*) FROM run WHERE state IN ('queued', 'running')"
        streaming = "SELECT count(*) FROM message WHERE status = 'streaming'"
        assert connection.execute(alive).fetchone() == (0,)
        assert connection.execute(streaming).fetchone() == (0,)
    kept = dict(rows)
    assert {key: kept.get(key) for key in witness.messages} == {
        key: message["content"] for key, message in witness.messages.items()
    }


@contextmanager
def talkative_ollama() -> Iterator[OllamaProcess]:
    with fake_ollama("--model", MODEL, "--num-parallel", "64") as ollama:
        ollama.behave(path="/api/chat", text=WORDS, pace=PACE)
        yield ollama


def kill_often(folder: Path, times: int, seed: int) -> None:
    chance, witness = random.Random(seed), Witness()
    with (
        talkative_ollama() as ollama,
        program(folder / "data", ollama_url=ollama.url) as one,
    ):
        agent = one.serve()
        for _ in range(times):
            runs, conversations = len(witness.runs), len(witness.conversations)
            kill_once(one, agent, witness, chance)
            agent = one.serve()
            check(agent, witness, runs=runs, conversations=conversations)
            _check_file(one.data_dir / "agent.db", witness)
        check(agent, witness, runs=len(witness.runs))
    assert len(witness.conversations) >= times / 2
    assert len(witness.runs) >= times / 2


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_five_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    kill_often(tmp_path, 5, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_hundred_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    kill_often(tmp_path, 100, seed=2)


@pytest.mark.timeout(60)
@pytest.mark.slow
def test_a_kill_during_the_first_start_leaves_a_folder_that_starts(tmp_path: Path) -> None:
    chance = random.Random(3)
    for number in range(4):
        with program(tmp_path / f"data{number}") as one:
            started = one.begin("serve", "--no-browser")
            time.sleep(chance.uniform(0.1, 0.9))  # the moment is the point
            started.kill()
            started.communicate()

            agent = one.serve()

            with http(agent.url, agent.token) as client:
                assert client.get("/conversations").json() == {"items": [], "next_cursor": None}
