"""Models are downloaded by a run: watched by many, stopped at once, gone on with later."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.inference.backend import Backend
from agent.inference.openai import OpenAI
from agent.models.pulling import ollama_of
from agent.runs.rules import Run, RunState
from agent.runs.store import Runs
from agent.shared.database import Database
from agent.shared.errors import Invalid
from agent.shared.wire import ServerSentEvent
from tests.agent.talking import body, code, problem
from tests.fakes.ollama import FakeOllama
from tests.serving import NOBODY, Served, running_agent
from tests.sse import events_of, follow

Json = dict[str, Any]  # Any: JSON values
NEW = "hf.co/unsloth/Qwen3-4B-GGUF:Q4_K_M"
MB = 1 << 20
BIG, SMALL = "ab" * 32, "cd" * 32


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama(models=[]) as fake:
        fake.add_model("installed")
        offer(fake, seconds=0.4)
        yield fake


def offer(fake: FakeOllama, *, seconds: float, size: int = 40 * MB) -> None:
    """What can be pulled: a large layer and a small one."""
    fake.add_pullable(NEW, layers=[(BIG, size), (SMALL, 500)], seconds=seconds)


async def pull(client: httpx.AsyncClient, model: str = NEW, **more: object) -> Json:
    return body(await client.post("/api/v1/models/pull", json={"model": model, **more}), 202)


async def names(client: httpx.AsyncClient) -> list[str]:
    return [one["name"] for one in body(await client.get("/api/v1/models"))["items"]]


def progress(events: list[ServerSentEvent]) -> list[Json]:
    return [dict(event.data) for event in events if event.name == "progress"]


async def under_way(client: httpx.AsyncClient, run: Json, *, at_least: int = 1) -> None:
    """Waits until so many bytes of a download are there."""
    async with client.stream("GET", f"/api/v1/runs/{run['id']}/events", timeout=30) as reply:
        async for event in events_of(reply):
            if event.name == "progress" and int(str(event.data["completed"])) >= at_least:
                return
    raise AssertionError("it ended before")


async def test_a_pull_tells_its_progress_to_all_who_watch_and_asks_ollama_once(
    served: Served, fake: FakeOllama
) -> None:
    client = served.client
    headers = {"Accept": "text/event-stream"}
    offer(fake, seconds=1)  # while which two more ask for it
    run = await pull(client)
    second = await pull(client, NEW.upper(), backend="local")
    asked = {"model": NEW}
    async with client.stream("POST", "/api/v1/models/pull", json=asked, headers=headers) as third:
        seen, events = await asyncio.gather(_all(third), follow(client, run["id"]))
    there = await names(client)
    again = await follow(client, (await pull(client))["id"])

    assert (run["kind"], run["conversation_id"], second["id"]) == ("pull", None, run["id"])
    assert third.headers["x-run-id"] == run["id"]
    assert [event.name for event in seen if event.name != "posted"] == [e.name for e in events]
    assert (events[0].name, events[0].data) == (
        "started",
        {"model": NEW, "backend": "local", "provider": "ollama"},
    )
    told = progress(events)
    done = [one["completed"] for one in told]
    assert 3 <= len(told) <= 16  # and Ollama tells of twenty-one
    assert done == sorted(done)
    assert (told[0]["status"], told[-1]["completed"], told[-1]["total"]) == (
        "pulling manifest",
        40 * MB + 500,
        40 * MB + 500,
    )
    assert any(one["bytes_per_second"] for one in told)
    assert (events[-1].name, events[-1].data) == (
        "done",
        {"result": {"model": NEW, "backend": "local"}},
    )
    assert there == [NEW, "installed:latest"]
    assert progress(again)[-1]["completed"] == 40 * MB + 500
    asked_upstream = [seen.body for seen in fake.requests if seen.path == "/api/pull"]
    assert asked_upstream == [{"model": NEW}] * 2


async def _all(reply: httpx.Response) -> list[ServerSentEvent]:
    return [event async for event in events_of(reply)]


async def test_a_pull_that_is_cancelled_stops_ollama_and_the_next_one_goes_on_from_there(
    served: Served, fake: FakeOllama
) -> None:
    offer(fake, seconds=20)
    run = await pull(served.client)
    await under_way(served.client, run)
    cancelled = body(await served.client.post(f"/api/v1/runs/{run['id']}/cancel"))
    gone = await fake.client_left()
    there = fake.state.downloaded[BIG]
    offer(fake, seconds=0.1)
    events = await follow(served.client, (await pull(served.client))["id"])

    assert (cancelled["state"], gone[0].seen.path, there > 0) == ("cancelled", "/api/pull", True)
    assert (await follow(served.client, run["id"]))[-1].name == "cancelled"
    assert progress(events)[1]["completed"] >= there
    assert events[-1].name == "done"


async def test_a_download_that_breaks_off_says_so_and_is_gone_on_with(
    served: Served, fake: FakeOllama
) -> None:
    for how in ("close_after", "end_after"):
        fake.misbehave("/api/pull", None, 1, **{how: 2})
        events = await follow(served.client, (await pull(served.client))["id"])

        assert events[-1].name == "error"
        assert code(events[-1].data["problem"]) == "pull-incomplete"
    events = await follow(served.client, (await pull(served.client))["id"])

    assert (events[-1].name, await names(served.client)) == ("done", [NEW, "installed:latest"])


async def test_what_cannot_be_pulled_is_a_problem_that_says_why(
    served: Served, fake: FakeOllama
) -> None:
    async def failure(model: str) -> tuple[str, int]:
        events = await follow(served.client, (await pull(served.client, model))["id"])
        told = dict(events[-1].data)
        document: Json = told["problem"]  # type: ignore[assignment] # JSON
        assert (events[-1].name, told["model"]) == ("error", model)
        return code(document), document["status"]

    unknown = await failure("nosuch:1b")
    fake.state.registry_up = False
    offline = await failure(NEW)
    fake.misbehave("/api/pull", html=True)
    garbled = await failure(NEW)

    assert (unknown, offline, garbled) == (
        ("no-such-model", 404),
        ("registry-unreachable", 503),
        ("ollama-garbled", 503),
    )


async def test_a_pull_ends_before_it_fills_the_disk(
    served: Served, fake: FakeOllama, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "models"))
    offer(fake, seconds=60, size=10**15)
    events = await follow(served.client, (await pull(served.client))["id"])
    await fake.client_left()

    document: Json = events[-1].data["problem"]  # type: ignore[assignment] # JSON
    assert (code(document), document["status"]) == ("disk-full", 507)
    assert re.search(r"does not fit: 99\d+\.0 GB are still to come", document["detail"])
    assert document["needed_bytes"] > document["free_bytes"] > 0


async def test_what_is_no_name_and_what_is_no_ollama_is_refused(
    served: Served, fake: FakeOllama
) -> None:
    client = served.client
    wrong = [
        problem(await client.post("/api/v1/models/pull", json={"model": name}))
        for name in ("", "http://10.0.0.1/evil", "../x", "a b", "x" * 300)
    ]
    strange = await client.post("/api/v1/models/pull", json={"model": NEW, "backend": "nosuch"})
    limited = body(
        await client.post("/api/v1/tokens", json={"name": "chatter", "scopes": ["chat"]}), 201
    )
    denied = await served.stranger.post(
        "/api/v1/models/pull",
        json={"model": NEW},
        headers={"Authorization": f"Bearer {limited['token']}"},
    )
    with pytest.raises(Invalid) as caught:
        ollama_of(Backend(OpenAI("http://127.0.0.1:9/v1"), name="vllm"))

    assert wrong == [(422, "invalid-fields")] * 5
    assert problem(strange) == (404, "no-such-backend")
    assert problem(denied)[0] == 403
    assert (caught.value.code, caught.value.detail.split(":")[0]) == (
        "not-an-ollama",
        "vllm is no Ollama",
    )
    assert not any(seen.path == "/api/pull" for seen in fake.requests)


async def test_a_pull_that_an_end_or_a_crash_cut_off_is_interrupted_and_goes_on_when_asked(
    tmp_path: Path, fake: FakeOllama
) -> None:
    offer(fake, seconds=20)
    async with running_agent(tmp_path, ollama_url=fake.url) as served:
        ended = await pull(served.client)
        await under_way(served.client, ended)
    await fake.client_left()
    crashed = Run("0197", "pull", RunState.RUNNING, "2026-11-21T10:00:00.000000Z")
    database = Database(tmp_path / "agent.db")
    async with database.writing() as connection:
        await Runs(connection).add(crashed)
    await database.close()
    there = fake.state.downloaded[BIG]
    offer(fake, seconds=0.1)

    async with running_agent(tmp_path, ollama_url=fake.url) as served:
        last = [(await follow(served.client, run))[-1] for run in (ended["id"], crashed.id)]
        events = await follow(served.client, (await pull(served.client))["id"])

    about = {"model": NEW, "backend": "local"}
    assert [(event.name, event.data) for event in last] == [
        ("interrupted", about),
        ("interrupted", dict.fromkeys(about)),
    ]
    assert progress(events)[1]["completed"] >= there > 0
    assert events[-1].name == "done"


async def test_without_a_server_there_is_nothing_to_pull_with(tmp_path: Path) -> None:
    async with running_agent(tmp_path, ollama_url=NOBODY) as served:
        refused = await served.client.post("/api/v1/models/pull", json={"model": NEW})

    assert problem(refused) == (503, "ollama-down")
