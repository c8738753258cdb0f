"""What is asked of a model and what comes back, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

FinishReason = Literal["stop", "length", "load", "unload"]
FrameKind = Literal["token", "thinking", "tool"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model wants called, with its arguments already read."""

    name: str
    arguments: Mapping[str, object]
    id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `images` are base64 without a `data:` prefix."""

    role: str
    content: str
    images: tuple[str, ...] = ()
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_name: str = ""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One generation. `options` holds num_ctx and num_predict: the server's defaults for them
    are a tiny context and no end."""

    model: str
    messages: tuple[Message, ...]
    options: Mapping[str, object]
    think: bool | str | None = None
    format: object | None = None
    keep_alive: str | int | None = None
    tools: tuple[Mapping[str, object], ...] = ()

    def __post_init__(self) -> None:
        if missing := {"num_ctx", "num_predict"} - self.options.keys():
            raise ValueError(f"options lack {', '.join(sorted(missing))}")


class Frame(NamedTuple):
    """A piece of an answer; `calls` is filled for the kind `tool` only."""

    kind: FrameKind
    text: str
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost. Times in milliseconds, as far as the server told them."""

    prompt_tokens: int
    completion_tokens: int
    load_ms: float
    first_token_ms: float
    tokens_per_second: float
    total_ms: float

    def to_json(self) -> dict[str, object]:
        """The `usage` member of messages and `done` events."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "load_ms": self.load_ms,
            "first_token_ms": self.first_token_ms,
            "tokens_per_second": self.tokens_per_second,
            "total_ms": self.total_ms,
        }


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of an answer that came to its end; every other end is an error."""

    reason: FinishReason
    usage: Usage
