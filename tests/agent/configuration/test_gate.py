"""What is answered before the program behind the socket is open, and between two openings."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from quart import Quart, request

from agent.server import Server
from agent.shared.tasks import Tasks, running
from agent.shared.webapp import WebApp
from tests.serving import http

LIVE, READY = "/api/v1/health/live", "/api/v1/health/ready"


@dataclass(frozen=True, slots=True)
class Door:
    """A server with nothing behind it yet."""

    server: Server
    client: httpx.AsyncClient
    port: int


@asynccontextmanager
async def door() -> AsyncIterator[Door]:
    """Leaves no task behind."""
    before = asyncio.all_tasks()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = Server(listener)
        async with running(server=server.run()):
            await server.answers()
            async with http(base_url=f"http://127.0.0.1:{port}") as client:
                yield Door(server, client, port)
            await server.close(nothing)
    assert asyncio.all_tasks() == before


async def nothing() -> None:
    """No streams."""


def app(word: str) -> Quart:
    made = Quart(__name__)

    @made.route("/<path:path>", methods=["GET", "POST"])
    async def echo(path: str) -> dict[str, Any]:  # Any: JSON
        return {"word": word, "path": path}

    return made


async def test_a_closed_gate_says_that_it_lives_and_starts() -> None:
    async with door() as one:
        live, ready = await one.client.get(LIVE), await one.client.get(READY)

    assert (live.status_code, live.json()) == (200, {"status": "alive"})
    assert (ready.status_code, ready.json()) == (503, {"status": "starting"})
    assert live.headers["x-content-type-options"] == "nosniff"
    assert live.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert live.headers["cache-control"] == "no-store"
    assert "server" not in live.headers


async def test_everything_else_waits_for_the_program_and_its_wall() -> None:
    odd: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("GET", LIVE, {"Host": "evil.example"}),
        ("GET", LIVE, {"Origin": "http://evil.example"}),
        ("GET", READY, {"Sec-Fetch-Site": "cross-site"}),
        ("POST", LIVE, {}),
        ("GET", "/api/v1/models", {}),
        ("GET", f"{LIVE}/x", {}),
    )
    tasks = Tasks()
    answers: list[str] = []

    async with door() as one:

        async def ask(method: str, path: str, headers: dict[str, str]) -> None:
            answers.append((await one.client.request(method, path, headers=headers)).json()["word"])

        for number, about in enumerate(odd):
            tasks.start(ask(*about), name=f"ask {number}")
        assert (await one.client.get(LIVE)).status_code == 200
        before = list(answers)
        one.server.open(app("open"))
        async with asyncio.timeout(10):
            while len(tasks):  # noqa: ASYNC110 - they say nothing when they end
                await asyncio.sleep(0.01)

    assert (before, answers) == ([], ["open"] * len(odd))


async def test_a_program_that_never_opens_is_told_to_those_who_wait() -> None:
    async with door() as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
        writer.write(b"GET /api/v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await writer.drain()
        for _ in range(2):  # by then the first one was read, too
            await one.client.get(LIVE)
        await one.server.close(nothing)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()

    lines = head.decode().lower().split("\r\n")
    assert lines[0].startswith("http/1.1 503")
    assert {"retry-after: 2", "content-type: application/problem+json"} <= set(lines)
    assert json.loads(body)["type"] == "urn:orca:problem:starting"


async def test_what_nobody_waits_for_any_more_is_not_carried_out() -> None:
    done: list[str | bytes] = []
    made = Quart(__name__)

    @made.post("/do")
    async def do() -> str:
        done.append(await request.get_data())
        return "done"

    async with door() as one:
        for word in (b"left", b"here"):
            reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
            writer.write(b"POST /do HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\n" + word)
            await writer.drain()
            for _ in range(2):  # by then it was read, too
                await one.client.get(LIVE)
            if word == b"left":
                writer.close()
                await writer.wait_closed()
        one.server.open(made)
        answer = await reader.readline()
        writer.close()

    assert (answer.split()[1], done) == (b"200", [b"here"])


async def test_a_large_body_waits_whole() -> None:
    size = 3_000_000
    made = WebApp(__name__)

    @made.post("/do")
    async def do() -> str:
        return str(sum([len(part) async for part in request.body]))

    tasks, heard = Tasks(), asyncio.get_running_loop().create_future()
    async with door() as one:

        async def ask() -> None:
            heard.set_result(await one.client.post("/do", content=bytes(size)))

        tasks.start(ask(), name="ask")
        for _ in range(2):
            await one.client.get(LIVE)
        one.server.open(made)
        answer: httpx.Response = await heard

    assert answer.text == str(size)


async def test_a_program_that_is_opened_anew_keeps_its_address_and_loses_no_request() -> None:
    async with door() as one:
        one.server.open(app("first"))
        first = await one.client.get("/a")
        await one.server.renew(nothing)
        between = await one.client.get(READY)
        tasks, heard = Tasks(), asyncio.get_running_loop().create_future()

        async def ask() -> None:
            heard.set_result(await one.client.get("/b"))

        tasks.start(ask(), name="ask")
        await one.client.get(LIVE)
        one.server.open(app("second"))
        second: httpx.Response = await heard

    assert (first.json()["word"], between.status_code) == ("first", 503)
    assert second.json() == {"word": "second", "path": "b"}


def test_what_has_to_be_loaded_before_the_socket_answers_is_light() -> None:
    asked = "import sys, agent.cli, agent.commands.serve, agent.settings, agent.serve; "
    heavy = "aiohttp alembic httpx jinja2 jsonschema keyring numpy PIL quart sqlalchemy tomlkit tuf"

    done = subprocess.run(
        [sys.executable, "-c", f"{asked}print(*set({heavy.split()}) & set(sys.modules))"],
        capture_output=True,
        check=True,
        text=True,
    )

    assert done.stdout.split() == []
