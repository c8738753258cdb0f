"""Talking to an OpenAI-shaped server in tests, and what it may answer."""

from typing import Any

import orjson

from agent.inference.openai import OpenAI
from agent.inference.rules import Batch, ChatRequest, Finish, Frame, Message
from agent.shared.errors import OrcaError
from tests.fakes.ollama import FakeOllama

Fault = dict[str, Any]  # Any: fields of the fake's Behaviour
OPTIONS = {"num_ctx": 2048, "num_predict": 64}
KEY = "sk-canary-0123456789"
DONE = b"data: [DONE]\n\n"


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
