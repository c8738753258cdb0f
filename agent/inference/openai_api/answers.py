"""From what a model says to OpenAI's words: whole, or in frames that cost little."""

import array
import base64
import re
import sys
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import orjson

from agent.inference.ollama_wire import read_lines
from agent.inference.openai_api.errors import error_body
from agent.inference.rules import Batch, Embeddings, Finish, Frame, ToolCall, Usage
from agent.shared import problems
from agent.shared.errors import OrcaError

FINGERPRINT = "fp_orca"
DONE = b"data: [DONE]\n\n"
# How an Ollama writes most of its lines. The text is JSON in both, so it can stay as it is.
USUAL = re.compile(
    rb'^\{"model":"[^"\\\n]*","created_at":"[^"\\\n]*","message":\{"role":"assistant",'
    rb'"content":("[^"\\\n]*(?:\\.[^"\\\n]*)*")\},"done":false\}\n',
    re.MULTILINE,
)
NO_USAGE = Usage(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Head:
    """What every part of an answer begins with."""

    id: str
    created: int
    model: str
    is_chat: bool = True

    def fields(self, *, is_part: bool = False) -> dict[str, object]:
        kind = "text_completion"
        if self.is_chat:
            kind = "chat.completion.chunk" if is_part else "chat.completion"
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": FINGERPRINT,
        }


@dataclass(slots=True)
class Said:
    """An answer as it comes together."""

    text: list[str] = field(default_factory=list)
    thought: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    logprobs: list[Mapping[str, object]] = field(default_factory=list)
    finish: Finish = field(default_factory=lambda: Finish("stop", NO_USAGE))

    def take(self, batch: Iterable[Frame | Finish]) -> None:
        for item in batch:
            if isinstance(item, Finish):
                self.finish = item
                continue
            self.logprobs += item.logprobs
            if item.kind == "tool":
                self.calls += item.calls
            else:
                (self.thought if item.kind == "thinking" else self.text).append(item.text)

    @property
    def reason(self) -> str:
        return finish_reason(self.finish, has_calls=bool(self.calls))


def whole_chat(head: Head, said: Said, *, wants_logprobs: bool) -> dict[str, object]:
    """A chat.completion."""
    text, thought = "".join(said.text), "".join(said.thought)
    message: dict[str, object] = {"role": "assistant", "content": text}
    if thought:
        message["reasoning"] = thought
    if said.calls:
        message["content"] = text or None
        message["tool_calls"] = [_call(call, at) for at, call in enumerate(said.calls)]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": chat_logprobs(said.logprobs) if wants_logprobs else None,
        "finish_reason": said.reason,
    }
    return {**head.fields(), "choices": [choice], "usage": usage_json(said.finish.usage)}


def whole_text(head: Head, said: Said, *, wants_logprobs: bool) -> dict[str, object]:
    """A text_completion."""
    choice = {
        "index": 0,
        "text": "".join(said.text),
        "logprobs": text_logprobs(said.logprobs, 0) if wants_logprobs else None,
        "finish_reason": said.reason,
    }
    return {**head.fields(), "choices": [choice], "usage": usage_json(said.finish.usage)}


class Frames:
    """The frames of a stream. All that does not change is made once: of each piece of text,
    only the text itself is encoded."""

    def __init__(self, head: Head, *, wants_usage: bool = False) -> None:
        fields = orjson.dumps(head.fields(is_part=True))[:-1]
        self._begin = b"data: " + fields + b',"choices":[{"index":0,'
        self._usage = b',"usage":null' if wants_usage else b""
        self._end = b',"finish_reason":null}]' + self._usage + b"}\n\n"
        self._fields, self._wants_usage, self._is_chat = fields, wants_usage, head.is_chat
        said = b'"delta":{"content":' if head.is_chat else b'"text":'
        self._before = self._begin + said
        self._after = (b"}" if head.is_chat else b"") + b',"logprobs":null' + self._end
        self._between = self._after + self._before
        self._template = b"\\1".join(
            part.replace(b"\\", b"\\\\") for part in (self._before, self._after)
        )
        self._model = head.model
        self._calls = self._characters = 0

    def first(self) -> bytes:
        """Says whose turn it is; plain completions have no turns."""
        return self._delta({"role": "assistant", "content": ""}) if self._is_chat else b""

    def batch(self, batch: Batch) -> bytes:
        """All that came together, as one piece of bytes."""
        if batch or not batch.raw:
            return self._encoded(batch)
        told, count = USUAL.subn(self._template, batch.raw)
        if count == batch.raw.count(b"\n"):
            return told
        return self._encoded(read_lines(batch.raw, self._model))

    def _encoded(self, batch: Iterable[Frame | Finish]) -> bytes:
        parts: list[bytes] = []
        texts: list[bytes] = []
        for item in batch:
            if isinstance(item, Frame) and item.kind == "token" and not item.logprobs:
                texts.append(orjson.dumps(item.text))
                continue
            if texts:
                parts.append(self._texts(texts))
                texts = []
            parts.append(self._finish(item) if isinstance(item, Finish) else self._odd(item))
        if texts:
            parts.append(self._texts(texts))
        return b"".join(parts)

    def failed(self, err: OrcaError) -> bytes:
        """An error after the beginning, as OpenAI's clients look for it."""
        return b"data: %b\n\n" % orjson.dumps(error_body(problems.describe(err)))

    def _texts(self, texts: list[bytes]) -> bytes:
        return self._before + self._between.join(texts) + self._after

    def _odd(self, frame: Frame) -> bytes:
        if frame.kind == "token":
            if self._is_chat:
                return self._delta({"content": frame.text}, chat_logprobs(frame.logprobs))
            chances = text_logprobs(frame.logprobs, self._characters)
            self._characters += len(frame.text)
            return self._piece({"text": frame.text, "logprobs": chances})
        if not self._is_chat:
            return b""
        if frame.kind == "thinking":
            return self._delta({"reasoning": frame.text})
        calls = [_call(call, self._calls + at) for at, call in enumerate(frame.calls)]
        self._calls += len(calls)
        return self._delta({"tool_calls": calls})

    def _delta(self, delta: Mapping[str, object], logprobs: object = None) -> bytes:
        return self._piece({"delta": delta, "logprobs": logprobs})

    def _piece(self, fields: Mapping[str, object]) -> bytes:
        return self._begin + orjson.dumps(fields)[1:-1] + self._end

    def _finish(self, finish: Finish) -> bytes:
        reason = finish_reason(finish, has_calls=bool(self._calls))
        said: dict[str, object] = {"delta": {}} if self._is_chat else {"text": ""}
        last = orjson.dumps({**said, "logprobs": None, "finish_reason": reason})[1:]
        ended = self._begin + last + b"]" + self._usage + b"}\n\n"
        if not self._wants_usage:
            return ended + DONE
        usage = orjson.dumps(usage_json(finish.usage))
        return ended + b'data: %b,"choices":[],"usage":%b}\n\n' % (self._fields, usage) + DONE


async def stream(
    frames: Frames, first: Batch, batches: AsyncGenerator[Batch, None]
) -> AsyncGenerator[bytes, None]:
    """The frames of an answer that has begun. Closing it stops the model."""
    async with aclosing(batches):
        yield frames.first() + frames.batch(first)
        try:
            async for batch in batches:
                yield frames.batch(batch)
        except OrcaError as err:
            yield frames.failed(err)


def finish_reason(finish: Finish, *, has_calls: bool) -> str:
    if finish.reason == "length":
        return "length"
    return "tool_calls" if has_calls else "stop"


def usage_json(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def chat_logprobs(found: Iterable[Mapping[str, object]]) -> dict[str, object]:
    """As they are in chat; each has its list of others, which may be empty."""
    return {"content": [{"bytes": None, "top_logprobs": [], **one} for one in found]}


def text_logprobs(found: Sequence[Mapping[str, object]], offset: int) -> dict[str, object]:
    """As they are in plain completions; `offset` is of the first token."""
    offsets: list[int] = []
    for one in found:
        offsets.append(offset)
        offset += len(str(one.get("token", "")))
    return {
        "tokens": [one.get("token") for one in found],
        "token_logprobs": [one.get("logprob") for one in found],
        "top_logprobs": [_others(one.get("top_logprobs")) for one in found],
        "text_offset": offsets,
    }


def embeddings_json(found: Embeddings, model: str, *, as_base64: bool) -> dict[str, object]:
    """A list of embeddings."""
    return {
        "object": "list",
        "model": model,
        "data": [
            {"object": "embedding", "index": at, "embedding": _packed(v) if as_base64 else v}
            for at, v in enumerate(found.vectors)
        ],
        "usage": {"prompt_tokens": found.prompt_tokens, "total_tokens": found.prompt_tokens},
    }


def _packed(vector: Sequence[float]) -> str:
    numbers = array.array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()


def _others(found: object) -> dict[str, object]:
    return {str(one["token"]): one["logprob"] for one in found} if isinstance(found, list) else {}


def _call(call: ToolCall, at: int) -> dict[str, object]:
    arguments = orjson.dumps(call.arguments).decode()
    return {
        "index": at,
        "id": call.id or f"call_{at}",
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }
