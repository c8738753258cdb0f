"""What the fake Ollama is told to do wrong is on the wire as promised."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest

from tests.fakes.ollama import RUNNER_DIED, WRAPPED_ERROR, Behaviour, FakeOllama
from tests.fakes.raw_http import Wire, connected, exchange, post, read_answer

SENTENCE = "Your print is stringing: lower the hotend by 5 degrees and dry your spool.\n\nÜber ✓ 😀"


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as fake:
        yield fake


def chat(model: str = "short", **more: object) -> bytes:
    body = {"model": model, "messages": [{"role": "user", "content": "x"}], **more}
    return post("/api/chat", json.dumps(body).encode())


async def asked(fake: FakeOllama, request: bytes | None = None, *, patience: float = 20) -> Wire:
    return await exchange(fake.port, request or chat(), patience=patience)


def frames(wire: Wire) -> list[dict[str, object]]:
    return [json.loads(line) for line in wire.body.splitlines()]


def said(wire: Wire) -> str:
    texts = []
    for line in wire.body.splitlines():
        frame = json.loads(line)
        texts.append(frame["message"]["content"] if "message" in frame else "")
    return "".join(texts)


def ends_well(wire: Wire) -> bool:
    return (wire.end, frames(wire)[-1].get("done")) == ("complete", True)


async def test_it_is_slow_to_begin(fake: FakeOllama) -> None:
    fake.misbehave(delay=0.15)
    began = time.monotonic()

    wire = await asked(fake)

    assert time.monotonic() - began >= 0.15
    assert said(wire) == SENTENCE


async def test_frames_come_at_the_pace_asked_for(fake: FakeOllama) -> None:
    fake.behave = Behaviour(pace=100)
    began = time.monotonic()

    wire = await asked(fake)

    assert len(wire.pieces) >= 10
    assert time.monotonic() - began >= 0.14


async def test_a_loading_model_sends_nothing_and_is_not_in_memory_yet(fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", load_seconds=0.2)
    waiting = asyncio.create_task(asked(fake))
    await fake.saw(1)

    during = await asked(fake, b"GET /api/ps HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wire = await waiting
    after = await asked(fake, b"GET /api/ps HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert during.body == b'{"models":[]}'
    assert [one["name"] for one in json.loads(after.body)["models"]] == ["short:latest"]
    done = frames(wire)[-1]
    assert isinstance(done["load_duration"], int)
    assert done["load_duration"] >= 200_000_000


@pytest.mark.parametrize("sent", [0, 1, 5])
async def test_it_stalls_for_ever(fake: FakeOllama, sent: int) -> None:
    fake.misbehave(stall_after=sent)

    wire = await asked(fake, patience=0.1)

    assert (wire.end, len(wire.chunks)) == ("silent", sent)
    assert (wire.data == b"") == (sent == 0)


@pytest.mark.parametrize("sent", [0, 4])
async def test_it_resets_the_connection(fake: FakeOllama, sent: int) -> None:
    fake.misbehave(reset_after=sent)

    wire = await asked(fake)

    assert (wire.end, len(wire.chunks)) == ("reset", sent)


@pytest.mark.parametrize("sent", [0, 4])
async def test_it_closes_without_the_last_chunk(fake: FakeOllama, sent: int) -> None:
    fake.misbehave(close_after=sent)

    wire = await asked(fake)

    assert (wire.end, len(wire.chunks)) == ("closed", sent)


async def test_it_ends_without_a_done_frame(fake: FakeOllama) -> None:
    fake.misbehave(end_after=3)

    stream, whole = await asked(fake), await asked(fake, chat(stream=False))

    assert (stream.end, len(stream.chunks)) == ("complete", 3)
    assert [frame["done"] for frame in frames(stream)] == [False] * 3
    assert list(json.loads(whole.body)) == ["model", "created_at", "message", "done"]
    assert (whole.status, json.loads(whole.body)["done"]) == (200, False)


@pytest.mark.parametrize("text", [RUNNER_DIED, WRAPPED_ERROR])
async def test_the_runner_dies_in_the_middle(fake: FakeOllama, text: str) -> None:
    fake.misbehave(die_after=2, die_text=text)

    stream, whole = await asked(fake), await asked(fake, chat(stream=False))

    assert (stream.status, stream.end, len(stream.chunks)) == (200, "complete", 3)
    assert frames(stream)[-1] == {"error": text}
    assert (whole.status, json.loads(whole.body)) == (500, {"error": text})


async def test_an_error_comes_before_the_first_frame(fake: FakeOllama) -> None:
    fake.misbehave(status=500, error="llama runner process has terminated", times=1)

    first, second = await asked(fake), await asked(fake)

    assert (first.status, first.headers["content-type"]) == (500, "application/json; charset=utf-8")
    assert json.loads(first.body) == {"error": "llama runner process has terminated"}
    assert ends_well(second)


async def test_a_line_is_broken_json(fake: FakeOllama) -> None:
    fake.misbehave(broken_line_after=2)

    lines = (await asked(fake)).body.splitlines()

    assert lines[2] == b'{"model":"tiny","created_at":"20'
    assert [json.loads(line)["done"] for line in (*lines[:2], *lines[3:])] == [False] * 14 + [True]


async def test_characters_are_split_between_segments(fake: FakeOllama) -> None:
    fake.misbehave(split=1, text="😀")

    wire = await asked(fake)

    assert any(piece[-1:] == "😀".encode()[:1] for piece in wire.pieces)
    assert (wire.end, said(wire)) == ("complete", "😀")


async def test_all_frames_come_in_one_write(fake: FakeOllama) -> None:
    fake.misbehave(coalesce=True)

    wire = await asked(fake)

    assert (len(wire.pieces), len(wire.chunks)) == (1, 15)
    assert said(wire) == SENTENCE


async def test_a_frame_is_of_megabytes(fake: FakeOllama) -> None:
    fake.misbehave(giant=3_000_000)

    wire = await asked(fake)

    assert said(wire) == "x" * 3_000_000
    assert ends_well(wire)


async def test_a_stopped_server_cuts_streams_and_refuses_until_it_is_back(fake: FakeOllama) -> None:
    fake.misbehave(stall_after=2, times=1)
    async with connected(fake.port) as (reader, writer):
        writer.write(chat())
        await fake.until(lambda: bool(fake.requests) and fake.requests[0].frames_sent == 2)
        await fake.stop()
        cut = await read_answer(reader, "POST")
    with pytest.raises(ConnectionRefusedError):
        await asked(fake)
    await fake.start()

    assert (cut.end, len(cut.chunks), fake.departures) == ("closed", 2, [])
    assert ends_well(await asked(fake))


async def test_it_is_full(fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", full=True)

    wire = await asked(fake)

    text = "server busy, please try again.  maximum pending requests exceeded"
    assert (wire.status, json.loads(wire.body)) == (503, {"error": text})


async def test_another_server_answers_in_its_place(fake: FakeOllama) -> None:
    fake.misbehave(html=True)

    wire = await asked(fake)

    assert (wire.status, wire.headers["content-type"]) == (200, "text/html")
    assert wire.body.startswith(b"<!doctype html>")


async def test_something_answers_that_speaks_no_http(fake: FakeOllama) -> None:
    fake.misbehave(garbage=True)

    wire = await exchange_raw(fake, chat())

    assert wire == b"\x00\x16\x03\x01 this is no HTTP\n\n"


async def exchange_raw(fake: FakeOllama, request: bytes) -> bytes:
    async with connected(fake.port) as (reader, writer):
        writer.write(request)
        return await reader.read()


async def test_it_sends_elsewhere(fake: FakeOllama) -> None:
    fake.misbehave(redirect="http://127.0.0.1:1/api/chat")

    wire = await asked(fake)

    assert (wire.status, wire.headers["location"]) == (307, "http://127.0.0.1:1/api/chat")


async def test_there_are_fields_that_nobody_knows(fake: FakeOllama) -> None:
    fake.misbehave(extra_field=True)

    stream, whole = await asked(fake), await asked(fake, chat(stream=False))
    show = await asked(fake, post("/api/show", b'{"model":"short"}'))

    assert all("surprise" in frame for frame in frames(stream))
    assert "surprise" in json.loads(whole.body)
    assert {"surprise", "model_info"} < set(json.loads(show.body))


async def test_the_list_of_models_is_huge(fake: FakeOllama) -> None:
    fake.misbehave(path="/api/tags", huge_tags=5000)

    wire = await asked(fake, b"GET /api/tags HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert len(json.loads(wire.body)["models"]) == 5012


async def test_it_thinks_before_it_speaks(fake: FakeOllama) -> None:
    fake.misbehave(thinking="Hm, let me see.", text="Dry it.")

    messages = [frame["message"] for frame in frames(await asked(fake))]

    assert messages == [
        *(
            {"role": "assistant", "content": "", "thinking": t}
            for t in ("Hm,", " let", " me", " see.")
        ),
        *({"role": "assistant", "content": text} for text in ("Dry", " it.", "")),
    ]


@pytest.mark.parametrize("in_done", [False, True])
async def test_it_calls_a_tool(fake: FakeOllama, in_done: bool) -> None:  # noqa: FBT001 - a case
    call = {"name": "lookup", "arguments": {"q": "PLA"}}
    fake.misbehave(tool_call=call, call_in_done=in_done, text="")

    got = frames(await asked(fake))

    assert [("tool_calls" in str(frame), frame["done"]) for frame in got] == (
        [(True, True)] if in_done else [(True, False), (False, True)]
    )
    message = got[0]["message"]
    assert isinstance(message, dict)
    assert message["tool_calls"][0]["function"] == {"index": 0, **call}


async def test_the_done_frame_is_odd(fake: FakeOllama) -> None:
    fake.misbehave(done_text=" One more.", metrics=False, done_reason="length")

    got = frames(await asked(fake))

    assert got[-1].pop("created_at")
    assert got[-1] == {
        "model": "short",
        "message": {"role": "assistant", "content": " One more."},
        "done": True,
        "done_reason": "length",
    }


async def test_a_model_is_gone_between_list_and_chat(fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", model="short", vanished=True)

    gone, there = await asked(fake), await asked(fake, chat("vis"))

    assert (gone.status, json.loads(gone.body)) == (404, {"error": "model 'short' not found"})
    assert ends_well(there)


async def test_it_says_odd_characters(fake: FakeOllama) -> None:
    text = 'a\x00b 😀👩‍🔧 \u2028 <script>&amp; \\ " é'
    fake.misbehave(text=text)

    wire = await asked(fake)

    assert said(wire) == text
    assert b"\\u003cscript\\u003e\\u0026amp;" in wire.body


async def test_a_script_is_followed(fake: FakeOllama) -> None:
    fake.misbehave(script=[(0, {"a": 1}), (0.05, b"raw"), (0, b"\n")])
    began = time.monotonic()

    wire = await asked(fake)

    assert wire.chunks == [b'{"a":1}\n', b"raw", b"\n"]
    assert time.monotonic() - began >= 0.05


async def test_a_raw_script_has_nothing_added(fake: FakeOllama) -> None:
    fake.misbehave(raw_script=[(0, b"HTTP/1.1 200 OK\r\nContent-Le"), (0.02, b"ngth: 9\r\n\r\nab")])

    assert await exchange_raw(fake, chat()) == b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"


async def test_a_leaving_client_is_noticed_at_once(fake: FakeOllama) -> None:
    fake.behave = Behaviour(text="word " * 1000, pace=50)
    async with connected(fake.port) as (reader, writer):
        writer.write(chat("tiny"))
        await reader.readuntil(b'"done":false}\n')
    left_at = time.monotonic()

    (departure,) = await fake.client_left()

    assert -0.05 < departure.at - left_at < 5  # the answer takes twenty
    assert (departure.seen.closed_early, departure.seen.path) == (True, "/api/chat")
    assert 1 <= departure.seen.frames_sent < 300


async def test_a_model_serves_one_request_at_a_time_in_their_order(fake: FakeOllama) -> None:
    fake.behave = Behaviour(pace=200)
    order: list[int] = []

    async def one(number: int) -> None:
        await asked(fake)
        order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(one(number))
            await fake.saw(number + 1)
    assert order == [0, 1, 2]
    first_ended, second = fake.requests[0].ended_at, fake.requests[1]
    assert first_ended is not None
    assert second.ended_at is not None
    assert second.ended_at - first_ended >= 0.05


async def test_a_new_model_answers_the_question_in_markdown(fake: FakeOllama) -> None:
    fake.add_model("qwen3:4b", capabilities=["completion", "thinking"], context_length=8000)
    body = {"model": "qwen3:4b", "prompt": "Why does it warp?", "think": False, "stream": False}

    wire = await asked(fake, post("/api/generate", json.dumps(body).encode()))

    text = json.loads(wire.body)["response"]
    assert text.startswith("You asked: **Why does it warp?**")
    for part in ("1. Dry the filament", "|---|---|---|", "```gcode"):
        assert part in text


async def test_full_speed_sends_every_frame_and_a_done_frame(fake: FakeOllama) -> None:
    fake.full_speed(tokens=1000)

    wires = await asyncio.gather(*(asked(fake) for _ in range(8)))

    assert {(len(frames(wire)), ends_well(wire)) for wire in wires} == {(1001, True)}
