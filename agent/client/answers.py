"""What a model says, piece by piece and whole."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.client.problems import AgentError, ClientProblem, ConnectionLost, Stopped
from agent.client.shapes import Json, Message, ToolCall, Usage
from agent.shared.wire import ServerSentEvent

CLOSING_OF = {
    "done": "done",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
    "failed": "error",
}
CLOSING = frozenset(CLOSING_OF.values())
CUT_OFF = "The connection broke in the middle of the answer."
STOPPED = {
    "cancelled": "It was cancelled before it was done.",
    "interrupted": "The agent ended before it was done.",
}


@dataclass(frozen=True, slots=True)
class Event(ServerSentEvent):
    """Something that happened while an answer was made. `name` and `data` are as the API
    reference lists them; `seq` is its number, 0 in a stream that cannot be resumed."""

    @property
    def text(self) -> str:
        """The piece of answer that this is, empty for every other event."""
        return str(self.data["text"]) if self.name == "token" else ""

    @property
    def thinking(self) -> str:
        """The piece of thought that this is, empty for every other event."""
        return str(self.data["text"]) if self.name == "thinking" else ""

    @property
    def fraction(self) -> float | None:
        """Of a `progress` event: from 0 to 1 how much is done. None where nobody can tell."""
        done, total = self.data.get("completed"), self.data.get("total")
        if self.name != "progress" or not isinstance(done, int) or not isinstance(total, int):
            return None
        return done / total if total > 0 else None

    @property
    def is_last(self) -> bool:
        """Whether nothing comes after it."""
        return self.name in CLOSING


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer that stands for itself.

    `tool_calls` are what the model wants called. `cached`: it was given before, and no model was
    asked. `raw` is the answer as the agent gave it, with all that is not named here."""

    model: str
    backend: str
    content: str
    thinking: str
    finish_reason: str
    usage: Usage
    cached: bool = False
    tool_calls: list[ToolCall] = field(default_factory=list)
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Answer":  # Any: JSON values
        """From the answer of /generate, /chat or /vlm, or of an item of a batch."""
        message = said.get("message") or {}
        return cls(
            model=str(said.get("model") or ""),
            backend=str(said.get("backend") or ""),
            content=str(said["content"] if "content" in said else message.get("content", "")),
            thinking=str(said.get("thinking") or ""),
            finish_reason=str(said.get("finish_reason") or ""),
            usage=said.get("usage") or _NO_USAGE,
            cached=bool(said.get("cached")),
            tool_calls=list(message.get("tool_calls") or []),
            raw=dict(said),
        )

    def json(self) -> Any:  # Any: JSON values
        """The answer read as JSON, for those that were asked with `format`. Raises ValueError."""
        return json.loads(self.content)


_NO_USAGE: Usage = {
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "load_ms": 0.0,
    "first_token_ms": 0.0,
    "tokens_per_second": 0.0,
    "total_ms": None,
}


class Heard:
    """Everything that a stream has said so far."""

    def __init__(self) -> None:
        self.last: Event | None = None
        self.seq = 0
        self.progress: Event | None = None
        self.started: Mapping[str, object] = {}
        self._text: list[str] = []
        self._thinking: list[str] = []

    def take(self, event: Event) -> Event:
        """Keeps it, and hands it back."""
        self.seq = event.seq or self.seq
        if event.name == "token":
            self._text.append(event.text)
        elif event.name == "thinking":
            self._thinking.append(event.thinking)
        elif event.name == "progress":
            self.progress = event
        elif event.name == "started":
            self.started = event.data
        elif event.is_last:
            self.last = event
        return event

    @property
    def text(self) -> str:
        """The answer as far as it has come."""
        return "".join(self._text)

    @property
    def thinking(self) -> str:
        """The thoughts as far as they have come."""
        return "".join(self._thinking)

    def result(self) -> Json:
        """The data of `done`. Raises the error that ended it, or Stopped."""
        last = self.last
        if last is None:
            raise ConnectionLost(CUT_OFF)
        if last.name == "done":
            return last.data
        raise failure(last)

    def message(self) -> Message:
        """The answer as the conversation keeps it, also one that was stopped on the way. Raises
        the error that ended it."""
        data: Json = self.last.data if self.last and self.last.name != "error" else self.result()
        if "message" not in data:  # a run of another kind, or one that a crash took along
            data = self.result()
        message: Message = data["message"]
        return message

    def answer(self) -> Answer:
        """A stateless answer, whole. Raises the error that ended it."""
        done = self.result()
        whole = {"content": self.text, "thinking": self.thinking, **self.started, **done}
        return Answer.of(whole)


def failure(last: Event) -> AgentError:
    """The closing event of something that did not succeed, as an exception."""
    if last.name in STOPPED:
        return Stopped(STOPPED[last.name], code=last.name)
    problem = last.data.get("problem")
    return ClientProblem.of(problem if isinstance(problem, dict) else {})
