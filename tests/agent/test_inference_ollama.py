"""The Ollama client against a server that misbehaves."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from agent.inference.ollama import Ollama
from agent.inference.rules import ChatRequest, Finish, Frame, Message, ToolCall
from agent.shared import errors
from agent.shared.errors import OrcaError
from tests.fakes.ollama import RUNNER_DIED, WRAPPED_ERROR, FakeOllama

Fault = dict[str, Any]  # Any: fields of the fake's Behaviour
OPTIONS = {"num_ctx": 2048, "num_predict": 64}
CLOSE_LIMIT_S = 5  # on any machine; the usual is milliseconds, and the answers go on for longer


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as fake:
        fake.add_model("talker", words=[" piece"] * 12)
        yield fake


@pytest.fixture
async def ollama(fake: FakeOllama) -> AsyncIterator[Ollama]:
    async with Ollama(fake.url, first_byte_s=5, idle_s=5) as client:
        yield client


def asked(model: str = "talker", *messages: Message, **more: object) -> ChatRequest:
    said = messages or (Message("user", "Why does PETG string?"),)
    return ChatRequest(model, said, OPTIONS, **more)  # type: ignore[arg-type] # a test's own words


async def answered(client: Ollama, request: ChatRequest) -> list[Frame | Finish]:
    return [frame for batch in [b async for b in client.chat(request)] for frame in batch]


async def broken(client: Ollama, request: ChatRequest) -> tuple[str, OrcaError]:
    """The text that came before the error, and the error."""
    text = ""
    try:
        async for batch in client.chat(request):
            text += text_of(batch)
    except OrcaError as err:
        return text, err
    raise AssertionError("the stream came to a good end")


def text_of(frames: list[Frame | Finish], kind: str = "token") -> str:
    return "".join(
        frame.text for frame in frames if isinstance(frame, Frame) and frame.kind == kind
    )


async def test_an_answer_ends_with_its_reason_and_its_cost(ollama: Ollama) -> None:
    frames = await answered(ollama, asked())

    finish = frames[-1]
    assert isinstance(finish, Finish)
    assert text_of(frames) == " piece" * 12
    assert (finish.reason, finish.usage.completion_tokens) == ("stop", 13)  # the end token counts
    assert finish.usage.first_token_ms > 0
    assert (
        min(finish.usage.prompt_tokens, finish.usage.total_ms, finish.usage.tokens_per_second) > 0
    )


async def test_a_request_always_says_how_much_context_and_how_long(
    fake: FakeOllama, ollama: Ollama
) -> None:
    await answered(ollama, asked(keep_alive="5m", think=False))

    seen = fake.requests[-1]
    assert seen.body == {
        "model": "talker",
        "messages": [{"role": "user", "content": "Why does PETG string?"}],
        "stream": True,
        "options": OPTIONS,
        "truncate": False,
        "shift": False,
        "think": False,
        "keep_alive": "5m",
    }


def test_a_request_without_a_context_size_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="num_predict"):
        ChatRequest("tiny", (), {"num_ctx": 4096})


async def test_metrics_that_are_absent_count_as_nothing(fake: FakeOllama, ollama: Ollama) -> None:
    fake.misbehave(metrics=False)

    finish = (await answered(ollama, asked()))[-1]

    assert isinstance(finish, Finish)
    usage = {**finish.usage.to_json(), "first_token_ms": 0}
    assert usage == {
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "load_ms": 0,
        "first_token_ms": 0,
        "tokens_per_second": 0,
        "total_ms": 0,
    }


async def test_thinking_comes_before_and_apart_from_the_answer(
    fake: FakeOllama, ollama: Ollama
) -> None:
    fake.add_model("thinker", capabilities=["completion", "thinking"])
    fake.misbehave(thinking="Hmm. Wet?", text="Dry it.")

    frames = await answered(ollama, asked("thinker", think=True))

    assert (text_of(frames, "thinking"), text_of(frames)) == ("Hmm. Wet?", "Dry it.")


@pytest.mark.parametrize("in_done", [False, True])
async def test_a_tool_call_arrives_whole_in_either_of_its_places(
    fake: FakeOllama, ollama: Ollama, *, in_done: bool
) -> None:
    fake.add_model("caller", capabilities=["completion", "tools"])
    call = {"name": "status", "arguments": {"printer": "Ender 3", "n": 1}}
    fake.misbehave(tool_call=call, call_in_done=in_done)
    tool = {"type": "function", "function": {"name": "status", "description": "", "parameters": {}}}

    frames = await answered(ollama, asked("caller", tools=(tool,)))

    calls = [c for frame in frames if isinstance(frame, Frame) for c in frame.calls]
    assert [(c.name, c.arguments) for c in calls] == [("status", call["arguments"])]
    assert all(c.id for c in calls)
    assert isinstance(frames[-1], Finish)


async def test_tool_results_and_images_are_sent_as_ollama_wants_them(
    fake: FakeOllama, ollama: Ollama
) -> None:
    fake.misbehave(script=[(0, {"message": {"role": "assistant", "content": ""}, "done": True})])
    turns = (
        Message("user", "Look", images=("aGk=",)),
        Message("assistant", "", thinking="?", tool_calls=(ToolCall("see", {"a": 1}, "call_1"),)),
        Message("tool", "a benchy", tool_name="see"),
    )

    await answered(ollama, asked("talker", *turns))

    body = fake.requests[-1].body
    assert isinstance(body, dict)
    assert body["messages"] == [
        {"role": "user", "content": "Look", "images": ["aGk="]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "?",
            "tool_calls": [{"id": "call_1", "function": {"name": "see", "arguments": {"a": 1}}}],
        },
        {"role": "tool", "content": "a benchy", "tool_name": "see"},
    ]


async def test_text_on_the_done_frame_is_not_lost(fake: FakeOllama, ollama: Ollama) -> None:
    fake.misbehave(text="Dry ", done_text="it.")

    assert text_of(await answered(ollama, asked())) == "Dry it."


@pytest.mark.parametrize("split", [1, 7])
async def test_characters_cut_in_two_by_the_network_arrive_whole(
    fake: FakeOllama, ollama: Ollama, split: int
) -> None:
    fake.misbehave(text="Düse 🔥 乾燥", split=split)

    assert text_of(await answered(ollama, asked())) == "Düse 🔥 乾燥"


async def test_a_line_of_megabytes_is_a_line(fake: FakeOllama, ollama: Ollama) -> None:
    fake.misbehave(giant=3_000_000)

    assert len(text_of(await answered(ollama, asked()))) >= 3_000_000


async def test_what_came_together_is_handed_on_together(fake: FakeOllama, ollama: Ollama) -> None:
    fake.misbehave(coalesce=True)

    batches = [batch async for batch in ollama.chat(asked())]

    assert [len(batch) for batch in batches] == [13]


async def test_fields_that_nobody_knows_are_passed_over(fake: FakeOllama, ollama: Ollama) -> None:
    fake.misbehave(extra_field=True)

    assert text_of(await answered(ollama, asked())) == " piece" * 12


STREAM_FAULTS: list[tuple[Fault, str]] = [
    ({"reset_after": 3}, "answer-incomplete"),
    ({"close_after": 3}, "answer-incomplete"),
    ({"end_after": 3}, "answer-incomplete"),
    ({"die_after": 3}, "model-crashed"),
    ({"die_after": 3, "die_text": "CUDA error: out of memory"}, "model-load-failed"),
    ({"die_after": 3, "die_text": "gremlins in /srv/oll/models/x"}, "ollama-failed"),
    ({"broken_line_after": 3}, "ollama-garbled"),
    ({"stall_after": 3}, "ollama-stalled"),
]


@pytest.mark.parametrize(("fault", "code"), STREAM_FAULTS)
async def test_a_stream_that_ends_badly_keeps_its_text_and_says_why(
    fake: FakeOllama, fault: Fault, code: str
) -> None:
    fake.misbehave(**fault)
    async with Ollama(fake.url, idle_s=0.3) as client:
        text, error = await broken(client, asked())

    assert (text, error.code) == (" piece" * 3, code)
    assert isinstance(error, errors.TimedOut if code == "ollama-stalled" else errors.Unavailable)


EARLY_FAULTS: list[tuple[Fault, type[OrcaError], str]] = [
    ({"reset_after": 0}, errors.Unavailable, "ollama-down"),
    ({"close_after": 0}, errors.Unavailable, "ollama-down"),
    ({"garbage": True}, errors.Unavailable, "ollama-garbled"),
    ({"html": True}, errors.Unavailable, "ollama-garbled"),
    ({"redirect": "http://127.0.0.1:9/api/chat"}, errors.Unavailable, "ollama-garbled"),
    ({"end_after": 0}, errors.Unavailable, "answer-incomplete"),
    ({"broken_line_after": 0}, errors.Unavailable, "ollama-garbled"),
    ({"die_after": 0, "die_text": RUNNER_DIED}, errors.Unavailable, "model-crashed"),
    ({"stall_after": 0}, errors.TimedOut, "ollama-too-slow"),
    ({"delay": 9}, errors.TimedOut, "ollama-too-slow"),
    ({"load_seconds": 9}, errors.TimedOut, "ollama-too-slow"),
    ({"full": True}, errors.Unavailable, "ollama-busy"),
    ({"vanished": True}, errors.NotFound, "model-not-found"),
    ({"status": 403, "error": "ollama cloud is disabled: x"}, errors.Unavailable, "cloud-disabled"),
    ({"status": 401, "error": "unauthorized"}, errors.Unavailable, "signin-needed"),
    ({"status": 400, "error": WRAPPED_ERROR}, errors.Invalid, "bad-image"),
    ({"status": 400, "error": "something new"}, errors.Invalid, "ollama-rejected"),
    ({"status": 500, "error": "something new"}, errors.Unavailable, "ollama-failed"),
    (
        {"status": 500, "error": "model requires more system memory (9 GiB) than is available"},
        errors.Unavailable,
        "model-load-failed",
    ),
    (
        {"status": 500, "error": "x: this model may be incompatible with your version of Ollama"},
        errors.Unavailable,
        "model-load-failed",
    ),
]


@pytest.mark.parametrize(("fault", "kind", "code"), EARLY_FAULTS)
async def test_a_failure_before_the_first_word_has_its_own_code(
    fake: FakeOllama, fault: Fault, kind: type[OrcaError], code: str
) -> None:
    fake.misbehave(**fault)
    first_byte_s = 0.5 if kind is errors.TimedOut else 5
    async with Ollama(fake.url, first_byte_s=first_byte_s) as client:
        text, error = await broken(client, asked())

    assert (text, type(error), error.code) == ("", kind, code)
    assert "/srv/" not in error.detail


async def test_a_full_ollama_says_when_to_come_again(fake: FakeOllama, ollama: Ollama) -> None:
    fake.misbehave(full=True)

    _, error = await broken(ollama, asked())

    assert error.extra == {"model": "talker", "retry_after_s": 2}


async def test_an_unknown_model_comes_with_the_command_that_gets_it(ollama: Ollama) -> None:
    _, error = await broken(ollama, asked("nosuch"))

    assert (error.code, error.detail) == (
        "model-not-found",
        "Ollama has no model called nosuch. Get it with: ollama pull nosuch",
    )


@pytest.mark.parametrize(
    ("model", "more", "code"),
    [
        ("short", {"think": True}, "no-thinking"),
        ("short", {"tools": ({"type": "function", "function": {"name": "x"}},)}, "no-tools"),
        ("short", {"format": "yaml"}, "invalid-format"),
        ("short", {"keep_alive": "soon"}, "invalid-options"),
        ("emb", {}, "no-chat"),
    ],
)
async def test_what_a_model_cannot_do_is_named(
    ollama: Ollama, model: str, more: dict[str, object], code: str
) -> None:
    _, error = await broken(ollama, asked(model, **more))

    assert (type(error), error.code) == (errors.Invalid, code)


async def test_an_image_for_a_blind_model_is_refused_in_words(ollama: Ollama) -> None:
    _, error = await broken(ollama, asked("tiny", Message("user", "See?", images=("aGk=",))))

    assert (type(error), error.code) == (errors.Invalid, "no-vision")


async def test_a_prompt_beyond_the_context_is_said_with_its_numbers(ollama: Ollama) -> None:
    small = ChatRequest(
        "tiny", (Message("user", "word " * 3000),), {"num_ctx": 512, "num_predict": 9}
    )

    _, error = await broken(ollama, small)

    assert (type(error), error.code) == (errors.Invalid, "context-exceeded")
    assert error.extra["num_ctx"] == 512


async def test_nobody_at_the_address_is_said_at_once() -> None:
    async with FakeOllama() as fake:
        url = fake.url
    async with Ollama(url) as client:
        _, error = await broken(client, asked())

    assert (type(error), error.code) == (errors.Unavailable, "ollama-down")
    assert url in error.detail


async def test_an_empty_403_explains_origins_and_hosts(fake: FakeOllama, ollama: Ollama) -> None:
    fake.misbehave(
        raw_script=[(0, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")], path="/api/chat"
    )

    _, error = await broken(ollama, asked())

    assert error.code == "ollama-refused-us"
    assert "OLLAMA_ORIGINS" in error.detail


async def test_a_redirect_is_not_followed(fake: FakeOllama, ollama: Ollama) -> None:
    async with FakeOllama() as elsewhere:
        fake.misbehave(redirect=f"{elsewhere.url}/api/chat")

        await broken(ollama, asked())

        assert elsewhere.requests == []


async def test_a_client_works_again_after_ollama_restarted(
    fake: FakeOllama, ollama: Ollama
) -> None:
    await answered(ollama, asked())
    await fake.stop()
    await broken(ollama, asked())
    await fake.start()

    assert text_of(await answered(ollama, asked())) == " piece" * 12


async def test_a_connection_is_used_again_after_a_whole_answer(
    fake: FakeOllama, ollama: Ollama
) -> None:
    for _ in range(3):
        await answered(ollama, asked())

    assert fake.stats()["connections"] == 1


# --- leaving ----------------------------------------------------------------------------------


async def test_closing_the_stream_closes_the_connection_at_once(
    fake: FakeOllama, ollama: Ollama
) -> None:
    fake.full_speed(100_000, pace=50)
    async with aclosing(ollama.chat(asked())) as stream:
        await anext(stream)
    left_at = time.monotonic()

    (departure,) = await fake.client_left()

    assert departure.at - left_at < CLOSE_LIMIT_S


@pytest.mark.parametrize("fault", [{"stall_after": 0}, {"stall_after": 2}, {"load_seconds": 60}])
async def test_cancelling_who_waits_closes_the_connection_at_once(
    fake: FakeOllama, ollama: Ollama, fault: Fault
) -> None:
    fake.misbehave(**fault)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(answered(ollama, asked()))
        await fake.saw(path="/api/chat")
        await asyncio.sleep(0.02)
        left_at = time.monotonic()
        waiting.cancel()

    (departure,) = await fake.client_left()

    assert departure.at - left_at < CLOSE_LIMIT_S


async def test_fifty_streams_run_at_once_and_close_at_once(
    fake: FakeOllama, ollama: Ollama
) -> None:
    fake.full_speed(100_000, pace=50)
    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(answered(ollama, asked())) for _ in range(50)]
        await fake.until(lambda: sum(seen.frames_sent > 0 for seen in fake.requests) == 50)
        left_at = time.monotonic()
        for reader in readers:
            reader.cancel()

    departures = await fake.client_left(50)

    assert max(departure.at for departure in departures) - left_at < CLOSE_LIMIT_S


async def test_leaving_while_the_question_is_still_being_sent_closes_the_connection() -> None:
    left = asyncio.Event()

    async def never_reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined] # no public way
        try:
            await left.wait()
        finally:
            writer.close()

    async with await asyncio.start_server(never_reads, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        picture = Message("user", "Look", images=("A" * 20_000_000,))
        async with Ollama(f"http://127.0.0.1:{port}", first_byte_s=0.3) as client:
            _, error = await broken(client, asked("talker", picture))
        left.set()

    assert error.code == "ollama-too-slow"


async def test_a_stream_leaves_time_for_others(fake: FakeOllama, ollama: Ollama) -> None:
    fake.full_speed(30_000)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with asyncio.TaskGroup() as group:
        beside = group.create_task(other())
        batches = [len(batch) async for batch in ollama.chat(asked())]
        beside.cancel()

    assert turns >= len(batches)


# --- everything else it is asked --------------------------------------------------------------


async def test_facts_about_models_are_read(fake: FakeOllama, ollama: Ollama) -> None:
    fake.add_model("eye", capabilities=["completion", "vision"], context_length=40960)

    shown = await ollama.show("eye")
    listed = {model.name: model for model in await ollama.tags()}

    assert (shown.capabilities, shown.context_length) == (("completion", "vision"), 40960)
    assert listed["eye:latest"].digest
    assert await ollama.version() == "0.33.0-rc2"


async def test_loading_and_unloading_show_in_what_is_in_memory(ollama: Ollama) -> None:
    await ollama.load("tiny", keep_alive=-1)
    loaded = await ollama.ps()
    await ollama.unload("tiny")

    assert [(model.name, model.expires_at is not None) for model in loaded] == [
        ("tiny:latest", True)
    ]
    assert await ollama.ps() == []


async def test_loading_an_unknown_model_is_not_found(ollama: Ollama) -> None:
    with pytest.raises(errors.NotFound) as caught:
        await ollama.load("nosuch")

    assert caught.value.code == "model-not-found"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"garbage": True}, "ollama-garbled"),
        ({"html": True}, "ollama-garbled"),
        ({"close_after": 0}, "ollama-down"),
        ({"status": 500, "error": "boom"}, "ollama-failed"),
        (
            {"raw_script": [(0, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")]},
            "ollama-garbled",
        ),
        ({"raw_script": [(0, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}")]}, "ollama-down"),
    ],
)
async def test_a_strange_list_of_models_is_an_error_with_a_code(
    fake: FakeOllama, ollama: Ollama, fault: Fault, code: str
) -> None:
    fake.misbehave(**fault)

    with pytest.raises(OrcaError) as caught:
        await ollama.tags()

    assert caught.value.code == code


@pytest.mark.slow
async def test_a_list_of_thousands_of_models_is_read(fake: FakeOllama, ollama: Ollama) -> None:
    fake.misbehave(huge_tags=5000)

    assert len(await ollama.tags()) > 5000


async def test_an_answer_without_end_is_cut_off() -> None:
    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b" " * 1_000_000)
                await writer.drain()
        except ConnectionError:
            writer.close()

    async with await asyncio.start_server(floods, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Ollama(f"http://127.0.0.1:{port}") as client:
            with pytest.raises(OrcaError) as caught:
                await client.tags()

    assert caught.value.code == "ollama-garbled"
