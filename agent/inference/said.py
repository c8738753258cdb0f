"""What has come of an answer so far, and the document that it becomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.inference.rules import Batch, Finish, Frame, ToolCall, Usage

Json = dict[str, Any]  # Any: JSON values


@dataclass(slots=True)
class Said:
    """An answer while it comes. Times are those of its own model."""

    model: str
    backend: str
    provider: str
    content: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    logprobs: list[Mapping[str, object]] = field(default_factory=list)
    finish: Finish | None = None
    format_ok: bool | None = None
    is_repaired: bool = False
    is_cached: bool = False

    @property
    def text(self) -> str:
        return "".join(self.content)

    @property
    def started(self) -> dict[str, object]:
        """The data of the event `started`."""
        return {"model": self.model, "backend": self.backend, "provider": self.provider}

    @property
    def was_cut(self) -> bool:
        """Whether the answer reached its limit."""
        return self.finish is not None and self.finish.reason == "length"

    def hear(self, event: str, data: Mapping[str, object]) -> None:
        """Takes from what Inference tells who answers."""
        if event == "started":
            self.backend, self.provider = str(data["backend"]), str(data["provider"])

    def take(self, batch: Batch) -> None:
        """Takes what one network read brought."""
        for item in batch:
            if isinstance(item, Finish):
                self.finish = item
                continue
            self.calls += item.calls
            self.logprobs += item.logprobs
            if item.text:
                (self.content if item.kind == "token" else self.thinking).append(item.text)

    def frames(self) -> list[Frame]:
        """The answer in one piece of each kind, as a stream would have brought it."""
        frames = [Frame("thinking", "".join(self.thinking))] if self.thinking else []
        if self.content:
            frames.append(Frame("token", self.text, (), tuple(self.logprobs)))
        if self.calls:
            frames.append(Frame("tool", "", tuple(self.calls)))
        return frames

    # --- as a document ----------------------------------------------------------------------

    def document(self, clamped: Mapping[str, Mapping[str, object]], *, as_message: bool) -> Json:
        """The answer as clients get it; `as_message`: as one that a conversation goes on with."""
        usage = self.finish.usage if self.finish else NOTHING
        answer: Json = {
            "model": self.model,
            "backend": self.backend,
            **(self._message() if as_message else {"content": self.text}),
            "thinking": "".join(self.thinking),
            "usage": usage.to_json(),
            "finish_reason": self.finish.reason if self.finish else "stop",
            "cached": self.is_cached,
        }
        if clamped:
            answer["clamped"] = clamped
        if self.logprobs:
            answer["logprobs"] = self.logprobs
        if self.format_ok is not None:
            answer["format_ok"] = self.format_ok
        if self.is_repaired:
            answer["repaired"] = True
        return answer

    def _message(self) -> Json:
        message: Json = {"role": "assistant", "content": self.text}
        if self.calls:
            message["tool_calls"] = calls_json(self.calls)
        return {"message": message}

    # --- kept for later ---------------------------------------------------------------------

    def to_keep(self) -> Json:
        """All that the same request is answered with the next time."""
        return {
            "model": self.model,
            "backend": self.backend,
            "provider": self.provider,
            "content": self.text,
            "thinking": "".join(self.thinking),
            "calls": [[call.name, dict(call.arguments), call.id] for call in self.calls],
            "logprobs": self.logprobs,
            "reason": self.finish.reason if self.finish else "stop",
            "prompt_tokens": self.finish.usage.prompt_tokens if self.finish else 0,
            "completion_tokens": self.finish.usage.completion_tokens if self.finish else 0,
            "format_ok": self.format_ok,
            "is_repaired": self.is_repaired,
        }

    @classmethod
    def kept(cls, kept: Json) -> "Said":
        """From `to_keep`. It took no time; the tokens are those of the first time."""
        tokens = kept["prompt_tokens"], kept["completion_tokens"]
        return cls(
            kept["model"],
            kept["backend"],
            kept["provider"],
            content=[kept["content"]] if kept["content"] else [],
            thinking=[kept["thinking"]] if kept["thinking"] else [],
            calls=[ToolCall(*call) for call in kept["calls"]],
            logprobs=kept["logprobs"],
            finish=Finish(kept["reason"], Usage(*tokens, 0.0, 0.0, 0.0, 0.0)),
            format_ok=kept["format_ok"],
            is_repaired=kept["is_repaired"],
            is_cached=True,
        )


NOTHING = Usage(0, 0, 0.0, 0.0, 0.0, 0.0)


def calls_json(calls: list[ToolCall]) -> list[Json]:
    """Calls of tools as messages carry them."""
    return [
        {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}}
        for call in calls
    ]


def both(first: Usage, second: Usage) -> Usage:
    """What two answers cost together, the second being the one that counts."""
    return Usage(
        first.prompt_tokens + second.prompt_tokens,
        first.completion_tokens + second.completion_tokens,
        first.load_ms + second.load_ms,
        first.first_token_ms,
        second.tokens_per_second,
        first.total_ms + second.total_ms,
        second.fallbacks,
    )
