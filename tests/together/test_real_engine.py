"""llama.cpp's server behind the OpenAI provider. What its model says is nonsense; how it is
streamed, stopped and shared is not."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from agent.inference.openai import OpenAI
from agent.inference.rules import ChatRequest, EmbedRequest, Finish, Frame, Message
from agent.shared import errors
from agent.shared.errors import OrcaError
from tests.agent.ollama_program import a_free_port
from tests.agent.talking import ask, body, opened
from tests.fakes import tiny_gguf
from tests.fakes.tiny_gguf import Size
from tests.serving import http, running_agent

METHOD = "signal" if os.name == "posix" else "thread"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(60, method=METHOD)]
ROOT = Path(__file__).parents[2]
LONG = 1900


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with one model, four answers at a time."""
    file = tmp_path_factory.mktemp("engine") / "tiny.gguf"
    tiny_gguf.write(file, size=Size(width=256, layers=8))  # a LONG answer of it takes seconds
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.engine", file, str(a_free_port())],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.kill()
        process.communicate(timeout=30)


@pytest.fixture
async def server(engine: str) -> AsyncIterator[OpenAI]:
    async with OpenAI(engine, first_byte_s=20, idle_s=20) as server:
        yield server


def asked(tokens: int, said: str = "Why does PETG string?", **more: object) -> ChatRequest:
    options = {"num_ctx": 2048, "num_predict": tokens, "temperature": 0.8, "seed": 3}
    return ChatRequest("tiny", (Message("user", said),), options, **more)  # type: ignore[arg-type] # a test's own words


async def answered(server: OpenAI, request: ChatRequest) -> tuple[str, Finish]:
    frames = [frame for batch in [b async for b in server.chat(request)] for frame in batch]
    finish = frames[-1]
    assert isinstance(finish, Finish)
    return "".join(frame.text for frame in frames if isinstance(frame, Frame)), finish


async def figures(engine: str) -> dict[str, float]:
    """What the engine counts."""
    async with http() as client:
        text = (await client.get(f"{engine}/metrics")).text
    found = re.findall(r"^llamacpp:(\w+) ([\d.e+]+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


async def idle(engine: str) -> dict[str, float]:
    """What it counts once nothing is asked of it. Raises TimeoutError."""
    async with asyncio.timeout(30):
        while True:
            found = await figures(engine)
            if not found["requests_processing"]:
                return found
            await asyncio.sleep(0.02)


async def test_an_answer_is_streamed_counted_and_the_same_again(
    engine: str, server: OpenAI
) -> None:
    batches = [batch async for batch in server.chat(asked(200))]
    async with OpenAI(engine, first_byte_s=20, idle_s=20) as another:  # it ends idle connections
        text, finish = await answered(another, asked(200))

    assert len(batches) > 1
    assert (finish.reason, finish.usage.completion_tokens) == ("length", 200)
    assert finish.usage.tokens_per_second > 0
    assert text == "".join(f.text for batch in batches for f in batch if isinstance(f, Frame))


async def test_leaving_stops_the_engine(engine: str, server: OpenAI) -> None:
    before = await figures(engine)
    async with aclosing(server.chat(asked(LONG))) as stream:
        await anext(stream)

    after = await idle(engine)
    made = after["tokens_predicted_total"] - before["tokens_predicted_total"]
    assert made < LONG / 2


async def test_four_answers_are_written_at_a_time(engine: str, server: OpenAI) -> None:
    requests = [asked(400, f"Number {number}: which bed?") for number in range(4)]
    before = await figures(engine)
    async with asyncio.TaskGroup() as group:
        answers = [group.create_task(answered(server, request)) for request in requests]
    after = await figures(engine)

    assert [answer.result()[1].usage.completion_tokens for answer in answers] == [400] * 4
    decodes = after["n_decode_total"] - before["n_decode_total"]
    assert decodes < 4 * 400 / 2  # most steps of the engine served several of them


async def test_what_the_engine_tells_of_itself_is_understood(server: OpenAI) -> None:
    shown = await server.show("Tiny")
    refusals: list[tuple[type[OrcaError], str]] = []
    seeing = Message("user", "See?", images=("iVBORw0KGgo=",))
    for request in (
        asked(9, "word " * 4000),
        ChatRequest("tiny", (seeing,), {"num_ctx": 512, "num_predict": 9}),
    ):
        with pytest.raises(OrcaError) as caught:
            await answered(server, request)
        refusals.append((type(caught.value), caught.value.code))
    with pytest.raises(OrcaError) as no_vectors:
        await server.embed(EmbedRequest("tiny", ("a",)))

    assert (shown.capabilities, shown.context_length) == (("completion", "tools"), 2048)
    assert refusals == [
        (errors.Invalid, "context-exceeded"),
        (errors.Invalid, "no-vision"),
    ]
    assert "does not support embeddings" in no_vectors.value.detail


async def test_a_schema_binds_even_this_model(server: OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"dry": {"type": "boolean"}, "bed": {"enum": ["hot", "cold"]}},
        "required": ["dry", "bed"],
        "additionalProperties": False,
    }

    text, finish = await answered(server, asked(600, format=schema))

    found = json.loads(text)
    assert finish.reason == "stop"
    assert isinstance(found["dry"], bool)
    assert found["bed"] in {"hot", "cold"}


async def test_four_conversations_of_the_agent_are_answered_by_it(
    engine: str, tmp_path: Path
) -> None:
    async with running_agent(tmp_path, answer_tokens=64, guide=False) as served:
        about = {"name": "engine", "provider": "openai", "url": engine}
        body(await served.client.post("/api/v1/backends", json=about), 201)
        conversations = [await opened(served.client, model="tiny") for _ in range(4)]
        async with asyncio.TaskGroup() as group:
            talks = [
                group.create_task(ask(served.client, conversation["id"]))
                for conversation in conversations
            ]

    ended = [talk.result() for talk in talks]
    assert [talk.events[-1].name for talk in ended] == ["done"] * 4
    assert {talk.first("started")["backend"] for talk in ended} == {"engine"}
    assert {talk.last["usage"]["completion_tokens"] for talk in ended} == {64}
