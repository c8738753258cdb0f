"""The file: many writers, a full disk, one owner, and indexes that stay true."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.agent.program import program
from tests.agent.soundness import faults
from tests.agent.talking import Json, ask, body, code, every, messages, opened, post, problem
from tests.agent.test_chat_search import LIST, file
from tests.agent.test_images import noise
from tests.clock import MovingClock
from tests.fakes.ollama import FakeOllama
from tests.serving import Served, running_agent
from tests.sse import events_of, follow, text_of


@pytest.mark.timeout(40)
@pytest.mark.slow
async def test_fifty_writers_at_once_all_write(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as served:

        async def write(number: int) -> str:
            conversation = await opened(served.client, title=f"T{number}")
            talk = await ask(served.client, conversation["id"], "Why does PETG string?")
            path = f"{LIST}/{conversation['id']}"
            body(await served.client.patch(path, json={"pinned": True}))
            return talk.events[-1].name

        ended = await asyncio.gather(*(write(number) for number in range(50)))
        shown = await every(served.client, LIST)

    assert ended == ["done"] * 50
    assert sorted(one["title"] for one in shown) == sorted(f"T{number}" for number in range(50))
    assert {one["message_count"] for one in shown} == {2}
    assert faults(tmp_path / "data" / "agent.db") == []


async def test_the_indexes_follow_every_change(tmp_path: Path, fake: FakeOllama) -> None:
    clock = MovingClock()
    async with running_agent(tmp_path / "data", ollama_url=fake.url, clock=clock) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        client = served.client
        files = [file(number, f"T{number}", "gantry", "nozzle") for number in range(30)]
        body(await client.post(f"{LIST}/import", json={"conversations": files}))
        one = await opened(client)
        await ask(client, one["id"], "Why?")
        await client.patch(f"{LIST}/{one['id']}", json={"title": "Renamed"})
        await client.patch(f"{LIST}/{one['id']}", json={"title": ""})
        fake.misbehave(path="/api/chat", die_after=0)
        await ask(client, one["id"], "Again?")
        for gone in files[:20]:
            await client.delete(f"{LIST}/{gone['conversation']['id']}")
        clock.passes(days=8)
        await served.agent.tidy()
        left = await every(client, LIST, q="gantry")

    assert len(left) == 10
    assert faults(tmp_path / "data" / "agent.db") == []


async def test_old_events_are_forgotten_and_the_messages_are_not(tmp_path: Path) -> None:
    clock = MovingClock()
    async with running_agent(tmp_path / "data", clock=clock) as served:
        conversation = await opened(served.client)
        talk = await ask(served.client, conversation["id"])
        clock.passes(days=7.1)
        await served.agent.tidy()
        await served.agent.tidy()

        left = await follow(served.client, talk.run["id"])
        told = await messages(served.client, conversation["id"])
        later = await follow(served.client, talk.run["id"], after=talk.events[-1].seq)

    assert left == talk.events[-1:]
    assert told == [talk.message, talk.answer]
    assert later == []


async def test_files_belong_to_their_owner_alone(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as served:
        await ask(served.client, (await opened(served.client))["id"])
        files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
        modes = {path.name: path.stat().st_mode & 0o077 for path in files}

    assert {"agent.db", "agent.db-wal", "agent.db-shm", "token"} <= modes.keys()
    assert set(modes.values()) == {0}


# --- one owner ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(40)
def test_a_second_program_on_the_same_folder_does_not_start(tmp_path: Path) -> None:
    with program(tmp_path / "data") as one:
        first = one.serve()

        second = one.orca("serve", "--no-browser")

        assert (second.returncode, second.stderr) == (0, "")
        assert "The agent runs already." in second.stdout
        assert first.url in second.stdout


# --- a full disk --------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    done = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(place)],
            capture_output=True,
            check=False,
        )
        if os.name == "posix" and os.geteuid() == 0
        else None
    )
    if done is None or done.returncode:
        pytest.skip("a disk of its own needs root and mount")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> Path:
    """Leaves not a byte free."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as out:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while True:
                    out.write(b"\0" * size)
            except OSError:
                continue
    return filler


@pytest.fixture
async def cramped(small_disk: Path, fake: FakeOllama) -> AsyncIterator[Served]:
    async with running_agent(small_disk / "data", ollama_url=fake.url) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        yield served


@pytest.mark.timeout(40)
async def test_a_full_disk_is_told_and_loses_nothing_that_was_acknowledged(
    cramped: Served, small_disk: Path
) -> None:
    client = cramped.client
    conversation = await opened(client, title="Before")
    before = await ask(client, conversation["id"], "Why?")
    filler = fill(small_disk)

    kept: list[httpx.Response] = []
    refused: list[httpx.Response] = []
    for number in range(200):
        reply = await client.post(LIST, json={"title": f"T{number}", "system": "x" * 4000})
        (kept if reply.status_code == 201 else refused).append(reply)
    asked = await post(client, conversation["id"], "Full?")
    image = await client.post(
        "/api/v1/images", files={"file": ("a.png", noise("PNG"), "image/png")}
    )
    read = await messages(client, conversation["id"])
    ready = await client.get("/api/v1/health/ready")
    filler.unlink()
    after = await ask(client, conversation["id"], "And now?")
    shown = await every(client, LIST)

    assert len(refused) > 100
    assert {problem(reply) for reply in [*refused, asked, image]} == {(507, "disk-full")}
    assert "full" in refused[0].json()["detail"]
    assert read == [before.message, before.answer]
    assert ready.status_code == 200
    assert after.events[-1].name == "done"
    assert sorted(one["title"] for one in shown) == sorted(
        ["Before", *(reply.json()["title"] for reply in kept)]
    )


@pytest.mark.timeout(40)
async def test_an_answer_on_a_full_disk_ends_with_an_error_and_keeps_its_text(
    cramped: Served, small_disk: Path, fake: FakeOllama
) -> None:
    client = cramped.client
    fake.misbehave(path="/api/chat", text="word " * 40, pace=40)
    conversation = await opened(client)
    run = body(await post(client, conversation["id"]), 202)["run"]
    seen = []
    async with client.stream("GET", f"/api/v1/runs/{run['id']}/events") as reply:
        filler: Path | None = None
        async for event in events_of(reply):
            seen.append(event)
            if event.name == "token" and filler is None:
                filler = fill(small_disk)
                await _until_full(client)
    assert filler is not None
    full = body(await client.get(f"/api/v1/runs/{run['id']}"))
    meanwhile = await post(client, conversation["id"], "And?")
    filler.unlink()
    async with asyncio.timeout(30):
        while (await client.get(f"/api/v1/runs/{run['id']}")).json()["ended_at"] is None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)  # nobody is told when space is found again

    answer = (await messages(client, conversation["id"]))[-1]
    closing: Json = dict(seen[-1].data)
    assert (seen[-1].name, code(closing["problem"])) == ("error", "disk-full")
    assert (full["state"], full["problem"]) == ("failed", closing["problem"])
    assert problem(meanwhile) == (409, "still-answering")
    assert meanwhile.json()["detail"].startswith("The last answer could not be saved yet")
    assert meanwhile.json()["detail"].endswith(closing["problem"]["detail"])
    assert text_of(seen) == answer["content"] == "word " * 40
    assert (answer["status"], answer["problem"]) == ("failed", closing["problem"])
    assert await follow(client, run["id"]) == seen


async def _until_full(client: httpx.AsyncClient) -> None:
    """Uses up what room the database's own file still has."""
    for _ in range(1000):
        reply = await client.post(LIST, json={"system": "x" * 3000})
        if reply.status_code == 507:
            small = await client.post(LIST, json={})
            if small.status_code == 507:
                return
    raise AssertionError("the disk is not full")


@pytest.mark.slow
@pytest.mark.timeout(40)
async def test_a_folder_on_a_full_disk_stops_the_start_with_a_sentence(small_disk: Path) -> None:
    folder = small_disk / "data"
    folder.mkdir()
    filler = fill(small_disk)
    with program(folder) as one:
        ended = one.orca("serve", "--no-browser")
        filler.unlink()
        later = one.serve()

    assert ended.returncode in {1, 2}
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) <= 2
    assert later.url.startswith("http://127.0.0.1:")
