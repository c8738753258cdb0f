"""Several hubs as one: begun together, behind a real nginx, and one that goes."""

import asyncio
import os
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from agent.shared.wire import ServerSentEvent, decode
from hub.postgres import PostgresDatabase
from hub.settings import load
from tests.fakes.ollama import FakeOllama
from tests.hub.nginx import free_port, nginx
from tests.hub.nginx import program as nginx_program
from tests.hub.postgres import Postgres
from tests.hub.redis import Redis
from tests.hub.replicas import ROOT, Program, program
from tests.hub.serving import PASSWORD
from tests.serving import http

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(nginx_program() is None, reason="There is no nginx."),
]
Json = dict[str, Any]  # Any: JSON


TOKEN = {"Authorization": "Bearer of-the-metrics-and-of-nobody-else"}


@dataclass(slots=True)
class Team:
    """Two hubs behind one address. `ada` comes by it, as browsers do."""

    hubs: tuple[Program, Program]
    ports: tuple[int, int]
    url: str
    ada: httpx.AsyncClient
    ollama: FakeOllama
    environment: dict[str, str]

    def at(self, number: int) -> httpx.AsyncClient:
        """The same person, straight at one of the hubs. Whoever asks for it closes it."""
        return http(
            base_url=f"http://127.0.0.1:{self.ports[number]}/api/v1",
            headers={"Origin": self.url, "Host": self.url.removeprefix("http://")},
            cookies=dict(self.ada.cookies),
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def team(
    server: Postgres, redis_server: Redis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Team]:
    """One for all tests; the last of them ends a hub."""
    tmp_path = tmp_path_factory.mktemp("team")
    async with AsyncExitStack() as stack:
        ollama = await stack.enter_async_context(FakeOllama(models=()))
        ollama.add_model("qwen3:4b", capabilities=["completion"], context_length=32768)
        port, ports = free_port(), (free_port(), free_port())
        environment = {
            "ORCA_HUB_DATABASE_URL": server.new_database(),
            "ORCA_HUB_REDIS_URL": f"{redis_server.url}63",
            "ORCA_HUB_SECRET_KEY": secrets.token_urlsafe(48),
            "ORCA_HUB_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "ORCA_HUB_PROXIES": "1",
            "ORCA_HUB_METRICS_TOKEN": "of-the-metrics-and-of-nobody-else",
            "ORCA_HUB_OLLAMA_URLS": ollama.url,
        }
        begun = [
            stack.enter_context(
                program(tmp_path / str(one), {**environment, "ORCA_HUB_PORT": str(one)}, *SERVE)
            )
            for one in ports
        ]
        for one in begun:  # both have begun with an empty database
            await asyncio.to_thread(one.wait_for, "The hub serves")
        await asyncio.to_thread(add_ada, {**environment, "ORCA_HUB_DATA_DIR": str(tmp_path / "c")})
        addresses = [f"http://127.0.0.1:{one}" for one in ports]
        stack.enter_context(nginx(tmp_path / "nginx", port, addresses))
        url = f"http://127.0.0.1:{port}"
        ada = http(base_url=f"{url}/api/v1", headers={"Origin": url})
        await stack.enter_async_context(ada)
        asked = {"username": "ada", "password": PASSWORD}
        assert (await ada.post("/auth/login", json=asked)).status_code == 204
        yield Team((begun[0], begun[1]), ports, url, ada, ollama, environment)


SERVE = ("-m", "hub", "serve")


def add_ada(environment: dict[str, str]) -> None:
    words = ("user", "add", "ada", "--role", "administrator", "--password-stdin")
    subprocess.run(
        [sys.executable, "-m", "hub", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        input=f"{PASSWORD}\n",
        text=True,
        check=True,
        capture_output=True,
    )


async def served(team: Team, number: int, route: str) -> int:
    """How many requests of this route a hub has answered well."""
    async with team.at(number) as client:
        answer = await client.get(f"http://127.0.0.1:{team.ports[number]}/metrics", headers=TOKEN)
    wanted = f'orca_hub_requests_total{{method="GET",route="{route}",status="2xx"}} '
    found = [line for line in answer.text.splitlines() if line.startswith(wanted)]
    return int(float(found[0].rpartition(" ")[2])) if found else 0


async def test_two_hubs_that_start_together_migrate_once_and_serve_as_one(team: Team) -> None:
    spoofed = {"X-Forwarded-For": "6.6.6.6"}
    names = Counter(
        [(await team.ada.get("/users/me", headers=spoofed)).json()["name"] for _ in range(20)]
    )
    counts = [await served(team, number, "/api/v1/users/me") for number in (0, 1)]
    sessions = (await team.ada.get("/auth/sessions")).json()["items"]
    workers = (await team.ada.get("/jobs/queues")).json()["workers"]
    database = PostgresDatabase(load(team.environment).async_database_url or "")
    async with database.reading() as connection:
        versions = await connection.exec_driver_sql("SELECT count(*) FROM alembic_version")
        rows = versions.scalar_one()
    await database.close()

    assert names == {"ada": 20}
    assert min(counts) >= 5
    assert {one["address"] for one in sessions} == {"127.0.0.1"}
    assert (rows, [one["kind"] for one in workers]) == (1, ["hub", "hub"])


async def test_an_answer_is_streamed_through_the_proxy_and_followed_at_each_hub(
    team: Team,
) -> None:
    team.ollama.full_speed(120, pace=60)
    asked = {"prompt": "Write a cube.", "model": "qwen3:4b"}
    run_id = (await team.ada.post("/ai/generate", json=asked)).json()["run_id"]
    async with team.at(0) as first, team.at(1) as second:
        all_events = await asyncio.gather(*(read(one, run_id) for one in (team.ada, first, second)))
        middle = all_events[0][len(all_events[0]) // 2]
        rest = await read(team.ada, run_id, middle.seq)

    texts = [said(events) for events in all_events]
    assert texts[0]
    assert texts == [texts[0]] * 3
    assert [events[-1].name for events in all_events] == ["done"] * 3
    assert [one.seq for one in rest] == [one.seq for one in all_events[0] if one.seq > middle.seq]


async def test_a_hub_that_is_told_to_end_says_so_to_streams_and_the_other_goes_on(
    team: Team,
) -> None:
    team.ollama.full_speed(100_000, pace=50)
    asked = {"prompt": "Write a cube.", "model": "qwen3:4b"}
    async with team.at(0) as first, team.at(1) as second:
        run_id = (await first.post("/ai/generate", json=asked)).json()["run_id"]
        heard = asyncio.Event(), asyncio.Event()
        reading = asyncio.gather(
            *(read(one, run_id, heard=ear) for one, ear in zip((first, second), heard, strict=True))
        )
        await asyncio.gather(*(ear.wait() for ear in heard))
        ending = asyncio.to_thread(team.hubs[0].end)
        statuses, code = await asyncio.gather(many(team.ada, 200), ending)
        here, there = await reading
        run = (await second.get(f"/runs/{run_id}")).json()

    assert (code, "The hub has ended." in team.hubs[0].output()) == (0, True)
    assert statuses == {200: 200}
    assert (here[-1].name, there[-1].name) == ("interrupted", "interrupted")
    assert run["state"] == "interrupted"
    assert said(here) == said(there)


async def read(
    client: httpx.AsyncClient, run_id: str, last: int = 0, heard: asyncio.Event | None = None
) -> list[ServerSentEvent]:
    """All of a stream; `heard` is set when the first words are there."""
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(last)}
    content = b""
    async with client.stream("GET", f"/runs/{run_id}/events", headers=headers, timeout=60) as got:
        async for part in got.aiter_bytes():
            content += part
            if heard and b"event: token" in content:
                heard.set()
    return list(decode(content))


def said(events: list[ServerSentEvent]) -> str:
    return "".join(str(one.data["text"]) for one in events if one.name == "token")


async def many(client: httpx.AsyncClient, count: int) -> Counter[int]:
    statuses: Counter[int] = Counter()
    for _ in range(count):
        statuses[(await client.get("/users/me")).status_code] += 1
    return statuses
