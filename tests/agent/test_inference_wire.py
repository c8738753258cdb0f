"""The same frames come out however the network cuts the bytes, and nothing else gets through."""

import asyncio
import time
from itertools import pairwise

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.inference.failures import from_answer, from_text
from agent.inference.ollama import Ollama
from agent.inference.ollama_wire import AnswerReader
from agent.inference.rules import ChatRequest, Finish, Frame, Message
from agent.shared.errors import OrcaError

LINES_A_SECOND = 150_000
texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
frames = st.lists(
    st.tuples(st.sampled_from(["content", "thinking"]), texts.filter(bool)), max_size=8
)


def line(content: str = "", *, thinking: str = "", done: bool = False) -> bytes:
    message = {"role": "assistant", "content": content}
    if thinking:
        message["thinking"] = thinking
    return orjson.dumps({"model": "m", "created_at": "x", "message": message, "done": done}) + b"\n"


def read(*pieces: bytes) -> tuple[list[tuple[str, str]], str | None]:
    """What came out as (kind, text), and the code of the failure."""
    reader = AnswerReader("m", monotonic=lambda: 0.0)
    out: list[Frame | Finish] = []
    for piece in pieces:
        out += reader.feed(piece)
        if reader.failure or reader.is_finished:
            break
    else:
        out += reader.end()
    code = reader.failure.code if reader.failure else None
    return [(f.kind, f.text) if isinstance(f, Frame) else ("finish", f.reason) for f in out], code


@given(
    said=frames,
    cuts=st.lists(st.integers(0, 2000), max_size=12),
    is_whole=st.booleans(),
    ends_with_line=st.booleans(),
)
def test_any_way_of_cutting_the_bytes_gives_the_same_frames(
    said: list[tuple[str, str]], cuts: list[int], *, is_whole: bool, ends_with_line: bool
) -> None:
    body = b"".join(
        line(thinking=text) if kind == "thinking" else line(text) for kind, text in said
    )
    body += line(done=True) if is_whole else b""
    body = body if ends_with_line else body.removesuffix(b"\n")
    edges = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    pieces = [body[start:end] for start, end in pairwise(edges)]

    out, code = read(*pieces)

    kinds = {"content": "token", "thinking": "thinking"}
    expected = [(kinds[kind], text) for kind, text in said]
    end = [("finish", "stop")] if is_whole else []
    assert (out, code) == (expected + end, None if is_whole else "answer-incomplete")


@given(st.binary(max_size=60))
def test_any_bytes_are_frames_or_a_failure_with_a_code(noise: bytes) -> None:
    out, code = read(line("a") + noise + b"\n", line(done=True))

    assert out[0] == ("token", "a")
    assert code in {None, "ollama-garbled", "ollama-failed"}


WORDS = (
    "message done error content thinking tool_calls function name arguments role id "
    "eval_count eval_duration done_reason"
)
keys = st.sampled_from(WORDS.split())
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_json_of_any_shape_is_frames_or_a_failure_with_a_code(value: object) -> None:
    out, code = read(orjson.dumps(value) + b"\n", line(done=True))

    assert code is not None or out[-1][0] == "finish"


@given(st.sampled_from([200, 302, 400, 401, 403, 404, 429, 500, 503]), st.binary(max_size=40))
def test_any_refusal_is_an_error_with_a_sentence(status: int, body: bytes) -> None:
    error = from_answer(status, body, "m")

    assert error.code
    assert error.detail.endswith((".", "ollama pull m"))


def test_a_blank_line_and_a_windows_line_end_are_harmless() -> None:
    out, code = read(b"\n  \n" + line("a").replace(b"\n", b"\r\n") + line(done=True))

    assert (out, code) == ([("token", "a"), ("finish", "stop")], None)


def test_nothing_after_the_end_is_read() -> None:
    out, code = read(line("a") + line(done=True) + line("b"))

    assert (out, code) == ([("token", "a"), ("finish", "stop")], None)


def test_an_answer_as_one_json_object_without_line_end_is_read() -> None:
    load = b'{"message":{"role":"assistant","content":""},"done":true,"done_reason":"load"}'

    assert read(load) == ([("finish", "load")], None)


def test_what_ollama_says_is_quoted_short_and_without_paths() -> None:
    error = from_text(500, "open /srv/oll/models/blobs/sha256-1: broken " + "x" * 900, "m")

    assert error.detail.startswith("Ollama failed on m. Ollama says: open …: broken xxx")
    assert len(error.detail) < 400
    assert "/srv" not in error.detail


def test_numbers_inside_a_wrapped_error_are_kept() -> None:
    inner = {
        "message": "request exceeds the available context size",
        "n_prompt_tokens": 9,
        "n_ctx": 5,
    }

    error = from_text(400, orjson.dumps({"error": inner}).decode(), "m")

    assert (error.code, error.extra) == (
        "context-exceeded",
        {"model": "m", "prompt_tokens": 9, "num_ctx": 5},
    )


def test_lines_are_read_fast_enough_for_fifty_streams() -> None:
    block = line(" piece") * 130
    reader = AnswerReader("m")
    began, count = time.process_time(), 0

    while count < 50_000:
        count += len(reader.feed(block))

    assert count / (time.process_time() - began) > LINES_A_SECOND


@settings(max_examples=40, deadline=None)
@given(
    pieces=st.lists(st.binary(min_size=1, max_size=200), max_size=3),
    has_status_line=st.booleans(),
)
def test_a_server_of_any_bytes_ends_in_an_error_with_a_code(
    pieces: list[bytes], *, has_status_line: bool
) -> None:
    async def noisy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if has_status_line:
            writer.write(b"HTTP/1.1 200 \xff\r\n")
        for piece in pieces:
            writer.write(piece)
        writer.close()

    async def talk() -> None:
        async with await asyncio.start_server(noisy, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            request = ChatRequest("m", (Message("user", "x"),), {"num_ctx": 64, "num_predict": 1})
            async with Ollama(f"http://127.0.0.1:{port}", first_byte_s=2, idle_s=2) as client:
                with pytest.raises(OrcaError):
                    await client.version()
                with pytest.raises(OrcaError):
                    async for _ in client.chat(request):
                        pass

    asyncio.run(talk())
