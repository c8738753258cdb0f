"""Runs of several replicas: seen and stopped from each, and ended by another if theirs dies."""

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from hub.identity.service import NewAccount
from tests.fakes.ollama import FakeOllama
from tests.hub.asking import Json, code, fakes, streamed, text_of
from tests.hub.postgres import Postgres
from tests.hub.replicas import Program, replica
from tests.hub.serving import PASSWORD, Served, running_hub
from tests.serving import http

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    pytest.mark.timeout(120),
]
SLOW: Json = {"messages": [{"role": "user", "content": "hi"}], "model": "qwen3:4b"}


@dataclass(slots=True)
class Two:
    """One hub in this program, and more as processes of their own."""

    here: Served
    environment: dict[str, str]
    folder: Path
    near: FakeOllama
    bob: httpx.AsyncClient


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Two]:
    folder: Path = tmp_path_factory.mktemp("two")
    async with AsyncExitStack() as stack:
        near, _ = await stack.enter_async_context(fakes())
        environment = {
            "ORCA_HUB_DATABASE_URL": server.new_database(),
            "ORCA_HUB_SECRET_KEY": secrets.token_urlsafe(48),
            "ORCA_HUB_OLLAMA_URLS": near.url,
        }
        here = await stack.enter_async_context(
            running_hub(folder / "here", environment=environment)
        )
        await here.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        await here.hub.local.add(NewAccount("bob", PASSWORD))
        yield Two(here, environment, folder, near, await here.signed_in("bob"))


@asynccontextmanager
async def signed_in(there: Program, name: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at another replica."""
    async with http(base_url=f"{there.url}/api/v1", headers={"Origin": there.url}) as client:
        answer = await client.post("/auth/login", json={"username": name, "password": PASSWORD})
        assert answer.status_code == 204, answer.text
        yield client


async def begun(two: Two, client: httpx.AsyncClient) -> str:
    """A run that has said something, which is written down, and then waits."""
    run_id = await asked(client, two.near)
    query = text("SELECT count(*) FROM run_segment WHERE run_id = :id AND last_seq > 1")
    async with asyncio.timeout(20):
        while True:
            async with two.here.hub.core.database.reading() as connection:
                if (await connection.execute(query, {"id": run_id})).scalar_one():
                    return run_id
            await asyncio.sleep(0.02)


async def asked(client: httpx.AsyncClient, near: FakeOllama) -> str:
    """A run whose server says five tokens, and then waits."""
    before = len(near.requests)
    near.misbehave(path="/api/chat", stall_after=5, times=1)
    answer = await client.post("/ai/chat", json=SLOW)
    assert answer.status_code == 202, answer.text
    await near.until(
        lambda: any(
            one.path == "/api/chat" and one.frames_sent == 5 for one in near.requests[before:]
        )
    )
    run_id: str = answer.json()["run_id"]
    return run_id


async def test_a_run_is_followed_and_stopped_from_another_replica(two: Two) -> None:
    with replica(two.folder / "b", two.environment) as there:
        async with signed_in(there, "bob") as bob, signed_in(there, "ada") as ada:
            run_id = await begun(two, bob)
            following = asyncio.ensure_future(streamed(two.bob, f"/runs/{run_id}/events"))
            seen = await _until(two.bob, run_id, "running")
            hers = await ada.post("/ai/chat", json=SLOW)
            refused = await two.bob.post(f"/runs/{hers.json()['run_id']}/cancel")
            stopped = await two.bob.post(f"/runs/{run_id}/cancel")
            events = await following
            again = await streamed(bob, f"/runs/{run_id}/events", behind=2)

    two.near.behave_well()
    assert (seen["state"], stopped.json()["state"]) == ("running", "cancelled")
    assert code(refused) == (404, "no-such-run")
    assert [one.seq for one in events] == list(range(1, len(events) + 1))
    assert (events[-1].name, text_of(events) != "") == ("cancelled", True)
    assert again == events[2:]


async def test_the_runs_of_a_killed_replica_end_as_interrupted_with_their_text(two: Two) -> None:
    with replica(two.folder / "c", two.environment) as there:
        async with signed_in(there, "bob") as bob:
            run_id = await begun(two, bob)
            following = asyncio.ensure_future(streamed(two.bob, f"/runs/{run_id}/events"))
            there.kill()
            events = await following

    run = (await two.bob.get(f"/runs/{run_id}")).json()
    two.near.behave_well()
    result = events[-1].data["result"]
    assert isinstance(result, dict)
    assert (run["state"], run["last_seq"]) == ("interrupted", len(events))
    assert [one.seq for one in events] == list(range(1, len(events) + 1))
    assert (events[-1].name, result["content"]) == ("interrupted", text_of(events))
    assert text_of(events)


async def test_a_replica_that_ends_tells_its_readers_at_once(two: Two) -> None:
    with replica(two.folder / "d", two.environment) as there:
        async with signed_in(there, "bob") as bob:
            run_id = await begun(two, bob)
            reads = asyncio.Event()
            reading = streamed(bob, f"/runs/{run_id}/events", has_begun=reads)
            following = asyncio.ensure_future(reading)
            await asyncio.wait_for(reads.wait(), 20)
            ended = await asyncio.to_thread(there.end)
            events = await following

    two.near.behave_well()
    assert (ended, events[-1].name) == (0, "interrupted")


async def test_what_is_kept_of_a_run_is_what_its_reader_saw(two: Two) -> None:
    seen = await streamed(two.bob, "/ai/chat", SLOW)
    run_id = (await two.bob.get("/runs")).json()["items"][0]["id"]

    kept = await streamed(two.bob, f"/runs/{run_id}/events")
    run = (await two.bob.get(f"/runs/{run_id}")).json()

    assert kept == seen
    assert (run["state"], run["last_seq"], run["problem"]) == ("done", len(seen), None)
    assert (run["model"], run["provider"]) == ("qwen3:4b", "ollama")
    assert run["usage"] == seen[-1].data["usage"]
    assert run["created_at"] <= run["started_at"] <= run["ended_at"]


async def test_a_run_that_was_taken_away_is_not_ended_by_who_had_it(two: Two) -> None:
    run_id = await begun(two, two.bob)
    following = asyncio.ensure_future(streamed(two.bob, f"/runs/{run_id}/events"))

    async with two.here.hub.core.database.writing() as connection:
        taking = text("UPDATE run SET replica = 'gone' WHERE id = :id")
        await connection.execute(taking, {"id": run_id})
    two.near.behave_well()
    await two.bob.post(f"/runs/{run_id}/cancel")
    events = await following

    # Nobody has the replica `gone`: the next one that looks ends what it left.
    assert [one.seq for one in events] == list(range(1, len(events) + 1))
    assert (events[-1].name, text_of(events) != "") == ("interrupted", True)
    assert (await two.bob.get(f"/runs/{run_id}")).json()["state"] == "interrupted"


async def test_what_is_set_on_one_replica_holds_on_the_others(two: Two) -> None:
    ada = await two.here.signed_in("ada")
    with replica(two.folder / "e", two.environment) as there:
        async with signed_in(there, "bob") as bob:
            rule = {"subject_kind": "everybody", "models": []}
            await ada.put("/policy", json={"rules": [rule]})
            async with asyncio.timeout(10):
                await _until_nothing_is_there(bob)
            refused = await bob.post("/ai/chat", json=SLOW)
            await ada.put("/policy", json={"rules": []})

    assert code(refused) == (403, "not-allowed-here")


async def _until(client: httpx.AsyncClient, run_id: str, state: str) -> Json:
    async with asyncio.timeout(20):
        while True:
            run: Json = (await client.get(f"/runs/{run_id}")).json()
            if run["state"] == state:
                return run
            await asyncio.sleep(0.02)


async def _until_it_is_written(file: Path, run_id: str) -> None:
    """What is told lies in the file a quarter of a second later."""
    query = "SELECT count(*) FROM run_segment WHERE run_id = ? AND last_seq > 1"
    while True:
        with closing(sqlite3.connect(file)) as connection:
            if connection.execute(query, (run_id,)).fetchone()[0]:
                return
        await asyncio.sleep(0.02)


async def _counted(client: httpx.AsyncClient) -> Json:
    """What was used, once that of one request is there."""
    async with asyncio.timeout(10):
        while True:
            total: Json = (await client.get("/usage")).json()["total"]
            if total["requests"]:
                return total
            await asyncio.sleep(0.02)


async def _until_nothing_is_there(client: httpx.AsyncClient) -> None:
    while True:
        if not (await client.get("/ai/models")).json()["items"]:
            return
        await asyncio.sleep(0.05)


async def test_a_hub_on_a_file_finds_what_its_crash_cut_off(tmp_path: Path) -> None:
    async with fakes() as (near, _):
        environment = {"ORCA_HUB_OLLAMA_URLS": near.url}
        async with running_hub(tmp_path / "data", environment=environment) as first:
            await first.hub.local.add(NewAccount("bob", PASSWORD))
        with replica(tmp_path, environment) as there:
            async with signed_in(there, "bob") as bob:
                run_id = await asked(bob, near)
                async with asyncio.timeout(20):
                    await _until_it_is_written(tmp_path / "data" / "hub.db", run_id)
                there.kill()
        with replica(tmp_path, environment) as again:
            async with signed_in(again, "bob") as bob:
                run = await _until(bob, run_id, "interrupted")
                events = await streamed(bob, f"/runs/{run_id}/events")
                used = await _counted(bob)
        near.behave_well()

    result = events[-1].data["result"]
    assert isinstance(result, dict)
    assert (run["last_seq"], events[-1].name) == (len(events), "interrupted")
    assert result["content"] == text_of(events) != ""
    assert (run["usage"]["is_estimate"], run["usage"]["completion_tokens"]) == (
        True,
        used["answer_tokens"],
    )
    assert used["answer_tokens"] > 0
