"""What is asked of OpenAI-shaped servers, in their words."""

import re
from collections.abc import Mapping, Sequence

import orjson

from agent.inference.rules import ChatRequest, EmbedRequest, Message, ToolCall

SAME_NAME = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "stop")
IMAGE_KINDS = {"/9j/": "jpeg", "iVBOR": "png", "UklGR": "webp", "R0lGO": "gif"}
EFFORTS = {"max": "high"}
# What not every server knows. A server that refuses one is asked again without it.
OPTIONAL = ("stream_options", "chat_template_kwargs", "encoding_format")
LENGTHS = re.compile(
    r"max_(completion_)?tokens\b.*(too large|at most|maximum|exceed|less than)", re.I
)
NUMBERS = re.compile(r"(?<![\w.-])\d[\d,]{0,9}(?![\w-])")
OPENAI_HOST = "api.openai.com"
REASONING = ("o1", "o3", "o4", "gpt-5", "codex")


def chat_fields(request: ChatRequest, model: str, *, host: str) -> dict[str, object]:
    """The body of POST /chat/completions. Options that OpenAI has no words for are left out
    (num_ctx among them: the server's own context holds, and a longer prompt is its error)."""
    body: dict[str, object] = {
        "model": model,
        "messages": _messages(request.messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        **_options(request.options, host, model),
        **_thinking(request.think, host, model),
    }
    if request.format is not None:
        body["response_format"] = _format(request.format)
    if request.tools:
        body["tools"] = request.tools
        if request.tool_choice is not None:
            body["tool_choice"] = request.tool_choice
    if request.logprobs:
        body |= {"logprobs": True, "top_logprobs": request.top_logprobs}
    return body


def embed_fields(request: EmbedRequest, model: str) -> dict[str, object]:
    """The body of POST /embeddings. Base64 is a fifth of the bytes, and exact."""
    body: dict[str, object] = {
        "model": model,
        "input": list(request.input),
        "encoding_format": "base64",
    }
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return body


def without(body: Mapping[str, object], fields: frozenset[str]) -> dict[str, object]:
    """The body for a server that does not know these fields of it."""
    kept = {name: value for name, value in body.items() if name not in fields}
    if "max_tokens" in fields and "max_tokens" in body:
        kept["max_completion_tokens"] = body["max_tokens"]
    return kept


def fewer_tokens(body: Mapping[str, object], text: str) -> int | None:
    """How long the answer may be at a server that refuses the length in `body`: what it says that
    it can, or half if it says nothing. None: the refusal is about something else."""
    most = body.get("max_tokens", body.get("max_completion_tokens"))
    if not isinstance(most, int) or most < 2 or not LENGTHS.search(text):
        return None
    numbers = [int(found.replace(",", "")) for found in NUMBERS.findall(text)]
    return max((one for one in numbers if 0 < one < most), default=most // 2)


def bounded(body: Mapping[str, object], most: int | None) -> dict[str, object]:
    """The body for a model whose answers are no longer than this."""
    told = dict(body)
    for name in ("max_tokens", "max_completion_tokens"):
        if most is not None and isinstance(asked := told.get(name), int):
            told[name] = min(asked, most)
    return told


def refused_field(body: Mapping[str, object], text: str) -> str | None:
    """Which of the fields that not every server knows this refusal is about."""
    if "max_tokens" in body and "max_completion_tokens" in text:
        return "max_tokens"  # which has another name there
    return next((name for name in OPTIONAL if name in body and name in text), None)


def _reasons(host: str, model: str) -> bool:
    """OpenAI's reasoning models, which know fewer options than all others."""
    return host == OPENAI_HOST and model.startswith(REASONING)


def _options(options: Mapping[str, object], host: str, model: str) -> dict[str, object]:
    told: dict[str, object] = {}
    reasons = _reasons(host, model)
    if not reasons:
        told = {name: options[name] for name in SAME_NAME if name in options}
    if isinstance(seed := options.get("seed"), int) and seed >= 0:  # -1 is "any"
        told["seed"] = seed
    if isinstance(most := options.get("num_predict"), int) and most > 0:
        told["max_completion_tokens" if reasons else "max_tokens"] = most
    return told


def _thinking(think: bool | str | None, host: str, model: str) -> dict[str, object]:  # noqa: FBT001 - as in ChatRequest
    if isinstance(think, str):
        return {"reasoning_effort": EFFORTS.get(think, think)}
    if think is None or host == OPENAI_HOST:
        return {"reasoning_effort": "minimal"} if think is False and "gpt-5" in model else {}
    return {"chat_template_kwargs": {"enable_thinking": think}}


def _format(wanted: object) -> dict[str, object]:
    if wanted == "json":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": wanted}}


def _messages(messages: Sequence[Message]) -> list[dict[str, object]]:
    """Results of tools are told by the id of the call; those of Ollama know its name alone."""
    told: list[dict[str, object]] = []
    waiting: list[ToolCall] = []
    for number, message in enumerate(messages):
        body: dict[str, object] = {"role": message.role, "content": _content(message)}
        if message.tool_calls:
            named = [_with_id(call, number, at) for at, call in enumerate(message.tool_calls)]
            waiting = named.copy()
            body["tool_calls"] = [_call(call) for call in named]
            body["content"] = body["content"] or None
        if message.role == "tool":
            answered = _answered(waiting, message.tool_name)
            body["tool_call_id"] = answered.id if answered else message.tool_name or "call"
        told.append(body)
    return told


def _content(message: Message) -> str | list[dict[str, object]]:
    if not message.images:
        return message.content
    parts: list[dict[str, object]] = []
    if message.content:
        parts.append({"type": "text", "text": message.content})
    for image in message.images:
        kind = next((kind for start, kind in IMAGE_KINDS.items() if image.startswith(start)), "png")
        url = f"data:image/{kind};base64,{image}"
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts


def _with_id(call: ToolCall, message: int, at: int) -> ToolCall:
    return call if call.id else ToolCall(call.name, call.arguments, f"call_{message}_{at}")


def _call(call: ToolCall) -> dict[str, object]:
    arguments = orjson.dumps(call.arguments).decode()
    function = {"name": call.name, "arguments": arguments}
    return {"id": call.id, "type": "function", "function": function}


def _answered(waiting: list[ToolCall], tool_name: str) -> ToolCall | None:
    """Takes the first call of this name that has no result yet; else the first at all."""
    found = next((call for call in waiting if call.name == tool_name), None)
    found = found or (waiting[0] if waiting else None)
    if found:
        waiting.remove(found)
    return found
