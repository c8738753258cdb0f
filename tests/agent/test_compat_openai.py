"""OpenAI's own package against the agent, unchanged: everything that it can ask of models."""

import asyncio
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import orjson
import pytest
import pytest_asyncio

from agent.inference.openai_api.answers import Frames, Head
from agent.inference.openai_api.requests import chat_wanted
from agent.inference.openai_api.shapes import ChatIn
from agent.inference.rules import Batch, Finish, Frame, Message, ToolCall, Usage
from agent.shared import web
from agent.shared.errors import Invalid
from tests.agent.other_clients import ASKED, NAMES, SAID, TOOL, as_new, one_agent, one_server
from tests.agent.talking import MODEL, SEEING, chats, data_url
from tests.fakes.ollama import RUNNER_DIED, FakeOllama
from tests.serving import NO_TLS, NOBODY, Served, running_agent

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[FakeOllama]:
    async with one_server() as fake:
        yield fake


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(
    tmp_path_factory: pytest.TempPathFactory, server: FakeOllama
) -> AsyncIterator[Served]:
    async with one_agent(tmp_path_factory.mktemp("compat"), server) as served:
        yield served


@pytest.fixture
def fake(server: FakeOllama) -> FakeOllama:
    return as_new(server)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(served: Served) -> AsyncIterator[openai.AsyncOpenAI]:
    async with package(served.url, served.token) as client:
        yield client


def package(url: str, token: str) -> openai.AsyncOpenAI:
    """A client as people make it, but that it does not try again."""
    own = openai.DefaultAsyncHttpxClient(trust_env=False, verify=NO_TLS)
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=token, max_retries=0, http_client=own)


async def test_a_chat_is_answered_whole(client: openai.AsyncOpenAI, fake: FakeOllama) -> None:
    answer = await client.chat.completions.create(
        model="short",
        messages=[{"role": "developer", "content": "Be short."}, *ASKED],
        temperature=0.5,
        max_completion_tokens=200,
        stop="END",
        seed=7,
    )

    choice = answer.choices[0]
    assert (choice.message.role, choice.message.content) == ("assistant", SAID)
    assert (choice.finish_reason, choice.index, answer.object) == ("stop", 0, "chat.completion")
    assert (answer.model, answer.id[:9]) == ("short", "chatcmpl-")
    usage = answer.usage
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 15
    sent = chats(fake)[-1]
    assert sent["messages"] == [{"role": "system", "content": "Be short."}, *ASKED]
    num_ctx = sent["options"].pop("num_ctx")
    assert (sent["options"], num_ctx >= 512, sent["keep_alive"]) == (
        {"temperature": 0.5, "stop": ["END"], "seed": 7, "num_predict": 200},
        True,
        "5m",
    )


async def test_a_chat_is_streamed(client: openai.AsyncOpenAI, fake: FakeOllama) -> None:
    stream = await client.chat.completions.create(
        model="think",
        messages=ASKED,
        stream=True,
        stream_options={"include_usage": True},
    )
    parts = [part async for part in stream]

    deltas = [part.choices[0].delta for part in parts[:-1]]
    assert (deltas[0].role, deltas[0].content) == ("assistant", "")
    thought = "".join(getattr(delta, "reasoning", None) or "" for delta in deltas)
    said = "".join(delta.content or "" for delta in deltas)
    assert (thought.strip()[:8], said.strip()[:5]) == ("The user", "Raise")
    assert [part.choices[0].finish_reason for part in parts[-3:-1]] == [None, "stop"]
    assert (parts[-1].choices, [part.usage for part in parts[:-1]]) == ([], [None] * len(deltas))
    assert parts[-1].usage is not None
    assert parts[-1].usage.completion_tokens > 5
    assert {part.id for part in parts} == {parts[0].id}


async def test_tools_are_called_and_their_results_read(
    client: openai.AsyncOpenAI, fake: FakeOllama
) -> None:
    whole = await client.chat.completions.create(model="toolgo", messages=ASKED, tools=[TOOL])
    stream = await client.chat.completions.create(
        model="toolgo", messages=ASKED, tools=[TOOL], stream=True
    )
    parts = [part.choices[0] async for part in stream]

    message = whole.choices[0].message
    assert message.tool_calls
    call: Any = message.tool_calls[0]  # Any: one of the package's kinds of calls
    assert (call.type, call.function.name) == ("function", "get_printer_status")
    assert orjson.loads(call.function.arguments) == {"printer": "Ender 3"}
    assert (whole.choices[0].finish_reason, message.content) == ("tool_calls", None)
    streamed = [one for part in parts for one in part.delta.tool_calls or []]
    assert [(one.index, one.function.name) for one in streamed if one.function] == [
        (0, "get_printer_status")
    ]
    assert parts[-1].finish_reason == "tool_calls"

    asked_on: list[Any] = [
        *ASKED,
        message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "printing"},
    ]
    await client.chat.completions.create(
        model="toolgo", messages=asked_on, tools=[TOOL], tool_choice="none"
    )

    sent = chats(fake)[-1]
    result = {"role": "tool", "content": "printing", "tool_name": "get_printer_status"}
    assert (sent["messages"][-1], "tools" in sent) == (result, False)
    assert sent["messages"][1]["tool_calls"][0]["function"]["arguments"] == {"printer": "Ender 3"}


async def test_pictures_are_looked_at(client: openai.AsyncOpenAI, fake: FakeOllama) -> None:
    picture = {"type": "image_url", "image_url": {"url": data_url()}}
    parts: list[Any] = [{"type": "text", "text": "What is it?"}, picture]

    answer = await client.chat.completions.create(
        model=SEEING, messages=[{"role": "user", "content": parts}]
    )

    assert "I looked at 1 picture." in (answer.choices[0].message.content or "")
    assert chats(fake)[-1]["messages"][0]["content"] == "What is it?"


async def test_embeddings_are_alike_in_both_encodings(
    client: openai.AsyncOpenAI, fake: FakeOllama
) -> None:
    packed = await client.embeddings.create(model="emb", input=["first", "second"])
    plain = await client.embeddings.create(
        model="emb", input="first", encoding_format="float", dimensions=64
    )

    assert [one.index for one in packed.data] == [0, 1]
    assert [len(one.embedding) for one in (*packed.data, *plain.data)] == [640, 640, 64]
    assert math.isclose(math.hypot(*packed.data[0].embedding), 1, rel_tol=1e-5)
    assert packed.usage.total_tokens == packed.usage.prompt_tokens > 0
    begun = packed.data[0].embedding[:64]
    again_unit = [number / math.hypot(*begun) for number in begun]
    assert plain.data[0].embedding == pytest.approx(again_unit, abs=1e-6)


async def test_models_are_listed_and_looked_up(client: openai.AsyncOpenAI) -> None:
    listed = [model async for model in client.models.list()]
    one = await client.models.retrieve(MODEL)
    short = await client.models.retrieve("short")

    names = {model.id for model in listed}
    assert names == NAMES
    assert (one.id, one.object, short.id) == (MODEL, "model", "short")
    assert all(model.created > 1_700_000_000 for model in listed)


async def test_a_text_is_gone_on_with_and_filled_in(
    client: openai.AsyncOpenAI, fake: FakeOllama
) -> None:
    whole = await client.completions.create(model="short", prompt="Why?", max_tokens=50)
    stream = await client.completions.create(model="short", prompt="Why?", stream=True)
    parts = [part.choices[0].text async for part in stream]
    await client.completions.create(model=MODEL, prompt="G1 X", suffix="Y10", max_tokens=5)

    assert (whole.choices[0].text, whole.object, whole.id[:5]) == (SAID, "text_completion", "cmpl-")
    assert "".join(parts) == SAID
    filled = [one.body for one in fake.requests if one.path == "/api/generate"]
    assert [(one["prompt"], one["suffix"]) for one in filled] == [("G1 X", "Y10")]


async def test_formats_and_chances_are_passed_on(
    client: openai.AsyncOpenAI, fake: FakeOllama
) -> None:
    schema = {"type": "object", "properties": {"nozzle": {"type": "integer"}}}
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}

    shaped = await client.chat.completions.create(
        model="short", messages=ASKED, response_format=wanted, reasoning_effort="none"
    )
    likely = await client.chat.completions.create(
        model="short", messages=ASKED, logprobs=True, top_logprobs=2
    )

    assert orjson.loads(shaped.choices[0].message.content or "") == {"nozzle": 1}
    sent = next(one for one in chats(fake) if one.get("format"))
    assert (sent["format"], sent["think"]) == (schema, False)
    logprobs = likely.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    first = logprobs.content[0]
    assert (first.token, first.bytes, first.top_logprobs) == ("Your", list(b"Your"), [])
    assert chats(fake)[-1]["top_logprobs"] == 2


BAD: list[tuple[dict[str, Any], str, str | None]] = [  # Any: a request
    ({"n": 2}, "n", "not_supported_here"),
    ({"temperature": 9}, "temperature", "invalid_options"),
    ({"max_tokens": 0}, "max_tokens", "invalid_fields"),
    ({"messages": []}, "messages", "invalid_fields"),
    ({"functions": [{"name": "x"}]}, "functions", "not_supported_here"),
    ({"modalities": ["text", "audio"]}, "modalities", "not_supported_here"),
    (
        {"tool_choice": {"type": "function", "function": {"name": "x"}}},
        "tool_choice",
        "not_supported_here",
    ),
    (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "https://a.b/c.png"}}],
                }
            ]
        },
        "messages.0.content",
        "not_supported_here",
    ),
]


@pytest.mark.parametrize(("change", "param", "code"), BAD)
async def test_what_cannot_be_done_is_a_bad_request(
    client: openai.AsyncOpenAI, change: dict[str, Any], param: str, code: str
) -> None:
    asked: Any = {"model": "short", "messages": ASKED, **change}

    with pytest.raises(openai.BadRequestError) as told:
        await client.post("/chat/completions", body=asked, cast_to=object)

    assert (told.value.param, told.value.code) == (param, code)
    assert told.value.type == "invalid_request_error"


async def test_each_error_is_the_packages_own_class(
    client: openai.AsyncOpenAI, served: Served, fake: FakeOllama
) -> None:
    made = await served.client.post("/api/v1/tokens", json={"name": "n", "scopes": ["models"]})

    with pytest.raises(openai.NotFoundError) as unknown:
        await client.chat.completions.create(model="nosuch", messages=ASKED)
    with pytest.raises(openai.NotFoundError) as no_route:
        await client.post("/responses", body={}, cast_to=object)
    async with package(served.url, "wrong") as wrong:
        with pytest.raises(openai.AuthenticationError) as stranger:
            await wrong.models.list()
    async with package(served.url, made.json()["token"]) as other:
        with pytest.raises(openai.PermissionDeniedError) as denied:
            await other.models.list()
    with pytest.raises(openai.BadRequestError) as blind:
        await client.chat.completions.create(
            model="short",
            messages=[
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": data_url()}}],
                }
            ],
        )
    with pytest.raises(openai.BadRequestError) as no_json:
        await client.post("/chat/completions", content=b"{", cast_to=object)

    told = [one.value.code for one in (unknown, no_route, stranger, denied, blind, no_json)]
    assert told == [
        "model_not_found",
        "unknown_url",
        "invalid_api_key",
        "scope_missing",
        "no_vision",
        "bad_json",
    ]


async def test_who_asks_too_much_or_of_nobody_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with (
        running_agent(tmp_path, ollama_url=NOBODY, requests_per_minute=1) as served,
        package(served.url, served.token) as alone,
    ):
        with pytest.raises(openai.InternalServerError) as down:
            await alone.chat.completions.create(model="short", messages=ASKED)
        with pytest.raises(openai.RateLimitError) as limited:
            await alone.chat.completions.create(model="short", messages=ASKED)

    assert (down.value.status_code, down.value.code) == (503, "ollama_down")
    assert (limited.value.code, limited.value.type) == ("rate_limit_exceeded", "rate_limit_error")
    assert int(limited.value.response.headers["Retry-After"]) > 50
    assert limited.value.response.headers["X-RateLimit-Limit"] == "1"


async def test_a_model_that_dies_is_an_error_before_and_after_the_first_word(
    client: openai.AsyncOpenAI, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", die_after=3)
    heard: list[str] = []

    async def listen() -> None:
        stream = await client.chat.completions.create(model="short", messages=ASKED, stream=True)
        async for part in stream:
            heard.append(part.choices[0].delta.content or "")  # noqa: PERF401 - it ends early

    with pytest.raises(openai.APIError) as later:
        await listen()
    with pytest.raises(openai.InternalServerError) as whole:
        await client.chat.completions.create(model="short", messages=ASKED)

    assert "".join(heard) == "Your print is"
    assert (later.value.code, whole.value.status_code) == (whole.value.code, 503)
    assert RUNNER_DIED not in str(whole.value)


@pytest.mark.parametrize("streams", [True, False])
async def test_the_model_stops_when_the_client_leaves(
    client: openai.AsyncOpenAI, fake: FakeOllama, *, streams: bool
) -> None:
    fake.misbehave(path="/api/chat", text="word " * 1000, pace=20)

    async def ask() -> None:
        answer: Any = await client.chat.completions.create(
            model="short", messages=ASKED, stream=streams
        )
        async for _ in answer:
            await answer.close()
            return

    if streams:
        await ask()
    else:
        asking = asyncio.ensure_future(ask())
        await fake.saw(path="/api/chat")
        asking.cancel()

    gone = await fake.client_left()
    assert (len(gone), gone[0].seen.frames_sent < 100) == (1, True)


# --- without a server ---------------------------------------------------------------------------


async def test_frames_are_whole_json_with_everything_that_came_together() -> None:
    frames = Frames(Head("chatcmpl-1", 17, "m"), wants_usage=True)
    usage = Usage(3, 4, 0, 0, 0, 0)

    batch = Batch(
        [
            Frame("thinking", "Hm."),
            Frame("token", 'a "b"\n'),
            Frame("token", "ü😀"),
            Frame("tool", "", (ToolCall("t", {"a": 1}, "id1"), ToolCall("u", {}))),
            Finish("stop", usage),
        ]
    )
    sent = frames.first() + frames.batch(batch)

    *events, done, nothing = sent.split(b"\n\n")
    assert (done, nothing) == (b"data: [DONE]", b"")
    read = [orjson.loads(event.removeprefix(b"data: ")) for event in events]
    deltas = [event["choices"][0]["delta"] for event in read[:-1]]
    assert [delta.get("content") for delta in deltas] == ["", None, 'a "b"\n', "ü😀", None, None]
    assert [call["index"] for call in deltas[4]["tool_calls"]] == [0, 1]
    assert [event["choices"][0]["finish_reason"] for event in read[-3:-1]] == [None, "tool_calls"]
    assert [event["usage"] for event in read[:-1]] == [None] * 6
    assert read[-1] == {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 17,
        "model": "m",
        "system_fingerprint": "fp_orca",
        "choices": [],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    }


LINE = (
    b'{"model":"m","created_at":"2026-11-20T16:05:56Z","message":{"role":"assistant",'
    b'"content":%b},"done":false}\n'
)
TEXTS = [
    "a",
    ' \\ "quoted" {"done":true}\n\t',
    "\\1 \\g<1> Über ✓ 😀",
    "",
    '","done":false}',
]


@pytest.mark.parametrize("odd", [b"", b'{"thinking":"Hm.","role":"assistant","content":""}'])
async def test_lines_that_are_relayed_say_what_they_said(odd: bytes) -> None:
    """Whether all of them are of the usual form or not."""
    lines = b"".join(LINE % orjson.dumps(text) for text in TEXTS)
    if odd:
        lines += LINE.replace(b'{"role":"assistant","content":%b}', odd)

    told = Frames(Head("chatcmpl-1", 17, "m\\1")).batch(Batch([], lines))

    events = [orjson.loads(event.removeprefix(b"data: ")) for event in told.split(b"\n\n")[:-1]]
    said = "".join(event["choices"][0]["delta"].get("content", "") for event in events)
    assert (said, {event["model"] for event in events}) == ("".join(TEXTS), {"m\\1"})
    thought = [event["choices"][0]["delta"].get("reasoning") for event in events]
    assert [one for one in thought if one] == (["Hm."] if odd else [])


async def test_words_of_openai_have_their_meaning() -> None:
    wanted = chat_wanted(
        web.read(
            ChatIn,
            {
                "model": "m",
                "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
                "max_tokens": 5,
                "stop": ["a", "b"],
                "reasoning_effort": "xhigh",
                "response_format": {"type": "json_object"},
                "tools": [TOOL, {"type": "function", "function": {"name": "other"}}],
                "tool_choice": {"type": "function", "function": {"name": "other"}},
                "user": "ignored",
            },
        )
    )

    assert wanted.messages == (Message("user", "Hi"),)
    assert (wanted.options, wanted.think, wanted.format) == (
        {"num_predict": 5, "stop": ["a", "b"]},
        "max",
        "json",
    )
    assert [tool["function"] for tool in wanted.tools] == [
        {
            "name": "other",
            "description": "",
            "parameters": {"type": "object", "properties": {}},
        }
    ]


@pytest.mark.parametrize("arguments", ["[1]", "{", "5"])
async def test_arguments_that_are_no_object_are_refused(arguments: str) -> None:
    call = {"id": "a", "function": {"name": "t", "arguments": arguments}}
    asked = web.read(
        ChatIn, {"model": "m", "messages": [{"role": "assistant", "tool_calls": [call]}]}
    )

    with pytest.raises(Invalid) as told:
        chat_wanted(asked)

    assert told.value.code == "bad-arguments"
