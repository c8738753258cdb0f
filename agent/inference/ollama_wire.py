"""Ollama's native wire format: requests as JSON, streamed lines as frames."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from agent.inference.failures import from_text, garbled, incomplete
from agent.inference.rules import (
    Batch,
    ChatRequest,
    EmbedRequest,
    Finish,
    FinishReason,
    Frame,
    Message,
    ToolCall,
    Usage,
)
from agent.shared.errors import OrcaError

LINE_LIMIT_BYTES = 64 * 1024 * 1024
REASONS: dict[object, FinishReason] = {"length": "length", "load": "load", "unload": "unload"}


def chat_body(request: ChatRequest) -> bytes:
    """The body of POST /api/chat. `truncate` and `shift` are off: what does not fit is an error
    or ends with reason `length`, instead of being forgotten in silence."""
    body: dict[str, object] = {
        "model": request.model,
        "messages": [_message(message) for message in request.messages],
        "stream": True,
        "options": dict(request.options),
        "truncate": False,
        "shift": False,
    }
    extras = {
        "think": request.think,
        "format": request.format,
        "keep_alive": lasting(request.keep_alive),
    }
    body.update({name: value for name, value in extras.items() if value is not None})
    if request.tools:
        body["tools"] = request.tools
    if request.logprobs:
        body |= {"logprobs": True, "top_logprobs": request.top_logprobs}
    return orjson.dumps(body)


def lasting(keep_alive: str | int | None) -> str | int | None:
    """A keep_alive as Ollama takes it: a text without a unit, such as "-1", is none to it."""
    if isinstance(keep_alive, str) and keep_alive.removeprefix("-").isdecimal():
        return int(keep_alive)
    return keep_alive


def embed_body(request: EmbedRequest) -> dict[str, object]:
    """The body of POST /api/embed."""
    body: dict[str, object] = {
        "model": request.model,
        "input": list(request.input),
        "truncate": request.truncate,
        "options": dict(request.options),
    }
    extras = {"dimensions": request.dimensions, "keep_alive": lasting(request.keep_alive)}
    return body | {name: value for name, value in extras.items() if value is not None}


def _message(message: Message) -> dict[str, object]:
    body: dict[str, object] = {"role": message.role, "content": message.content}
    if message.images:
        body["images"] = message.images
    if message.thinking:
        body["thinking"] = message.thinking
    if message.tool_calls:
        body["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_name:
        body["tool_name"] = message.tool_name
    return body


class AnswerReader:
    """Cuts the bytes of a streamed answer into lines and reads each as soon as it is whole.

    What went wrong is kept in `failure`, so that the frames before it still reach the reader.
    With `is_relayed`, lines that plainly go on are not read: see Batch.
    """

    def __init__(
        self,
        model: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        is_relayed: bool = False,
    ) -> None:
        self.failure: OrcaError | None = None
        self.is_finished = False
        self._model, self._monotonic = model, monotonic
        self._began, self._first_token_ms = monotonic(), 0.0
        self._is_relayed = is_relayed
        self._rest: list[bytes] = []
        self._rest_bytes = 0

    def feed(self, data: bytes) -> Batch:
        """The frames that `data` completes, in order."""
        cut = data.rfind(b"\n") + 1
        if not cut:
            self._keep(data)
            return Batch()
        block = b"".join((*self._rest, data[:cut]))
        self._rest, self._rest_bytes = [], 0
        self._keep(data[cut:])
        return self._frames(block)

    def end(self) -> Batch:
        """The frames of a last line without its line end; sets `failure` if the answer is not
        whole."""
        try:
            orjson.loads(block := b"".join(self._rest))
        except orjson.JSONDecodeError:
            frames = Batch()
        else:
            frames = self._frames(block + b"\n")
        if not self.is_finished and self.failure is None:
            self.failure = incomplete(self._model)
        return frames

    def _keep(self, rest: bytes) -> None:
        if rest:
            self._rest.append(rest)
            self._rest_bytes += len(rest)
            if self._rest_bytes > LINE_LIMIT_BYTES:
                self._rest, self.failure = [], garbled("sent a line without end")

    def _frames(self, block: bytes) -> Batch:
        frames = Batch(raw=block)
        if self._is_relayed and not self.is_finished and _goes_on(block):
            self._note_first_now()
            return frames
        lines = block.split(b"\n")
        for number, line in enumerate(lines):
            if line and not self.is_finished:
                try:
                    self._read(orjson.loads(line), frames)
                except (ValueError, TypeError, KeyError, AttributeError):
                    if line.isspace():
                        continue
                    self.failure = garbled("sent a line that cannot be read")
                if self.failure is not None:
                    frames.raw = b"".join(good + b"\n" for good in lines[:number])
                    break
        self._note_first(frames)
        return frames

    # Runs once a token, so nothing is checked twice: another shape than Ollama's raises here
    # and is caught above.
    def _read(self, line: Any, frames: Batch) -> None:  # Any: a stranger's JSON
        if "error" in line:
            self.failure = from_text(200, line["error"], self._model)
            return
        if "response" in line:  # of /api/generate
            message, text = line, line["response"]
        else:
            message = line["message"]
            text = message.get("content")
        if thought := message.get("thinking"):
            frames.append(Frame("thinking", thought + ""))
        if text:
            found = tuple(line["logprobs"]) if "logprobs" in line else ()
            frames.append(Frame("token", text + "", (), found))
        if calls := message.get("tool_calls"):
            frames.append(Frame("tool", "", tuple(_call(call) for call in calls)))
        if line["done"] is True:
            self.is_finished = True
            self._note_first(frames)
            frames.append(Finish(REASONS.get(line.get("done_reason"), "stop"), self._usage(line)))

    def _note_first(self, frames: Batch) -> None:
        if frames and isinstance(frames[0], Frame):
            self._note_first_now()

    def _note_first_now(self) -> None:
        if not self._first_token_ms:
            self._first_token_ms = round((self._monotonic() - self._began) * 1000, 3)

    def _usage(self, line: Mapping[str, object]) -> Usage:
        count, duration_ns = _number(line, "eval_count"), _number(line, "eval_duration")
        return Usage(
            prompt_tokens=int(_number(line, "prompt_eval_count")),
            completion_tokens=int(count),
            load_ms=_number(line, "load_duration") / 1e6,
            first_token_ms=self._first_token_ms,
            tokens_per_second=round(count / duration_ns * 1e9, 2) if duration_ns else 0.0,
            total_ms=_number(line, "total_duration") / 1e6,
        )


def read_lines(lines: bytes, model: str) -> Batch:
    """The frames of whole lines. Raises what a line that cannot be read means."""
    reader = AnswerReader(model)
    batch = reader.feed(lines)
    if reader.failure is not None:
        raise reader.failure
    return batch


def _goes_on(block: bytes) -> bool:
    """Whether each line says that another one follows, and nothing else twice."""
    count = block.count(b"\n")
    is_plain = block.count(b'"done":false') == count == block.count(b"}\n")
    return is_plain and b'{"error":' not in block


def _call(call: Any) -> ToolCall:  # Any: a stranger's JSON
    function = call["function"]
    return ToolCall(str(function["name"]), dict(function["arguments"]), str(call.get("id", "")))


def _number(line: Mapping[str, object], name: str) -> float:
    value = line.get(name, 0)
    return value if isinstance(value, (int, float)) and value >= 0 else 0
