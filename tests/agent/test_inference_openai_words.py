"""What OpenAI-shaped servers are asked, and what they tell of their models."""

from base64 import b64encode
from collections.abc import AsyncIterator
from struct import pack

import pytest

from agent.inference.openai import OpenAI
from agent.inference.openai_request import chat_fields
from agent.inference.rules import EmbedRequest, Message, ToolCall
from agent.shared import errors
from agent.shared.errors import OrcaError
from tests.agent.openai_talk import (
    DONE,
    KEY,
    Fault,
    answered,
    asked,
    event,
    refuses,
    said,
    streams,
)
from tests.fakes.ollama import FakeOllama


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as fake:
        fake.add_model("talker", words=[" piece"] * 12)
        yield fake


@pytest.fixture
async def server(fake: FakeOllama) -> AsyncIterator[OpenAI]:
    async with OpenAI(fake.url, key=KEY, first_byte_s=5, idle_s=5) as client:
        yield client


async def test_a_request_is_said_in_openais_words(fake: FakeOllama, server: OpenAI) -> None:
    options = {"temperature": 0, "seed": 7, "stop": ["x"], "top_k": 9, "min_p": 0.1, "num_gpu": 1}
    tool = {"type": "function", "function": {"name": "see", "parameters": {}}}
    call = ToolCall("see", {"a": 1})
    turns = (
        Message("user", "Look", images=("/9j/AA==", "iVBORAA=")),
        Message("assistant", "", thinking="?", tool_calls=(call, call)),
        Message("tool", "a benchy", tool_name="see"),
        Message("tool", "a boat", tool_name="see"),
    )
    streams(fake, said("x"), event({}, "stop"), DONE)

    request = asked("talker", *turns, options=options, tools=(tool,), format={"type": "object"})
    await answered(server, request)

    seen = fake.requests[-1]
    function = {"name": "see", "arguments": '{"a":1}'}
    jpeg, png = "data:image/jpeg;base64,/9j/AA==", "data:image/png;base64,iVBORAA="
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.body == {
        "model": "talker",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look"},
                    {"type": "image_url", "image_url": {"url": jpeg}},
                    {"type": "image_url", "image_url": {"url": png}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "call_1_0", "type": "function", "function": function},
                    {"id": "call_1_1", "type": "function", "function": function},
                ],
            },
            {"role": "tool", "content": "a benchy", "tool_call_id": "call_1_0"},
            {"role": "tool", "content": "a boat", "tool_call_id": "call_1_1"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0,
        "stop": ["x"],
        "seed": 7,
        "max_tokens": 64,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}},
        },
        "tools": [tool],
    }


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ({"format": "json"}, {"response_format": {"type": "json_object"}}),
        ({"think": "max"}, {"reasoning_effort": "high"}),
        ({"think": False}, {"chat_template_kwargs": {"enable_thinking": False}}),
        ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
        ({"options": {"seed": -1, "num_predict": -1}}, {"max_tokens": None, "seed": None}),
    ],
)
async def test_what_is_asked_beside_has_its_field(
    fake: FakeOllama, server: OpenAI, more: Fault, fields: dict[str, object]
) -> None:
    streams(fake, said("x"), event({}, "stop"), DONE)

    await answered(server, asked(**more))

    body = fake.requests[-1].body
    assert {name: body.get(name) for name in fields} == fields


async def test_openai_itself_is_asked_as_its_reasoning_models_want_it() -> None:
    request = asked("gpt-5-mini", options={"temperature": 0, "seed": 7}, think=False)

    fields = chat_fields(request, "gpt-5-mini", host="api.openai.com")

    assert {name for name in fields if name not in {"model", "messages"}} == {
        "stream",
        "stream_options",
        "max_completion_tokens",
        "seed",
        "reasoning_effort",
    }


async def test_models_are_listed_with_what_is_told_of_them(
    fake: FakeOllama, server: OpenAI
) -> None:
    listed = {
        "data": [
            {"id": "gpt-x", "object": "model"},
            {"id": "Org/Seer", "max_model_len": 8192, "capabilities": {"vision": True}},
            {"id": "gguf", "meta": {"n_ctx_train": 4096, "size": 99}},
            {"id": "router", "architecture": {"input_modalities": ["text", "image"]}},
            {"id": "text-embedding-3-small"},
            {"id": "whisper-1"},
            {"no": "id"},
        ],
        "models": [{"model": "gguf", "capabilities": ["completion", "multimodal"]}],
    }
    refuses(fake, 200, listed, times=None)

    models = {model.name: model for model in await server.tags()}
    shown = await server.show("org/seer")
    loaded = await server.ps()

    chats, sees = ("completion", "tools"), ("completion", "tools", "vision")
    assert {name: (model.capabilities, model.context_length) for name, model in models.items()} == {
        "gpt-x": (chats, None),
        "Org/Seer": (sees, 8192),
        "gguf": (sees, 4096),
        "router": (sees, None),
        "text-embedding-3-small": (("embedding",), None),
        "whisper-1": (("other",), None),
    }
    assert (shown.capabilities, shown.context_length) == (sees, 8192)
    assert {model.name for model in loaded} == set(models)
    assert not any(model.is_remote for model in models.values())


async def test_a_person_may_say_which_models_see(fake: FakeOllama) -> None:
    async with OpenAI(fake.url, sees=["Talk*"]) as client:
        models = {model.name: model.capabilities for model in await client.tags()}
        await client.load("talker")
        with pytest.raises(errors.NotFound) as caught:
            await client.load("nosuch")

    assert models["talker:latest"] == ("completion", "tools", "vision")
    assert models["tiny:latest"] == ("completion", "tools")
    assert caught.value.code == "model-not-found"


async def test_a_model_is_asked_for_in_its_servers_writing(
    fake: FakeOllama, server: OpenAI
) -> None:
    fake.add_model("Org/Talker:latest", words=["x"])
    await server.tags()

    await answered(server, asked("org/talker"))

    assert fake.requests[-1].body["model"] == "Org/Talker:latest"


@pytest.mark.parametrize(
    "fault",
    [
        {"garbage": True},
        {"html": True},
        {"raw_script": [(0, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")]},
    ],
)
async def test_a_strange_list_of_models_is_an_error_with_a_code(
    fake: FakeOllama, server: OpenAI, fault: Fault
) -> None:
    fake.misbehave(**fault)

    with pytest.raises(OrcaError) as caught:
        await server.tags()

    assert caught.value.code == "backend-garbled"


async def test_vectors_are_read_in_either_writing_and_put_in_order(
    fake: FakeOllama, server: OpenAI
) -> None:
    packed = b64encode(pack("<2f", 0.5, -1.0)).decode()
    data = [{"index": 1, "embedding": [1, 0.25]}, {"index": 0, "embedding": packed}]
    refuses(fake, 200, {"data": data, "usage": {"prompt_tokens": 7}})

    found = await server.embed(EmbedRequest("emb", ("a", "b"), dimensions=2))
    real = await server.embed(EmbedRequest("emb", ("a",)))

    asked_for = fake.requests[0].body
    assert (found.vectors, found.prompt_tokens) == (((0.5, -1.0), (1.0, 0.25)), 7)
    assert (asked_for["input"], asked_for["dimensions"]) == (["a", "b"], 2)
    assert len(real.vectors[0]) > 2


@pytest.mark.parametrize(
    "data", [[], [{"index": 3, "embedding": [1]}], [{"index": 0, "embedding": "!"}], None]
)
async def test_vectors_that_are_none_are_an_error(
    fake: FakeOllama, server: OpenAI, data: object
) -> None:
    refuses(fake, 200, {"data": data})

    with pytest.raises(OrcaError) as caught:
        await server.embed(EmbedRequest("emb", ("a",)))

    assert caught.value.code == "backend-garbled"
