"""The client of OpenAI-shaped servers against one that misbehaves."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import orjson
import pytest

from agent.inference.openai import OpenAI
from agent.inference.rules import (
    Finish,
    Frame,
    ToolCall,
)
from agent.shared import errors
from agent.shared.errors import OrcaError
from tests.agent.openai_talk import (
    DONE,
    KEY,
    Fault,
    answered,
    asked,
    broken,
    event,
    refuses,
    said,
    streams,
    text_of,
)
from tests.fakes.ollama import FakeOllama

FALLBACK = {
    "model": "qwen3:4b",
    "provider": "lab",
    "instead_of": {"model": "qwen3-coder", "provider": "dead"},
    "code": "backend-down",
    "reason": "dead does not answer.",
}
CLOSE_LIMIT_S = 5  # on any machine; the usual is milliseconds, and the answers go on for longer


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as fake:
        fake.add_model("talker", words=[" piece"] * 12)
        yield fake


@pytest.fixture
async def server(fake: FakeOllama) -> AsyncIterator[OpenAI]:
    async with OpenAI(fake.url, key=KEY, first_byte_s=5, idle_s=5) as client:
        yield client


# --- answers ----------------------------------------------------------------------------------


async def test_an_answer_ends_with_its_reason_and_its_cost(server: OpenAI) -> None:
    frames = await answered(server, asked())

    finish = frames[-1]
    assert isinstance(finish, Finish)
    assert text_of(frames) == " piece" * 12
    assert (finish.reason, finish.usage.completion_tokens) == ("stop", 13)  # the end token counts
    assert 0 < finish.usage.first_token_ms <= finish.usage.total_ms < 5000
    assert min(finish.usage.prompt_tokens, finish.usage.tokens_per_second) > 0


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


@pytest.mark.parametrize(
    ("refusal", "then"),
    [
        ("max_tokens is too large: 64. This model supports at most 48 completion tokens.", 48),
        ("max_tokens: 64 > 40, which is the maximum allowed number of output tokens", 40),
        ("max_tokens must be less than it is", 32),
    ],
)
async def test_a_model_of_shorter_answers_is_asked_for_those(
    fake: FakeOllama, server: OpenAI, refusal: str, then: int
) -> None:
    refuses(fake, 400, {"error": {"message": refusal}})

    frames = await answered(server, asked())
    await answered(server, asked())

    assert text_of(frames) == " piece" * 12
    assert [seen.body["max_tokens"] for seen in fake.requests] == [64, then, then]


@pytest.mark.parametrize(
    ("said_by_the_hub", "known"),
    [
        (orjson.dumps([FALLBACK, {"reason": "half of one"}]), (FALLBACK,)),
        (b"no JSON", ()),
        (b"{}", ()),
    ],
)
async def test_whom_a_hub_passed_over_stands_in_the_cost_of_an_answer(
    fake: FakeOllama, server: OpenAI, said_by_the_hub: bytes, known: tuple[object, ...]
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
    told = b"X-Orca-Fallbacks: " + said_by_the_hub + b"\r\n\r\n"
    whole = head + told + said("Dry it.") + event({}, "stop") + DONE
    fake.misbehave(path="/v1/chat/completions", raw_script=[(0, whole)])

    finish = (await answered(server, asked()))[-1]

    assert isinstance(finish, Finish)
    assert finish.usage.fallbacks == known
    assert finish.usage.to_json().get("fallbacks", []) == list(known)


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
    first_byte_s = 0.3 if kind is errors.TimedOut else 5
    async with OpenAI(fake.url, key=KEY, first_byte_s=first_byte_s) as client:
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
    fake.misbehave(text="word " * 1000, pace=20)
    async with aclosing(server.chat(asked(options={"num_predict": 1000}))) as stream:
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
