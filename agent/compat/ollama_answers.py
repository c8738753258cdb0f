"""From what a model says to Ollama's words; an Ollama's own go on as they are."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import orjson

from agent.compat.ollama_errors import error_body
from agent.inference.rules import (
    Batch,
    Embeddings,
    Finish,
    FinishReason,
    Frame,
    LoadedModel,
    Usage,
)
from agent.models.rules import Model
from agent.shared import problems
from agent.shared.clock import Clock, rfc3339
from agent.shared.errors import OrcaError

Json = dict[str, Any]  # Any: JSON


class Lines:
    """The lines of an answer. Those of an Ollama are passed on untouched; others are made, of
    each of which only the text is encoded."""

    def __init__(self, model: str, clock: Clock, *, is_chat: bool) -> None:
        self._model, self._clock, self._is_chat = model, clock, is_chat
        self._name = orjson.dumps(model)

    def batch(self, batch: Batch) -> bytes:
        """All that came together, as one piece of bytes."""
        if batch.raw:
            return batch.raw
        begin = b'{"model":%b,"created_at":"%b",' % (self._name, rfc3339(self._clock()).encode())
        before, after = b'"response":', b',"done":false}\n'
        if self._is_chat:
            before, after = b'"message":{"role":"assistant","content":', b'},"done":false}\n'
        before = begin + before
        return b"".join(
            before + orjson.dumps(item.text) + after
            if isinstance(item, Frame) and item.kind == "token" and not item.logprobs
            else begin + orjson.dumps(self._odd(item))[1:] + b"\n"
            for item in batch
        )

    def failed(self, err: OrcaError) -> bytes:
        """An error after the beginning, as Ollama tells it."""
        return orjson.dumps(error_body(problems.describe(err))) + b"\n"

    def whole(self, said: "Said") -> Json:
        """One object for all of it, with the server's own numbers where it is an Ollama."""
        last = dict(said.last) or {
            "model": self._model,
            "created_at": rfc3339(self._clock()),
            **(self._odd(said.finish) if said.finish else {}),
        }
        text, thought = "".join(said.text), "".join(said.thought)
        into: Json = last.setdefault("message", {"role": "assistant"}) if self._is_chat else last
        into["content" if self._is_chat else "response"] = text
        if thought:
            into["thinking"] = thought
        if said.calls:
            into["tool_calls"] = said.calls
        if said.logprobs:
            last["logprobs"] = said.logprobs
        return last

    def _odd(self, item: Frame | Finish) -> Json:
        """A frame without its beginning."""
        if isinstance(item, Finish):
            return {
                **self._said({}),
                "done": True,
                "done_reason": item.reason,
                **durations(item),
            }
        if item.kind == "thinking":
            return {**self._said({"thinking": item.text}), "done": False}
        if item.kind == "tool":
            return {**self._said({"tool_calls": _calls(item)}), "done": False}
        said = {"content" if self._is_chat else "response": item.text}
        return {**self._said(said), "done": False, "logprobs": item.logprobs}

    def _said(self, fields: Json) -> Json:
        if self._is_chat:
            return {"message": {"role": "assistant", "content": "", **fields}}
        return {"response": "", **fields}


@dataclass(slots=True)
class Said:
    """An answer as it comes together; `last` is Ollama's own last line."""

    text: list[str] = field(default_factory=list)
    thought: list[str] = field(default_factory=list)
    calls: list[Json] = field(default_factory=list)
    logprobs: list[Mapping[str, object]] = field(default_factory=list)
    finish: Finish | None = None
    last: Json = field(default_factory=dict)

    def take(self, batch: Batch) -> None:
        for item in batch:
            if isinstance(item, Finish):
                self.finish = item
                continue
            self.logprobs += item.logprobs
            if item.kind == "tool":
                self.calls += _calls(item, after=len(self.calls))
            else:
                (self.thought if item.kind == "thinking" else self.text).append(item.text)
        if batch.raw and self.finish:
            self.last = orjson.loads(batch.raw.rstrip().rpartition(b"\n")[2])


async def stream(
    lines: Lines, first: Batch, batches: AsyncGenerator[Batch, None]
) -> AsyncGenerator[bytes, None]:
    """The lines of an answer that has begun. Closing it stops the model."""
    async with aclosing(batches):
        yield lines.batch(first)
        try:
            async for batch in batches:
                yield lines.batch(batch)
        except OrcaError as err:
            yield lines.failed(err)


async def collected(batches: AsyncGenerator[Batch, None]) -> Said:
    """The whole answer; the model stops if this is cancelled before that."""
    said = Said()
    async with aclosing(batches):
        async for batch in batches:
            said.take(batch)
    return said


def loaded_elsewhere(*, unload: bool) -> Said:
    """What is said of loading where the server loads and unloads by itself."""
    reason: FinishReason = "unload" if unload else "load"
    return Said(finish=Finish(reason, Usage(0, 0, 0, 0, 0, 0)))


def durations(finish: Finish) -> Json:
    """Counts and nanoseconds, as far as they are known."""
    usage = finish.usage
    eval_s = usage.completion_tokens / usage.tokens_per_second if usage.tokens_per_second else 0.0
    counted = {
        "total_duration": int(usage.total_ms * 1e6),
        "load_duration": int(usage.load_ms * 1e6),
        "prompt_eval_count": usage.prompt_tokens,
        "eval_count": usage.completion_tokens,
        "eval_duration": int(eval_s * 1e9),
    }
    return {name: number for name, number in counted.items() if number}


def embed_json(found: Embeddings, model: str) -> Json:
    """The answer of /api/embed."""
    return {
        "model": model,
        "embeddings": found.vectors,
        "total_duration": int(found.total_ms * 1e6),
        "load_duration": int(found.load_ms * 1e6),
        "prompt_eval_count": found.prompt_tokens,
    }


def tag_json(model: Model) -> Json:
    """A model of /api/tags."""
    body = {
        "name": model.name,
        "model": model.name,
        "size": model.size_bytes,
        "digest": model.digest,
        "details": details_json(model),
        "capabilities": model.capabilities,
    }
    if model.modified_at:
        body["modified_at"] = rfc3339(model.modified_at)
    return body


def details_json(model: Model) -> Json:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": model.family,
        "families": [model.family] if model.family else [],
        "parameter_size": model.parameter_size,
        "quantization_level": model.quantization,
        **({"context_length": model.context_length} if model.context_length else {}),
    }


def show_json(model: Model) -> Json:
    """What is known of a model whose server does not speak Ollama's language."""
    length = {f"{model.family or 'model'}.context_length": model.context_length}
    return {
        "details": details_json(model),
        "model_info": {
            "general.architecture": model.family or "model",
            **(length if model.context_length else {}),
        },
        "capabilities": model.capabilities,
    }


def loaded_json(loaded: LoadedModel, model: Model | None) -> Json:
    """A model of /api/ps."""
    body: Json = {
        "name": loaded.name,
        "model": loaded.name,
        "size": loaded.size_bytes,
        "digest": model.digest if model else "",
        "details": details_json(model) if model else {},
        "size_vram": loaded.vram_bytes,
    }
    if loaded.expires_at:
        body["expires_at"] = rfc3339(loaded.expires_at)
    if loaded.context_length:
        body["context_length"] = loaded.context_length
    return body


def _calls(frame: Frame, after: int = 0) -> list[Json]:
    return [
        {
            **({"id": call.id} if call.id else {}),
            "function": {"index": at, "name": call.name, "arguments": call.arguments},
        }
        for at, call in enumerate(frame.calls, after)
    ]
