"""From Ollama's words to what is asked of any model."""

from collections.abc import Mapping, Sequence

import orjson

from agent.compat.ollama_shapes import AskIn, ChatIn, GenerateIn, MessageIn
from agent.inference.ollama_wire import lasting
from agent.inference.rules import ChatRequest, Message, Native, ToolCall
from agent.inference.wanted import Wanted

OLLAMAS_OWN = ("raw", "suffix", "template", "context")


def chat_wanted(asked: ChatIn) -> Wanted:
    messages = tuple(_message(message) for message in asked.messages or [])
    tools = tuple(asked.tools or ())
    return _wanted(asked, messages, tools, orjson.dumps(tools).decode() if tools else "")


def generate_wanted(asked: GenerateIn) -> Wanted:
    system = (Message("system", asked.system),) if asked.system else ()
    prompt = Message("user", asked.prompt or "", _data_urls(asked.images))
    earlier = " 0" * len(asked.context or ())  # a digit is a token
    return _wanted(asked, (*system, prompt), (), (asked.suffix or "") + earlier)


def is_empty_chat(asked: ChatIn) -> bool:
    """Whether only loading or unloading is asked for."""
    return not asked.messages


def is_empty_generate(asked: GenerateIn) -> bool:
    """As `is_empty_chat`."""
    return not asked.prompt and not asked.suffix and not asked.images


def needs_ollama(asked: GenerateIn) -> list[str]:
    """The fields in use for which no other kind of server has words."""
    return [name for name in OLLAMAS_OWN if getattr(asked, name)]


def native_chat(document: Mapping[str, object], request: ChatRequest) -> Native:
    """The client's own body, with our images, limits and keep_alive."""
    messages = document.get("messages")
    told = dict(document)
    if isinstance(messages, list):
        told["messages"] = _with_images(messages, request.messages)
    return Native("/api/chat", _body(told, request))


def native_generate(document: Mapping[str, object], request: ChatRequest) -> Native:
    """As `native_chat`."""
    told = dict(document)
    if request.messages and (images := request.messages[-1].images):
        told["images"] = images
    return Native("/api/generate", _body(told, request))


def whole_seconds(keep_alive: float | str | None) -> str | int | None:
    """`keep_alive` as our own requests have it."""
    return int(keep_alive) if isinstance(keep_alive, float) else keep_alive


def _wanted(
    asked: AskIn,
    messages: tuple[Message, ...],
    tools: tuple[Mapping[str, object], ...],
    beside: str,
) -> Wanted:
    return Wanted(
        asked.model,
        messages,
        asked.options or {},
        think=asked.think,
        format=asked.format or None,
        keep_alive=whole_seconds(asked.keep_alive),
        tools=tools,
        logprobs=bool(asked.logprobs),
        top_logprobs=asked.top_logprobs or 0,
        beside=beside,
    )


def _message(message: MessageIn) -> Message:
    calls = tuple(
        ToolCall(call.function.name, call.function.arguments, call.id or "")
        for call in message.tool_calls or []
    )
    return Message(
        message.role.lower(),
        message.content or "",
        _data_urls(message.images),
        message.thinking or "",
        calls,
        message.tool_name or "",
    )


def _data_urls(images: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(
        image if image.startswith("data:") else f"data:;base64,{image}" for image in images or ()
    )


def _with_images(messages: Sequence[object], ours: Sequence[Message]) -> list[object]:
    return [
        {**told, "images": message.images} if isinstance(told, dict) and message.images else told
        for told, message in zip(messages, ours, strict=True)
    ]


def _body(told: Mapping[str, object], request: ChatRequest) -> bytes:
    # An answer that is not streamed is collected here: only a stream tells that it goes on.
    ours = {"stream": True, "options": request.options}
    kept = {"keep_alive": lasting(request.keep_alive)} if told.get("keep_alive") is None else {}
    return orjson.dumps({**told, **ours, **kept})
