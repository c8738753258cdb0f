"""Clients that leave amidst a request of theirs: what it changes is changed as a whole."""

import asyncio
import socket
import sqlite3
import struct
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx
import orjson

from agent.runfile import RunningAgent
from tests.agent.asking import QUESTION
from tests.agent.program import fake_ollama, program, until
from tests.agent.talking import body, every
from tests.fakes.ollama import FakeOllama
from tests.raw import get
from tests.serving import NOBODY, Served

API = "/api/v1"
HEARD_S = 0.1  # by then the agent has seen that somebody left


def request(served: Served, method: str, path: str, asked: object = None, *lines: str) -> bytes:
    sent = b"" if asked is None else orjson.dumps(asked)
    about = ("Content-Type: application/json", f"Content-Length: {len(sent)}")
    head = get(
        f"{API}{path}",
        f"Host: 127.0.0.1:{served.settings.port}",
        f"Authorization: {served.client.headers['authorization']}",
        *(about if sent else ()),
        *lines,
        method=method,
    )
    return head + sent


@asynccontextmanager
async def leaving(
    served: Served, sent: bytes, once: Awaitable[object] | None = None
) -> AsyncIterator[None]:
    """A client sends this, and has left when the block begins; it stays until `once` has come."""
    _, writer = await asyncio.open_connection("127.0.0.1", served.settings.port)
    writer.write(sent)
    await (once or asyncio.sleep(HEARD_S))
    writer.transport.abort()
    await asyncio.sleep(HEARD_S)
    yield


async def left_while_it_waits(served: Served, sent: bytes) -> None:
    """A client that leaves while its request waits for the database."""
    with closing(sqlite3.connect(served.settings.database_file)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with leaving(served, sent):
            other.rollback()


async def until_listed(client: httpx.AsyncClient, path: str, name: str, *, there: bool) -> None:
    async with asyncio.timeout(10):
        while True:
            names = [one["name"] for one in await every(client, f"{API}{path}")]
            if (name in names) is there:
                return
            await asyncio.sleep(0.01)


async def test_a_token_that_is_taken_back_is_good_for_nothing(served: Served) -> None:
    asked = {"name": "lent", "scopes": ["chat"]}
    made = body(await served.client.post(f"{API}/tokens", json=asked), 201)
    bearer = {"Authorization": f"Bearer {made['token']}"}
    before = await served.stranger.get(f"{API}/conversations", headers=bearer)

    await left_while_it_waits(served, request(served, "DELETE", f"/tokens/{made['id']}"))
    await until_listed(served.client, "/tokens", "lent", there=False)
    after = await served.stranger.get(f"{API}/conversations", headers=bearer)

    assert (before.status_code, after.status_code) == (200, 401)


async def test_a_batch_is_begun(served: Served, fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", text="Because.")
    asked, key = {"items": [{"messages": [QUESTION]}]}, "Idempotency-Key: once"

    await left_while_it_waits(served, request(served, "POST", "/batch/chat", asked, key))
    headers = {"Idempotency-Key": "once"}
    run = body(await served.client.post(f"{API}/batch/chat", json=asked, headers=headers), 202)
    async with asyncio.timeout(10):
        while run["state"] in {"queued", "running"}:
            await asyncio.sleep(0.02)
            run = body(await served.client.get(f"{API}/runs/{run['id']}"))

    assert run["state"] == "done"


async def test_a_printer_is_known(served: Served) -> None:
    asked = {"name": "left", "kind": "moonraker", "url": NOBODY, "force": True}

    await left_while_it_waits(served, request(served, "POST", "/printers", asked))
    await until_listed(served.client, "/printers", "left", there=True)
    again = await served.client.post(f"{API}/printers", json=asked)

    assert again.status_code == 409


async def test_an_answer_that_nobody_waits_for_is_not_made(
    served: Served, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="word " * 5000, pace=100)
    before = len(fake.departures)
    sent = request(served, "POST", "/chat", {"messages": [QUESTION]})

    async with leaving(served, sent, fake.saw(path="/api/chat")):
        await fake.client_left(before + 1)


async def test_half_a_request_does_nothing(served: Served) -> None:
    whole = request(served, "POST", "/conversations", {"title": "Half"})

    async with leaving(served, whole[:-3]):
        titles = [one["title"] for one in await every(served.client, f"{API}/conversations")]

    assert "Half" not in titles


def vanish_amidst(agent: RunningAgent, asked: bytes) -> None:
    """Asks, reads the beginning of the answer, and is gone as a program that dies is: its
    connection is reset."""
    with socket.create_connection(("127.0.0.1", agent.port)) as client:
        client.sendall(asked)
        client.recv(300)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_who_vanishes_amidst_its_events_is_no_mistake_of_the_agent(tmp_path: Path) -> None:
    with fake_ollama() as ollama, program(tmp_path / "data", ollama_url=ollama.url) as one:
        ollama.behave(path="/api/chat", text="word " * 40, pace=200)
        agent = one.serve()
        headers = {"Authorization": f"Bearer {agent.token}"}
        with httpx.Client(base_url=agent.url, headers=headers) as client:
            for _ in range(10):
                made = client.post(f"{API}/conversations", json={}).json()
                sent = orjson.dumps({"content": "Why does PETG string?"})
                head = get(
                    f"{API}/conversations/{made['id']}/messages",
                    f"Host: 127.0.0.1:{agent.port}",
                    f"Authorization: {headers['Authorization']}",
                    "Accept: text/event-stream",
                    "Content-Type: application/json",
                    f"Content-Length: {len(sent)}",
                    method="POST",
                )
                vanish_amidst(agent, head + sent)
            until(lambda: len(client.get(f"{API}/runs?state=done").json()["items"]) == 10)
        one.end()

        log = (tmp_path / "data" / "logs" / "agent.log").read_text("utf-8")
        wrong = [line for line in log.splitlines() if orjson.loads(line)["level"] == "error"]
        assert wrong == []
