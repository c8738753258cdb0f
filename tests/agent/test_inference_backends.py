"""The watch over a model server that comes, goes and misbehaves."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import aiohttp  # noqa: F401 - once, before anybody's patience with a first look begins
import pytest

from agent.inference.backend import Backend, BackendState
from agent.inference.ollama import Ollama
from agent.inference.rules import ChatRequest, Message
from agent.shared.errors import OrcaError
from agent.shared.tasks import running
from tests.fakes.ollama import FakeOllama

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
Fault = dict[str, Any]  # Any: fields of the fake's Behaviour


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama(models=["tiny"]) as fake:
        yield fake


@pytest.fixture
async def backend(fake: FakeOllama) -> AsyncIterator[Backend]:
    async with Ollama(fake.url, first_byte_s=5, idle_s=5) as ollama:
        yield Backend(ollama, clock=lambda: NOON, up_every_s=0.02, down_every_s=0.02, within_s=0.3)


def is_up(state: BackendState) -> bool:
    return state.state == "up"


def is_down(state: BackendState) -> bool:
    return state.state == "down"


def question(model: str = "tiny") -> ChatRequest:
    options = {"num_ctx": 512, "num_predict": 4}
    return ChatRequest(model, (Message("user", "Hi"),), options)


async def test_nothing_is_claimed_before_the_first_look(backend: Backend, fake: FakeOllama) -> None:
    assert backend.state.to_json() == {
        "name": "local",
        "url": fake.url,
        "state": "unknown",
        "version": None,
        "since": None,
        "detail": "Not asked yet.",
        "warning": None,
    }


async def test_one_look_tells_version_models_and_memory(backend: Backend, fake: FakeOllama) -> None:
    await backend.provider.load("tiny")

    state = await backend.check_now()

    assert state.to_json() == {
        "name": "local",
        "url": fake.url,
        "state": "up",
        "version": "0.33.0-rc2",
        "since": "2026-01-31T12:00:00.000000Z",
        "detail": None,
        "warning": None,
    }
    assert [model.name for model in state.models] == ["tiny:latest"]
    assert backend.is_loaded("TINY")
    assert not backend.is_loaded("other")


async def test_the_watch_sees_ollama_go_and_come_back(
    backend: Backend, fake: FakeOllama, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "agent.inference.backend")
    async with asyncio.timeout(30), running(watch=backend.run()):
        await backend.until(is_up)
        await fake.stop()
        down = await backend.until(is_down)
        await asyncio.sleep(0.1)
        await fake.start()
        await backend.until(is_up)

    assert (down.models, down.loaded, down.version) == ((), {}, None)
    assert "Start it" in (down.detail or "")
    said = [record.getMessage().split(":")[0] for record in caplog.records]
    assert said == [
        "model server local is up",
        "model server local is down",
        "model server local is up",
    ]


async def test_a_model_that_is_pulled_or_removed_is_noticed(
    backend: Backend, fake: FakeOllama
) -> None:
    async with asyncio.timeout(30), running(watch=backend.run()):
        await backend.until(is_up)
        fake.add_model("fresh")
        await backend.until(lambda state: len(state.models) == 2)
        fake.remove_model("tiny")
        state = await backend.until(lambda state: len(state.models) == 1)

    assert [model.name for model in state.models] == ["fresh:latest"]


@pytest.mark.parametrize("path", ["/api/version", "/api/tags", "/api/ps"])
@pytest.mark.parametrize(
    "fault",
    [
        {"stall_after": 0},
        {"delay": 30},
        {"reset_after": 0},
        {"close_after": 0},
        {"garbage": True},
        {"html": True},
        {"full": True},
        {"redirect": "http://127.0.0.1:9/"},
        {"status": 500, "error": "boom"},
        {"raw_script": [(0, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull")]},
        {"raw_script": [(0, b"HTTP/1.1 200 \xff\r\n\xff: \xff\r\n\r\n{")]},
    ],
)
async def test_the_watch_outlives_every_misbehaviour(
    backend: Backend, fake: FakeOllama, fault: Fault, path: str
) -> None:
    fake.misbehave(path=path, **fault)
    async with asyncio.timeout(30), running(watch=backend.run()):
        await backend.until(is_down)
        fake.behave_well()
        state = await backend.until(is_up)

    assert state.version == "0.33.0-rc2"


async def test_one_slow_look_does_not_make_a_working_server_down(
    backend: Backend, fake: FakeOllama
) -> None:
    await backend.check_now()
    fake.misbehave(delay=9)

    once = (await backend.check_now()).state
    twice = (await backend.check_now()).state

    assert (once, twice) == ("up", "down")


async def test_a_server_that_is_slow_in_each_answer_is_up_all_the_same(
    backend: Backend, fake: FakeOllama
) -> None:
    await backend.check_now()
    fake.misbehave(delay=0.2)  # three answers together take longer than the patience for one

    state = await backend.check_now()

    assert (state.state, len(state.models)) == ("up", 1)


async def test_a_server_that_is_too_slow_is_told_from_one_that_is_not_there(
    backend: Backend, fake: FakeOllama
) -> None:
    fake.misbehave(delay=9)
    slow = await backend.check_now()
    await fake.stop()
    gone = await backend.check_now()

    assert [(slow.state, slow.is_slow), (gone.state, gone.is_slow)] == [
        ("down", True),
        ("down", False),
    ]


async def test_a_server_that_streams_is_not_down_however_slow_its_lists(
    backend: Backend, fake: FakeOllama
) -> None:
    await backend.check_now()
    fake.full_speed(10_000, pace=100)
    fake.misbehave(path="/api/version", delay=9)
    is_heard = asyncio.Event()

    async def listen() -> None:
        async with aclosing(backend.chat(question())) as stream:
            async for _ in stream:
                is_heard.set()

    async with running(listening=listen()):
        await is_heard.wait()
        states = {(await backend.check_now()).state for _ in range(3)}

    assert states == {"up"}


async def test_an_answer_tells_that_its_model_is_loaded(backend: Backend) -> None:
    await backend.check_now()
    before = backend.is_loaded("tiny")
    async for _ in backend.chat(question()):
        break

    assert (before, backend.is_loaded("tiny:latest")) == (False, True)


async def test_a_refused_connection_is_known_before_the_next_look(
    backend: Backend, fake: FakeOllama
) -> None:
    await backend.check_now()
    await fake.stop()

    with pytest.raises(OrcaError, match="does not answer"):
        await anext(backend.chat(question()))

    assert backend.state.state == "down"


async def test_an_unsafe_version_is_warned_about(backend: Backend, fake: FakeOllama) -> None:
    body = b'{"version":"0.17.0"}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    fake.misbehave(path="/api/version", raw_script=[(0, answer)])

    warning = (await backend.check_now()).warning

    assert warning is not None
    assert "CVE-2026-7482" in warning


async def test_leaving_a_chat_through_the_backend_closes_the_connection(
    backend: Backend, fake: FakeOllama
) -> None:
    fake.full_speed(100_000, pace=50)
    async with aclosing(backend.chat(question())) as stream:
        await anext(stream)

    assert len(await fake.client_left()) == 1
