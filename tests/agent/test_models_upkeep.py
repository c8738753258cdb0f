"""Models into memory, out of it and off the disk; and servers that move or fall silent."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.inference.backend import Backend
from agent.inference.ollama import Ollama
from agent.inference.rules import Batch, ChatRequest, Message
from agent.models.service import ModelService
from agent.shared.clock import from_rfc3339
from agent.shared.errors import NotFound, OrcaError
from tests.agent.ollama_program import QUICK, a_free_port, until
from tests.agent.talking import MODEL, body, opened, post, problem
from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama_binary import OllamaProgram
from tests.serving import Served, running_agent
from tests.sse import follow

Json = dict[str, Any]  # Any: JSON values
POSIX = pytest.mark.skipif(os.name != "posix", reason="the test double is a shell script")
SHARED = "hhao/qwen2.5-coder-tools:32b"


async def do(client: httpx.AsyncClient, name: str, verb: str, **asked: object) -> Json:
    """Load or unload."""
    sent = {"json": asked} if asked else {}
    return body(await client.post(f"/api/v1/models/{name}/{verb}", **sent))  # type: ignore[arg-type] # httpx's own


def asked(fake: FakeOllama, path: str) -> list[object]:
    return [seen.body for seen in fake.requests if seen.path == path]


async def to_its_end(answer: AsyncGenerator[Batch, None]) -> None:
    async with aclosing(answer):
        async for _ in answer:
            pass


# --- into memory and out of it ----------------------------------------------------------------


async def test_defect_5_a_warm_up_loads_by_an_empty_generate_with_keep_alive_and_pulls_nothing(
    served: Served, fake: FakeOllama
) -> None:
    before = datetime.now(UTC)
    loaded = await do(served.client, MODEL, "load", keep_alive="10m")
    context = fake.state.scheduler.loaded()[0].context
    listed = body(await served.client.get("/api/v1/models"))["items"]

    assert asked(fake, "/api/generate") == [
        {"model": MODEL, "keep_alive": "10m", "options": {"num_ctx": 8192}}
    ]
    assert asked(fake, "/api/pull") == []
    assert (fake.loaded, context) == ([MODEL], 8192)
    left = from_rfc3339(loaded["expires_at"]) - before
    assert timedelta(minutes=9) < left < timedelta(minutes=11)
    assert (loaded["loaded"], loaded["loaded_bytes"], loaded["vram_bytes"]) == (
        True,
        2_750_000_000,
        0,
    )
    assert [one for one in listed if one["name"] == MODEL] == [loaded]
    assert {one["loaded_bytes"] for one in listed if not one["loaded"]} == {None}


async def test_an_answer_finds_the_model_as_it_was_warmed_up(
    served: Served, fake: FakeOllama
) -> None:
    await do(served.client, MODEL, "load")
    runner = fake.state.scheduler.loaded()[0]
    conversation = await opened(served.client, model=MODEL)
    posted = body(await post(served.client, conversation["id"]), 202)
    await fake.saw(path="/api/chat")
    await served.client.post(f"/api/v1/runs/{posted['run']['id']}/cancel")

    assert fake.state.scheduler.loaded() == [runner]  # the very same: not read in once more


async def test_a_keep_alive_without_a_unit_reaches_ollama_as_the_number_that_it_wants(
    tmp_path: Path, fake: FakeOllama
) -> None:
    async with running_agent(tmp_path, ollama_url=fake.url, keep_alive="-1") as served:
        await served.agent.backend.until(lambda state: state.is_up)
        loaded = await do(served.client, "short", "load")
        native = {"model": "short", "prompt": "Why?", "raw": True, "stream": False}
        answered = await served.client.post("/ollama/api/generate", json=native)
        conversation = await opened(served.client, model="short")
        posted = body(await post(served.client, conversation["id"]), 202)
        last = (await follow(served.client, posted["run"]["id"]))[-1]

    told = [
        seen.body["keep_alive"]
        for seen in fake.requests
        if seen.method == "POST" and "keep_alive" in seen.body
    ]
    assert (answered.status_code, last.name, loaded["expires_at"] > "2300") == (200, "done", True)
    assert told == [-1] * 3


async def test_a_model_goes_out_of_memory_and_one_that_is_not_there_is_fine(
    served: Served, fake: FakeOllama
) -> None:
    for name in (MODEL, "emb"):
        loaded = await do(served.client, name, "load", keep_alive=-1)
        first = await do(served.client, name, "unload")
        second = await do(served.client, name, "unload")

        assert [one["loaded"] for one in (loaded, first, second)] == [True, False, False]
    assert fake.loaded == []


async def test_a_keep_alive_that_is_none_is_refused(served: Served, fake: FakeOllama) -> None:
    path = f"/api/v1/models/{MODEL}/load"
    told = [
        problem(await served.client.post(path, json={"keep_alive": keep_alive}))
        for keep_alive in ("0", 0, "0s", "soon", -5, True, 1.5, "")
    ]

    assert told == [(422, "invalid-fields")] * 8
    assert asked(fake, "/api/generate") == []


async def test_what_is_not_installed_is_neither_loaded_nor_deleted(served: Served) -> None:
    client = served.client
    told = [
        await client.post("/api/v1/models/nosuch/load"),
        await client.post("/api/v1/models/a/b/nosuch:1b/unload"),
        await client.delete("/api/v1/models/nosuch"),
        await client.delete(f"/api/v1/models/{MODEL}", params={"backend": "elsewhere"}),
    ]

    assert [problem(one) for one in told] == [
        *[(404, "model-not-found")] * 3,
        (404, "no-such-backend"),
    ]


# --- off the disk -----------------------------------------------------------------------------


async def test_a_model_in_use_is_not_deleted_unless_one_insists(
    served: Served, fake: FakeOllama
) -> None:
    client = served.client
    fake.misbehave("/api/chat", MODEL, stall_after=1)
    for named in (MODEL.upper(), MODEL):
        conversation = await opened(client, model=named)
    posted = body(await post(client, conversation["id"]), 202)
    await fake.saw(path="/api/chat")
    refused = await client.delete(f"/api/v1/models/{MODEL}")
    forced = await client.delete(f"/api/v1/models/{MODEL}", params={"force": "true"})
    gone = await client.get(f"/api/v1/models/{MODEL}")
    await client.post(f"/api/v1/runs/{posted['run']['id']}/cancel")

    assert problem(refused) == (409, "model-in-use")
    told = refused.json()
    assert told["detail"] == (
        f"{MODEL} is in use: 1 answer is being written and 2 conversations name it. To delete it "
        "all the same, say force=true."
    )
    assert (told["requests"], told["conversations"], told["pulling"]) == (1, 2, False)
    assert (forced.status_code, forced.content, problem(gone)) == (
        204,
        b"",
        (404, "model-not-found"),
    )
    assert asked(fake, "/api/delete") == [{"model": MODEL}]


async def test_a_model_that_is_deleted_leaves_the_memory_as_well(
    served: Served, fake: FakeOllama
) -> None:
    fake.add_model(SHARED)
    await do(served.client, SHARED, "load")
    deleted = await served.client.delete(f"/api/v1/models/{SHARED}")
    listed = body(await served.client.get("/api/v1/models"))["items"]

    assert (deleted.status_code, fake.loaded) == (204, [])
    assert SHARED not in {one["name"] for one in listed}


# --- several servers --------------------------------------------------------------------------


@pytest.fixture
async def other() -> AsyncIterator[FakeOllama]:
    async with FakeOllama(models=["short", "emb"]) as other:
        yield other


async def test_of_two_servers_with_the_same_model_the_one_that_is_named_is_meant(
    fake: FakeOllama, other: FakeOllama
) -> None:
    async with Ollama(fake.url) as first, Ollama(other.url) as second:
        backends = [Backend(first, name="near"), Backend(second, name="far")]
        for one in backends:
            await one.check_now()
        models = ModelService(backends)
        found = [(await models.details("short", backend=name)).backend for name in (None, "far")]
        with pytest.raises(NotFound):
            await models.details(MODEL, backend="far")

    assert found == ["near", "far"]


async def test_a_server_that_moves_is_followed_at_once(fake: FakeOllama, other: FakeOllama) -> None:
    async with Ollama(fake.url) as ollama:
        backend = Backend(ollama, up_every_s=60, down_every_s=60)
        watch = asyncio.get_running_loop().create_task(backend.run())
        await backend.until(lambda state: state.is_up)
        ollama.move_to(other.url)
        backend.has_moved()
        unknown = backend.state
        async with asyncio.timeout(2):
            moved = await backend.until(lambda state: state.is_up)
        watch.cancel()

    assert (unknown.state, unknown.url, unknown.models) == ("unknown", other.url, ())
    assert {model.name for model in moved.models} == {"short:latest", "emb:latest"}


async def test_what_is_said_of_the_old_address_while_it_moves_is_not_believed(
    fake: FakeOllama, other: FakeOllama
) -> None:
    fake.misbehave("/api/tags", delay=0.1)
    async with Ollama(fake.url) as ollama:
        backend = Backend(ollama)
        check = asyncio.get_running_loop().create_task(backend.check_now())
        await fake.saw(path="/api/tags")
        ollama.move_to(other.url)
        backend.has_moved()
        await fake.stop()
        late = await check

    assert (late.state, late.url) == ("unknown", other.url)


@pytest.mark.parametrize(
    ("misbehaviour", "patience", "code"),
    [
        ({"stall_after": 1}, {"idle_s": 0.1}, "ollama-stalled"),
        ({"delay": 30}, {"first_byte_s": 0.1}, "ollama-too-slow"),
    ],
)
async def test_a_model_that_falls_silent_is_told_to_whoever_runs_the_server(
    fake: FakeOllama, misbehaviour: Json, patience: Json, code: str
) -> None:
    told: list[str] = []
    fake.misbehave("/api/chat", **misbehaviour)
    async with Ollama(fake.url, **patience) as ollama:
        backend = Backend(ollama)
        backend.on_silence = lambda: told.append("silence")
        request = ChatRequest(
            "short", (Message("user", "Why?"),), {"num_ctx": 512, "num_predict": 64}
        )
        with pytest.raises(OrcaError) as caught:
            await to_its_end(backend.chat(request))

    assert (caught.value.code, told) == (code, ["silence"])
    assert backend.requests_of("short") == 0


@POSIX
@pytest.mark.slow
@pytest.mark.timeout(30)
async def test_the_agent_starts_its_own_ollama_anew_when_a_model_falls_silent(
    tmp_path: Path,
) -> None:
    program, url = OllamaProgram(tmp_path / "bin"), f"http://127.0.0.1:{a_free_port()}"
    async with running_agent(
        tmp_path / "data",
        ollama_url=url,
        manage_ollama="auto",
        ollama_binary=program.path,
        pace=QUICK,
    ) as served:
        before = await until(served.agent.runtime, "running")
        served.agent.backend.on_silence()
        after = await until(served.agent.runtime, "running", restarts=1)

    assert (before.url, after.url, after.restarts) == (url, url, 1)
    assert before.pid != after.pid


@POSIX
@pytest.mark.slow
@pytest.mark.timeout(30)
async def test_the_agent_follows_its_own_ollama_to_another_port(tmp_path: Path) -> None:
    program = OllamaProgram(tmp_path / "bin")
    url = f"http://127.0.0.1:{a_free_port()}"
    async with running_agent(
        tmp_path / "data",
        ollama_url=url,
        manage_ollama="auto",
        ollama_binary=program.path,
        pace=replace(QUICK, first_wait_s=0.5),
    ) as served:
        before = await until(served.agent.runtime, "running")
        first = await served.agent.backend.until(lambda state: state.is_up)
        os.kill(before.pid or 0, signal.SIGKILL)
        await until(served.agent.runtime, "waiting")
        async with await asyncio.start_server(greet, "127.0.0.1", before.port):
            after = await until(served.agent.runtime, "running", restarts=1)
            second = await served.agent.backend.until(
                lambda state: state.is_up and state.url == after.url
            )

    assert (first.url, second.url != url) == (url, True)


async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Some other program that has the port."""
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    writer.close()
