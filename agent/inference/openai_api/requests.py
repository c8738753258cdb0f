"""From OpenAI's words to what is asked of any model."""

from collections.abc import Mapping

import orjson

from agent.inference.openai_api.shapes import (
    AskIn,
    ChatIn,
    CompletionIn,
    MessageIn,
    NamedToolIn,
    PartIn,
    ResponseFormatIn,
    ToolIn,
)
from agent.inference.rules import Message, ToolCall
from agent.inference.wanted import Wanted
from agent.shared.errors import Invalid

SAME_NAME = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")
THINK: Mapping[str, bool | str] = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "max",
    "max": "max",
}


def chat_wanted(asked: ChatIn) -> Wanted:
    """Raises Invalid for what cannot be done here."""
    _refuse_several(asked)
    if asked.functions:
        raise unsupported("functions", "Functions are called by `tools` here.")
    if set(asked.modalities or ["text"]) != {"text"}:
        raise unsupported("modalities", "Answers are text here.")
    tools = _tools(asked)
    choice = asked.tool_choice
    return Wanted(
        asked.model,
        _messages(asked.messages),
        _options(asked, asked.max_completion_tokens or asked.max_tokens),
        think=THINK[asked.reasoning_effort] if asked.reasoning_effort else None,
        format=_format(asked.response_format),
        tools=tools,
        tool_choice=choice.model_dump() if isinstance(choice, NamedToolIn) else choice,
        logprobs=bool(asked.logprobs),
        top_logprobs=asked.top_logprobs or 0,
        beside=orjson.dumps(tools).decode() if tools else "",
    )


def completion_wanted(asked: CompletionIn) -> Wanted:
    """Raises Invalid for what cannot be done here."""
    _refuse_several(asked)
    if (asked.best_of or 1) != 1:
        raise unsupported("best_of", "One answer at a time is made here.")
    if asked.echo:
        raise unsupported("echo", "The prompt is not sent back here.")
    return Wanted(
        asked.model,
        (Message("user", prompt_of(asked)),),
        _options(asked, asked.max_tokens),
        logprobs=asked.logprobs is not None,
        top_logprobs=asked.logprobs or 0,
        beside=asked.suffix or "",
    )


def prompt_of(asked: CompletionIn) -> str:
    """The one prompt. Raises Invalid."""
    prompts = texts_of(asked.prompt, "prompt")
    if len(prompts) != 1:
        raise unsupported("prompt", "One prompt at a time is answered here.")
    return prompts[0]


def texts_of(given: str | list[str] | list[int] | list[list[int]], field: str) -> list[str]:
    """One text or several. Raises Invalid for tokens, whose numbers each model has its own."""
    if isinstance(given, str):
        return [given]
    texts = [one for one in given if isinstance(one, str)]
    if len(texts) != len(given):
        raise unsupported(field, "Send text: the numbers of tokens mean another thing here.")
    return texts


def unsupported(field: str, detail: str) -> Invalid:
    """What OpenAI can do and this cannot."""
    return Invalid("not-supported-here", detail, errors=[{"field": field, "detail": detail}])


def _refuse_several(asked: AskIn) -> None:
    if (asked.n or 1) != 1:
        raise unsupported("n", "One answer at a time is made here: leave n out, or ask again.")


def _options(asked: AskIn, most_tokens: int | None) -> dict[str, object]:
    options: dict[str, object] = {
        name: value for name in SAME_NAME if (value := getattr(asked, name)) is not None
    }
    if most_tokens is not None:
        options["num_predict"] = most_tokens
    if asked.stop:
        options["stop"] = [asked.stop] if isinstance(asked.stop, str) else asked.stop
    return options


def _format(asked: ResponseFormatIn | None) -> object | None:
    if asked is None or asked.type == "text":
        return None
    if asked.type == "json_object":
        return "json"
    schema = asked.json_schema.schema_ if asked.json_schema else None
    if schema is None:
        raise unsupported("response_format", "json_schema needs a `schema`.")
    return schema


def _tools(asked: ChatIn) -> tuple[Mapping[str, object], ...]:
    """Ollama cannot be told to call, so what may not be called is not offered."""
    choice = asked.tool_choice
    if choice == "none":
        return ()
    tools = [_tool(tool) for tool in asked.tools or []]
    if isinstance(choice, NamedToolIn):
        named = choice.function.name
        tools = [tool for tool in tools if tool["function"]["name"] == named]
        if not tools:
            raise unsupported("tool_choice", f"There is no tool called {named}.")
    return tuple(tools)


def _tool(tool: ToolIn) -> dict[str, dict[str, object]]:
    if tool.type != "function":
        raise unsupported("tools", "Tools are functions here.")
    about = tool.function
    return {
        "type": "function",  # type: ignore[dict-item] # the one member that is no object
        "function": {
            "name": about.name,
            "description": about.description or "",
            "parameters": about.parameters or {"type": "object", "properties": {}},
        },
    }


def _messages(asked: list[MessageIn]) -> tuple[Message, ...]:
    names: dict[str, str] = {}
    return tuple(_message(message, number, names) for number, message in enumerate(asked))


def _message(message: MessageIn, number: int, names: dict[str, str]) -> Message:
    """`names` of functions by the ids of their calls, as far as the messages have been read."""
    field = f"messages.{number}"
    text, images = _content(message, field)
    calls = tuple(
        ToolCall(call.function.name, _arguments(call.function.arguments, field), call.id)
        for call in message.tool_calls or []
    )
    names.update({call.id: call.name for call in calls})
    is_result = message.role in {"tool", "function"}
    return Message(
        {"developer": "system", "function": "tool"}.get(message.role, message.role),
        text,
        images,
        message.reasoning or message.reasoning_content or "",
        calls,
        names.get(message.tool_call_id or "", message.name or "") if is_result else "",
    )


def _content(message: MessageIn, field: str) -> tuple[str, tuple[str, ...]]:
    if message.content is None or isinstance(message.content, str):
        return message.content or "", ()
    texts: list[str] = []
    images: list[str] = []
    for part in message.content:
        if part.type in {"text", "refusal"}:
            texts.append(part.text or part.refusal)
        elif part.type == "image_url":
            images.append(_image(part, field))
        else:
            raise unsupported(f"{field}.content", f"Parts of the type {part.type} cannot be read.")
    return "\n".join(texts), tuple(images)


def _image(part: PartIn, field: str) -> str:
    url = part.image_url if isinstance(part.image_url, str) else None
    if part.image_url is not None and not isinstance(part.image_url, str):
        url = part.image_url.url
    if url is None or not url.startswith("data:"):
        raise unsupported(
            f"{field}.content",
            "Send pictures as data URLs (data:image/png;base64,...): nothing is fetched from here.",
        )
    return url


def _arguments(text: str, field: str) -> Mapping[str, object]:
    try:
        arguments = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        raise Invalid(
            "bad-arguments",
            f"The arguments of a tool call in {field} are no JSON object.",
            errors=[{"field": field, "detail": "The arguments of a tool call are a JSON object."}],
        )
    return arguments
