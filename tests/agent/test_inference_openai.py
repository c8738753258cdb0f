"""The client of OpenAI-shaped servers against one that misbehaves."""

import asyncio
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import aclosing
from struct import pack
from typing import Any

import orjson
import pytest

from agent.inference.openai import OpenAI
from agent.inference.openai_request import chat_fields
from agent.inference.rules import (
    Batch,
    ChatRequest,
    EmbedRequest,
    Finish,
    Frame,
    Message,
    ToolCall,
)
from agent.shared import errors
from agent.shared.errors import OrcaError
from tests.fakes.ollama import FakeOllama

Fault = dict[str, Any]  # Any: fields of the fake's Behaviour
OPTIONS = {"num_ctx": 2048, "num_predict": 64}
CLOSE_LIMIT_S = 0.25  # generous on a busy machine; the usual is a few milliseconds
KEY = "sk-canary-0123456789"
DONE = b"data: [DONE]\n\n"


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as fake:
        fake.add_model("talker", words=[" piece"] * 12)
        yield fake


@pytest.fixture
async def server(fake: FakeOllama) -> AsyncIterator[OpenAI]:
    async with OpenAI(fake.url, key=KEY, first_byte_s=5, idle_s=5) as client:
        yield client


def asked(model: str = "talker", *messages: Message, **more: object) -> ChatRequest:
    said = messages or (Message("user", "Why does PETG string?"),)
    options = more.pop("options", {})
    return ChatRequest(model, said, {**OPTIONS, **options}, **more)  # type: ignore[arg-type,dict-item] # a test's own words


async def answered(client: OpenAI, request: ChatRequest) -> list[Frame | Finish]:
    return [frame for batch in [b async for b in client.chat(request)] for frame in batch]


async def broken(client: OpenAI, request: ChatRequest) -> tuple[str, OrcaError]:
    """The text that came before the error, and the error."""
    text = ""
    try:
        async for batch in client.chat(request):
            text += text_of(batch)
    except OrcaError as err:
        return text, err
    raise AssertionError("the stream came to a good end")


def text_of(frames: Batch | list[Frame | Finish], kind: str = "token") -> str:
    return "".join(
        frame.text for frame in frames if isinstance(frame, Frame) and frame.kind == kind
    )


def event(delta: object, reason: str | None = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason, **more}
    return b"data: " + orjson.dumps({"choices": [choice]}) + b"\n\n"


def said(*texts: str) -> bytes:
    return b"".join(event({"content": text}) for text in texts)


def streams(fake: FakeOllama, *pieces: bytes) -> None:
    """From now on, the fake's answer is these bytes, each piece by itself."""
    fake.misbehave(path="/v1/chat/completions", script=[(0, piece) for piece in pieces])


def refuses(
    fake: FakeOllama, status: int, body: object, *headers: str, times: int | None = 1
) -> None:
    text = orjson.dumps(body) if not isinstance(body, bytes) else body
    fixed = ("Connection: close", f"Content-Length: {len(text)}")
    head = [f"HTTP/1.1 {status} X", *fixed, *headers, "", ""]
    fake.misbehave(raw_script=[(0, "\r\n".join(head).encode() + text)], times=times)


# --- answers ----------------------------------------------------------------------------------


async def test_an_answer_ends_with_its_reason_and_its_cost(server: OpenAI) -> None:
    frames = await answered(server, asked())

    finish = frames[-1]
    assert isinstance(finish, Finish)
    assert text_of(frames) == " piece" * 12
    assert (finish.reason, finish.usage.completion_tokens) == ("stop", 13)  # the end token counts
    assert 0 < finish.usage.first_token_ms <= finish.usage.total_ms < 5000
    assert min(finish.usage.prompt_tokens, finish.usage.tokens_per_second) > 0


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


async def test_thinking_comes_before_and_apart_from_the_answer(
    fake: FakeOllama, server: OpenAI
) -> None:
    fake.add_model("thinker", capabilities=["completion", "thinking"])
    fake.misbehave(thinking="Hmm. Wet?", text="Dry it.")

    frames = await answered(server, asked("thinker", think="high"))

    assert (text_of(frames, "thinking"), text_of(frames)) == ("Hmm. Wet?", "Dry it.")


async def test_thoughts_under_another_name_are_thoughts(fake: FakeOllama, server: OpenAI) -> None:
    thought = event({"reasoning_content": "Hm.", "content": None})
    streams(fake, thought, said("Dry it."), event({}, "stop"), DONE)

    frames = await answered(server, asked())

    assert (text_of(frames, "thinking"), text_of(frames)) == ("Hm.", "Dry it.")


async def test_the_pieces_of_tool_calls_are_put_together(fake: FakeOllama, server: OpenAI) -> None:
    def piece(number: int | None, arguments: object, **more: object) -> bytes:
        about = {} if number is None else {"index": number}
        function = {"arguments": arguments, **({"name": "see"} if more else {})}
        return event({"tool_calls": [{**about, **more, "function": function}]})

    streams(
        fake,
        piece(0, "", id="a") + piece(0, '{"printer":'),
        piece(1, "", id="b") + piece(0, '"Ender 3"}'),
        event({}, "tool_calls"),
        DONE,
    )

    frames = await answered(server, asked())
    streams(fake, piece(None, {"n": 1}, id="c") + piece(None, '{"n":2}', id="d"), event({}, "stop"))
    unnumbered = await answered(server, asked())

    calls = (ToolCall("see", {"printer": "Ender 3"}, "a"), ToolCall("see", {}, "b"))
    assert frames[0] == Frame("tool", "", calls)
    assert unnumbered[0] == Frame(
        "tool", "", (ToolCall("see", {"n": 1}, "c"), ToolCall("see", {"n": 2}, "d"))
    )
    assert isinstance(frames[-1], Finish)
    assert frames[-1].reason == "stop"


async def test_arguments_that_are_no_json_are_an_error_with_a_code(
    fake: FakeOllama, server: OpenAI
) -> None:
    call = {"index": 0, "id": "a", "function": {"name": "see", "arguments": '{"printer": "En'}}
    streams(fake, event({"tool_calls": [call]}), event({}, "tool_calls"), DONE)

    _, error = await broken(server, asked())

    assert (type(error), error.code) == (errors.Unavailable, "bad-tool-call")


async def test_a_tool_call_of_a_model_arrives(fake: FakeOllama, server: OpenAI) -> None:
    fake.add_model("caller", capabilities=["completion", "tools"])
    call = {"name": "status", "arguments": {"printer": "Ender 3", "n": 1}}
    fake.misbehave(tool_call=call)
    tool = {"type": "function", "function": {"name": "status", "description": "", "parameters": {}}}

    frames = await answered(server, asked("caller", tools=(tool,)))

    calls = [c for frame in frames if isinstance(frame, Frame) for c in frame.calls]
    assert [(c.name, c.arguments) for c in calls] == [("status", call["arguments"])]


async def test_scores_of_tokens_come_with_their_tokens(fake: FakeOllama, server: OpenAI) -> None:
    scores = [{"token": "Dry", "logprob": -0.1, "top_logprobs": []}]
    piece = event({"content": "Dry"}, logprobs={"content": scores})
    streams(fake, piece, event({}, "stop"), DONE)

    frames = await answered(server, asked(logprobs=True))

    assert frames[0] == Frame("token", "Dry", (), tuple(scores))


STREAMS: list[tuple[str, tuple[bytes, ...]]] = [
    ("CRLF", ((said("Dry ", "it.") + event({}, "stop") + DONE).replace(b"\n", b"\r\n"),)),
    ("comments", (b": PROCESSING\n\n", said("Dry it."), b":\n", event({}, "stop"), DONE)),
    ("names", (b"event: x\nid: 3\nretry: 9\n" + said("Dry it."), event({}, "stop"), DONE)),
    ("no space", (said("Dry it.").replace(b"data: ", b"data:"), event({}, "stop"), b"data:[DONE]")),
    ("no end mark", (said("Dry it."), event({}, "stop"))),
    ("no last line end", (said("Dry it."), event({}, "stop").rstrip())),
    ("no delta", (said("Dry it."), event(None, "eos"), DONE)),
    ("filter first", (b'data: {"choices":[],"prompt_filter_results":[]}\n\n', said("Dry it."),
                      event({}, "stop"), DONE)),
    ("refusal", (event({"refusal": "Dry it."}), event({}, "stop"), DONE)),
]  # fmt: skip


@pytest.mark.parametrize("pieces", [one[1] for one in STREAMS], ids=[one[0] for one in STREAMS])
async def test_every_servers_way_of_streaming_is_read(
    fake: FakeOllama, server: OpenAI, pieces: tuple[bytes, ...]
) -> None:
    streams(fake, *pieces)

    frames = await answered(server, asked())

    assert text_of(frames) == "Dry it."
    assert isinstance(frames[-1], Finish)
    assert frames[-1].reason == "stop"


@pytest.mark.parametrize("split", [5, 64])
async def test_characters_cut_in_two_by_the_network_arrive_whole(
    fake: FakeOllama, server: OpenAI, split: int
) -> None:
    fake.misbehave(text="Düse 🔥 乾燥", split=split)

    assert text_of(await answered(server, asked())) == "Düse 🔥 乾燥"


async def test_without_counts_the_pieces_are_counted(fake: FakeOllama, server: OpenAI) -> None:
    streams(fake, said("Dry ", "it", "."), event({}, "length"), DONE)

    finish = (await answered(server, asked()))[-1]

    assert isinstance(finish, Finish)
    assert (finish.reason, finish.usage.completion_tokens) == ("length", 3)
    assert finish.usage.prompt_tokens == 0


async def test_what_llama_cpp_measured_goes_before_what_is_measured_here(
    fake: FakeOllama, server: OpenAI
) -> None:
    last = {
        "choices": [],
        "usage": {"prompt_tokens": 5, "completion_tokens": 9},
        "timings": {"predicted_per_second": 123.4},
    }
    streams(fake, said("x"), event({}, "stop"), b"data: " + orjson.dumps(last) + b"\n\n", DONE)

    finish = (await answered(server, asked()))[-1]

    assert isinstance(finish, Finish)
    assert (finish.usage.prompt_tokens, finish.usage.completion_tokens) == (5, 9)
    assert finish.usage.tokens_per_second == 123.4


async def test_a_server_that_does_not_stream_is_understood(
    fake: FakeOllama, server: OpenAI
) -> None:
    message = {"role": "assistant", "content": "Dry it.", "reasoning_content": "Hm."}
    whole = {
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3},
    }
    refuses(fake, 200, whole, "Content-Type: application/json")

    frames = await answered(server, asked())

    assert (text_of(frames, "thinking"), text_of(frames)) == ("Hm.", "Dry it.")
    assert isinstance(frames[-1], Finish)
    assert frames[-1].usage.completion_tokens == 3


async def test_a_server_that_does_not_know_a_field_is_asked_without_it_from_then_on(
    fake: FakeOllama, server: OpenAI
) -> None:
    unknown = [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "no"}]
    refuses(fake, 422, {"detail": unknown, "message": "stream_options: not permitted"})
    first = await answered(server, asked())
    renamed = "'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    refuses(fake, 400, {"error": {"message": renamed, "param": "max_tokens"}})

    second = await answered(server, asked())

    bodies = [seen.body for seen in fake.requests]
    assert text_of(first) == text_of(second) == " piece" * 12
    assert ["stream_options" in body for body in bodies] == [True, False, False, False]
    assert [body.get("max_completion_tokens") for body in bodies] == [None, None, None, 64]


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


# --- faults -----------------------------------------------------------------------------------

STREAM_FAULTS: list[tuple[Fault, str]] = [
    ({"reset_after": 3}, "answer-incomplete"),
    ({"close_after": 3}, "answer-incomplete"),
    ({"end_after": 3}, "answer-incomplete"),
    ({"die_after": 3}, "backend-failed"),
    ({"broken_line_after": 3}, "backend-garbled"),
    ({"stall_after": 3}, "backend-stalled"),
]


@pytest.mark.parametrize(("fault", "code"), STREAM_FAULTS)
async def test_a_stream_that_ends_badly_keeps_its_text_and_says_why(
    fake: FakeOllama, fault: Fault, code: str
) -> None:
    fake.misbehave(**fault)
    async with OpenAI(fake.url, idle_s=0.3) as client:
        text, error = await broken(client, asked())

    assert (text, error.code) == (" piece" * 3, code)
    assert isinstance(error, errors.TimedOut if code == "backend-stalled" else errors.Unavailable)


ENDS: list[tuple[bytes, str]] = [
    (DONE, "answer-incomplete"),
    (event({}, "content_filter"), "content-filtered"),
    (event({}, "abort"), "answer-incomplete"),
    (b'data: {"error":{"message":"CUDA out of memory","code":500}}\n\n', "backend-failed"),
    (b'event: error\ndata: {"error":"overloaded"}\n\n', "backend-failed"),
    (b'data: {"object":"error","message":"no","code":429}\n\n', "backend-busy"),
    (b'error: {"message":"slot unavailable","code":503}\n\n', "backend-busy"),
    (b"data: 12\n\n", "backend-garbled"),
    (b'data: {"choices":[{"delta":{"content":12}}]}\n\n', "backend-garbled"),
]


@pytest.mark.parametrize(("end", "code"), ENDS)
async def test_an_end_in_the_stream_that_is_none_is_an_error(
    fake: FakeOllama, server: OpenAI, end: bytes, code: str
) -> None:
    streams(fake, said("Dry "), end)

    text, error = await broken(server, asked())

    assert (text, error.code) == ("Dry ", code)


EARLY_FAULTS: list[tuple[Fault, type[OrcaError], str]] = [
    ({"reset_after": 0}, errors.Unavailable, "backend-down"),
    ({"close_after": 0}, errors.Unavailable, "backend-down"),
    ({"garbage": True}, errors.Unavailable, "backend-garbled"),
    ({"html": True}, errors.Unavailable, "backend-garbled"),
    ({"redirect": "http://127.0.0.1:9/v1"}, errors.Unavailable, "backend-garbled"),
    ({"end_after": 0}, errors.Unavailable, "answer-incomplete"),
    ({"stall_after": 0}, errors.TimedOut, "backend-too-slow"),
    ({"delay": 9}, errors.TimedOut, "backend-too-slow"),
    ({"full": True}, errors.Unavailable, "backend-busy"),
    ({"vanished": True}, errors.NotFound, "model-not-found"),
    ({"status": 401, "error": f"Incorrect: {KEY}"}, errors.Unavailable, "key-refused"),
    ({"status": 403, "error": "no right"}, errors.Unavailable, "key-refused"),
    ({"status": 400, "error": f"about {KEY}"}, errors.Invalid, "backend-rejected"),
    ({"status": 500, "error": f"/srv/x/y of {KEY}"}, errors.Unavailable, "backend-failed"),
]


@pytest.mark.parametrize(("fault", "kind", "code"), EARLY_FAULTS)
async def test_a_failure_before_the_first_word_has_its_own_code(
    fake: FakeOllama, fault: Fault, kind: type[OrcaError], code: str
) -> None:
    fake.misbehave(**fault)
    async with OpenAI(fake.url, key=KEY, first_byte_s=0.3) as client:
        text, error = await broken(client, asked())

    assert (text, type(error), error.code) == ("", kind, code)
    assert KEY not in error.detail
    assert "/srv/" not in error.detail


async def test_a_head_without_a_body_is_waited_for_as_long_as_a_first_byte(
    fake: FakeOllama,
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    fake.misbehave(raw_script=[(0, head), (0.15, said("x") + event({}, "stop")), (9, b"")])
    async with OpenAI(fake.url, first_byte_s=5, idle_s=0.1) as client:
        frames = await answered(client, asked())

    assert text_of(frames) == "x"
    assert isinstance(frames[-1], Finish)


REFUSALS: list[tuple[int, object, type[OrcaError], str]] = [
    (
        429,
        {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}},
        errors.Unavailable,
        "quota-used-up",
    ),
    (
        400,
        {"error": {"message": "This model's maximum context length is 4096 tokens.", "code": None}},
        errors.Invalid,
        "context-exceeded",
    ),
    (
        404,
        {"error": {"message": "The model `x` does not exist", "code": "model_not_found"}},
        errors.NotFound,
        "model-not-found",
    ),
    (
        500,
        {"error": {"message": "image input is not supported - hint: you need mmproj"}},
        errors.Invalid,
        "no-vision",
    ),
    (
        400,
        {"error": {"message": '"auto" tool choice requires --enable-auto-tool-choice'}},
        errors.Invalid,
        "no-tools",
    ),
    (
        400,
        {"error": {"message": "Invalid schema for response_format 'answer'"}},
        errors.Invalid,
        "invalid-format",
    ),
    (422, {"detail": [{"loc": ["body"], "msg": "Field required"}]}, errors.Invalid,
     "backend-rejected"),
    (404, b"<html>", errors.Unavailable, "backend-garbled"),
    (502, b"<html>Bad Gateway", errors.Unavailable, "backend-down"),
    (503, b"", errors.Unavailable, "backend-busy"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "code"), REFUSALS)
async def test_every_servers_words_for_a_refusal_are_understood(
    fake: FakeOllama, server: OpenAI, status: int, body: object, kind: type[OrcaError], code: str
) -> None:
    refuses(fake, status, body)

    _, error = await broken(server, asked())

    assert (type(error), error.code) == (kind, code)


async def test_a_busy_server_says_when_to_come_again(fake: FakeOllama, server: OpenAI) -> None:
    refuses(fake, 429, {"error": {"message": "Rate limit reached"}}, "Retry-After: 17")

    _, error = await broken(server, asked())

    assert (error.code, error.extra) == ("backend-busy", {"model": "talker", "retry_after_s": 17})


async def test_nobody_at_the_address_is_said_at_once() -> None:
    async with FakeOllama() as fake:
        url = fake.url
    async with OpenAI(url) as client:
        _, error = await broken(client, asked())

    assert (type(error), error.code) == (errors.Unavailable, "backend-down")
    assert url in error.detail


async def test_a_connection_is_used_again_after_a_whole_answer(
    fake: FakeOllama, server: OpenAI
) -> None:
    for _ in range(3):
        await answered(server, asked())

    assert fake.stats()["connections"] == 1


# --- leaving ----------------------------------------------------------------------------------


async def test_closing_the_stream_closes_the_connection_at_once(
    fake: FakeOllama, server: OpenAI
) -> None:
    fake.misbehave(pace=20)
    async with aclosing(server.chat(asked())) as stream:
        await anext(stream)
    left_at = time.monotonic()

    (departure,) = await fake.client_left()

    assert departure.at - left_at < CLOSE_LIMIT_S


@pytest.mark.parametrize("fault", [{"stall_after": 0}, {"stall_after": 2}])
async def test_cancelling_who_waits_closes_the_connection_at_once(
    fake: FakeOllama, server: OpenAI, fault: Fault
) -> None:
    fake.misbehave(**fault)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(answered(server, asked()))
        await fake.saw(path="/v1/chat/completions")
        await asyncio.sleep(0.02)
        left_at = time.monotonic()
        waiting.cancel()

    (departure,) = await fake.client_left()

    assert departure.at - left_at < CLOSE_LIMIT_S


# --- everything else it is asked --------------------------------------------------------------


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
