"""OpenAI's wire format: streamed events as frames. Requests are in openai_request.py."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from agent.inference.lines import Lines
from agent.inference.openai_failures import Failures
from agent.inference.rules import Batch, Finish, FinishReason, Frame, ToolCall, Usage
from agent.shared.errors import OrcaError

LINE_LIMIT_BYTES = 64 * 1024 * 1024
FIELDS = (b":", b"event:", b"id:", b"retry:")  # of server-sent events, beside `data`
BROKEN_OFF = {"abort", "error", "cancelled"}


class AnswerReader:
    """Cuts the bytes of a streamed answer into events and reads each as soon as it is whole.

    The end is `[DONE]`, or the end of the body behind a `finish_reason`. What went wrong is kept
    in `failure`, so that the frames before it still reach the reader.
    """

    def __init__(
        self, model: str, failures: Failures, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.failure: OrcaError | None = None
        self.is_finished = False
        self.fallbacks: tuple[Mapping[str, object], ...] = ()
        self._model, self._failures, self._monotonic = model, failures, monotonic
        self._began, self._first_at = monotonic(), 0.0
        self._lines = Lines(limit_bytes=LINE_LIMIT_BYTES)
        self._calls: list[_Call] = []
        self._reason: FinishReason | None = None
        self._usage: Mapping[str, Any] = {}  # Any: a stranger's JSON
        self._timings: Mapping[str, Any] = {}  # Any: a stranger's JSON
        self._pieces = 0

    @property
    def is_whole(self) -> bool:
        """Whether the model has stopped by itself; only counts and the end mark may be missing."""
        return self._reason is not None

    def feed(self, data: bytes) -> Batch:
        """The frames that `data` completes, in order."""
        frames = Batch()
        if block := self._lines.whole(data):
            self._read_lines(block, frames)
        if self._lines.is_endless and self.failure is None:
            self.failure = self._failures.garbled("sent a line without end")
        return frames

    def end(self) -> Batch:
        """The frames of a last line without its line end; sets `failure` if the answer is not
        whole."""
        frames = Batch()
        if (rest := self._lines.rest()) and not self.is_finished:
            self._read_lines(rest, frames)
        if self.failure is None and not self.is_finished:
            self._finish(frames)
        return frames

    def whole(self, body: bytes) -> Batch:
        """The frames of an answer that was not streamed, though asked to be."""
        frames = Batch()
        try:
            document = orjson.loads(body)
            for choice in document.get("choices") or ():
                choice["delta"] = choice["message"]
            self._read(document, frames)
        except (ValueError, TypeError, KeyError, AttributeError):
            self.failure = self._failures.garbled("sent an answer that cannot be read")
        if self.failure is None:
            self._finish(frames)
        return frames

    def _read_lines(self, block: bytes, frames: Batch) -> None:
        for line in block.split(b"\n"):
            if line[:5] == b"data:":
                try:
                    self._read(orjson.loads(line[5:]), frames)
                except (ValueError, TypeError, KeyError, AttributeError, IndexError):
                    if line[5:].strip() == b"[DONE]":
                        self._finish(frames)
                    else:
                        self.failure = self._failures.garbled("sent an event that cannot be read")
                if self.failure is not None or self.is_finished:
                    break
            elif line and not line.isspace():
                self._other_field(line)
                if self.failure is not None:
                    break
        if frames and not self._first_at and isinstance(frames[0], Frame):
            self._first_at = self._monotonic()

    # Runs once a token, so nothing is checked twice: another shape than OpenAI's raises here
    # and is caught above.
    def _read(self, event: Any, frames: Batch) -> None:  # Any: a stranger's JSON
        if not (choices := event.get("choices")):
            self._aside(event)
            return
        choice = choices[0]
        if delta := choice["delta"]:
            if text := delta.get("reasoning_content") or delta.get("reasoning"):
                frames.append(Frame("thinking", text + ""))
                self._pieces += 1
            if text := delta.get("content") or delta.get("refusal"):
                scores = choice.get("logprobs")
                found = tuple(scores["content"] or ()) if scores else ()
                frames.append(Frame("token", text + "", (), found))
                self._pieces += 1
            if calls := delta.get("tool_calls"):
                self._collect(calls)
        if reason := choice.get("finish_reason"):
            self._close(reason, frames)
        if usage := event.get("usage"):
            self._usage = usage
        if timings := event.get("timings"):
            self._timings = timings

    def _aside(self, event: Any) -> None:  # Any: a stranger's JSON
        """An event without a choice: the usage, an error, or something of a server's own."""
        self._usage = event.get("usage") or self._usage
        self._timings = event.get("timings") or self._timings
        error = event.get("error") or (event if event.get("object") == "error" else None)
        if error:
            code = error.get("code") if isinstance(error, dict) else None
            status = code if isinstance(code, int) else 500
            self.failure = self._failures.from_error(error, status, self._model)

    def _other_field(self, line: bytes) -> None:
        """A line that is no data. Some servers say there what went wrong."""
        if line.startswith(FIELDS):
            return
        try:
            told = orjson.loads(line.removeprefix(b"error:"))
        except orjson.JSONDecodeError:
            told = {}
        is_error = isinstance(told, dict) and ("error" in told or line.startswith(b"error:"))
        if is_error and told:
            self._aside(told if "error" in told else {"error": told})
        else:
            self.failure = self._failures.garbled("sent a stream that cannot be read")

    def _collect(self, pieces: Any) -> None:  # Any: a stranger's JSON
        """Parts of calls: the name comes first, the arguments in pieces. Most servers number the
        calls, some tell a new one by its id alone."""
        for piece in pieces:
            number, key = piece.get("index"), piece.get("id") or ""
            call = next(
                (
                    one
                    for one in reversed(self._calls)
                    if (one.number == number if number is not None else key in {"", one.id})
                ),
                None,
            )
            if call is None:
                call = _Call(number, key)
                self._calls.append(call)
            function = piece.get("function") or {}
            call.name += function.get("name") or ""
            arguments = function.get("arguments")
            # An object, as some servers write it, is no text to be continued.
            call.arguments += (
                orjson.dumps(arguments).decode()
                if isinstance(arguments, dict)
                else (arguments or "")
            )

    def _close(self, reason: str, frames: Batch) -> None:
        """What is known once the model has stopped; counts may come after it."""
        if reason == "content_filter":
            self.failure = self._failures.filtered(self._model)
        elif reason in BROKEN_OFF:
            self.failure = self._failures.incomplete(self._model)
        else:
            self._reason = "length" if reason == "length" else "stop"
            self._tell_calls(frames)

    def _tell_calls(self, frames: Batch) -> None:
        found = []
        for call in self._calls:
            try:
                arguments = orjson.loads(call.arguments or "{}")
            except orjson.JSONDecodeError:
                arguments = None
            if not isinstance(arguments, dict):
                self.failure = self._failures.bad_call(self._model, call.name)
                return
            found.append(ToolCall(call.name, arguments, call.id))
        self._calls = []
        if found:
            frames.append(Frame("tool", "", tuple(found)))

    def _finish(self, frames: Batch) -> None:
        if self._reason is None:
            self.failure = self.failure or self._failures.incomplete(self._model)
            return
        self.is_finished = True
        frames.append(Finish(self._reason, self._cost()))

    def _cost(self) -> Usage:
        """The server's counts; else the pieces that came, which are about as many tokens."""
        now = self._monotonic()
        first_at = self._first_at or now
        tokens = int(_number(self._usage, "completion_tokens", self._pieces))
        speed = _number(self._timings, "predicted_per_second", 0.0)
        if not speed and now > first_at:
            speed = max(tokens - 1, 0) / (now - first_at)
        return Usage(
            prompt_tokens=int(_number(self._usage, "prompt_tokens", 0)),
            completion_tokens=tokens,
            load_ms=0.0,
            first_token_ms=round((first_at - self._began) * 1000, 3),
            tokens_per_second=round(speed, 2),
            total_ms=round((now - self._began) * 1000, 3),
            fallbacks=self.fallbacks,
        )


class _Call:
    """A call as far as it has come."""

    __slots__ = ("arguments", "id", "name", "number")

    def __init__(self, number: int | None, key: str) -> None:
        self.number, self.id, self.name, self.arguments = number, key, "", ""


def _number(values: Mapping[str, object], name: str, default: float) -> float:
    value = values.get(name)
    return value if isinstance(value, (int, float)) and value >= 0 else default
