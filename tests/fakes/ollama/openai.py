"""The OpenAI-compatible routes: the native answers in other words."""

import calendar
import json
import secrets
import time
from collections.abc import Iterator

from . import checks
from .answer import EVENTS, Answer, RefusedError
from .catalogue import Model
from .embedding import embedded
from .generation import Turn, begin, frames, ready, slot, whole
from .gojson import BadJsonError, Json, go_json, read_json
from .state import State
from .wire import JSON_TYPE

KINDS = {400: "invalid_request_error", 404: "not_found_error"}
PLAIN = "application/json"
RENAMED = {
    "max_tokens": "num_predict",
    "seed": "seed",
    "temperature": "temperature",
    "top_p": "top_p",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}


class _BadBodyError(RefusedError):
    """RefusedError before the native routes are asked, which shows in the headers."""


async def refuse(answer: Answer, refused: RefusedError) -> None:
    kind = KINDS.get(refused.status, "api_error")
    value = {"error": {"message": refused.text, "type": kind, "param": None, "code": None}}
    if isinstance(refused, _BadBodyError):
        await answer.json(value, refused.status, kind=JSON_TYPE)
    else:
        await answer.json(value, refused.status, kind=PLAIN, end=b"\n")


async def models(state: State, answer: Answer) -> None:
    listed = sorted(state.models.values(), key=lambda model: model.modified_at, reverse=True)
    data = [_model(model, model.name) for model in listed]
    await answer.json({"object": "list", "data": data}, kind=PLAIN, end=b"\n")


async def model(state: State, answer: Answer) -> None:
    name = answer.request.path.removeprefix("/v1/models/")
    tagged = name if ":" in name else f"{name}:latest"
    found = state.get(name, missing=f"model '{tagged}' not found")
    await answer.json(_model(found, name), kind=PLAIN, end=b"\n")


def _model(model: Model, name: str) -> dict[str, Json]:
    stamp = model.modified_at.split(".")[0].rstrip("Z")
    created = calendar.timegm(time.strptime(stamp, "%Y-%m-%dT%H:%M:%S"))
    return {"id": name, "object": "model", "created": created, "owned_by": "library"}


async def chat(state: State, answer: Answer) -> None:
    body = _body(answer)
    native = _native(body)
    if not body.get("messages"):
        raise _BadBodyError(400, "[] is too short - 'messages'")
    native["messages"] = [_message(message) for message in body["messages"]]
    await _complete(state, answer, native, body, chat=True)


async def completions(state: State, answer: Answer) -> None:
    body = _body(answer)
    native = {**_native(body), "prompt": body.get("prompt") or ""}
    await _complete(state, answer, native, body, chat=False)


async def _complete(
    state: State, answer: Answer, native: dict[str, Json], body: dict[str, Json], *, chat: bool
) -> None:
    turn = begin(state, answer, native, chat=chat)
    number = f"{'chatcmpl' if chat else 'cmpl'}-{secrets.randbelow(1000)}"
    async with slot(state, turn):
        await ready(turn, answer)
        if turn.streams:
            await answer.stream(EVENTS, _events(turn, number, body))
            return
        done = await whole(turn)
    usage = {"usage": _usage(turn)}
    value = {**_start(turn, number, "chat.completion"), "choices": [_choice(turn, done)], **usage}
    await answer.json(value, kind=PLAIN, end=b"\n")


def _start(turn: Turn, number: str, kind: str) -> dict[str, Json]:
    kind = kind if turn.chat else "text_completion"
    return {
        "id": number,
        "object": kind,
        "created": int(time.time()),
        "model": turn.body["model"],
        "system_fingerprint": "fp_ollama",
    }


def _choice(turn: Turn, done: dict[str, Json]) -> dict[str, Json]:
    if not turn.chat:
        return {"text": done["response"], "index": 0, "finish_reason": done.get("done_reason")}
    said = done["message"]
    message = {"role": "assistant", "content": said["content"], **_extras(said)}
    reason = "tool_calls" if "tool_calls" in message else done.get("done_reason")
    return {"index": 0, "message": message, "finish_reason": reason}


def _extras(said: dict[str, Json]) -> dict[str, Json]:
    extras = {"reasoning": said["thinking"]} if said.get("thinking") else {}
    if said.get("tool_calls"):
        extras["tool_calls"] = [_call(call) for call in said["tool_calls"]]
    return extras


def _call(call: dict[str, Json]) -> dict[str, Json]:
    function = call["function"]
    named = {"name": function["name"], "arguments": go_json(function["arguments"]).decode()}
    return {"id": call["id"], "index": function["index"], "type": "function", "function": named}


def _events(turn: Turn, number: str, body: dict[str, Json]) -> Iterator[bytes]:
    start, first, called = _start(turn, number, "chat.completion.chunk"), True, False
    for frame in frames(turn):
        said = frame["message"] if turn.chat else {"content": frame["response"]}
        extras, role = _extras(said), {"role": "assistant"} if first else {}
        called = called or "tool_calls" in extras
        event = b""
        if said["content"] or extras or not frame["done"]:
            shown = said["content"] or role
            delta = {**role, **({"content": said["content"]} if shown else {}), **extras}
            event, first = _event(start, turn, delta, None), False
        if frame["done"]:
            reason = "tool_calls" if called else frame["done_reason"]
            event += _event(start, turn, {}, reason) + _tail(start, turn, body)
        yield event


def _event(start: dict[str, Json], turn: Turn, delta: dict[str, Json], reason: Json) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    if not turn.chat:
        choice = {"text": delta.get("content", ""), "index": 0, "finish_reason": reason}
    return b"data: " + go_json({**start, "choices": [choice]}) + b"\n\n"


def _tail(start: dict[str, Json], turn: Turn, body: dict[str, Json]) -> bytes:
    usage = b""
    if (body.get("stream_options") or {}).get("include_usage"):
        whole_usage = {**start, "choices": [], "usage": _usage(turn)}
        usage = b"data: " + go_json(whole_usage) + b"\n\n"
    return usage + b"data: [DONE]\n\n"


def _usage(turn: Turn) -> dict[str, int]:
    total = turn.prompt_tokens + turn.tokens
    counts = {"prompt_tokens": turn.prompt_tokens, "completion_tokens": turn.tokens}
    return {**counts, "total_tokens": total}


async def embeddings(state: State, answer: Answer) -> None:
    body = _body(answer)
    asked, fields = await embedded(state, answer, body)
    native = json.loads(b"{" + fields + b"}", parse_float=str)
    data = ",".join(
        f'{{"object":"embedding","embedding":[{",".join(map(str, one))}],"index":{index}}}'
        for index, one in enumerate(native["embeddings"])
    )
    tokens = native.get("prompt_eval_count", 0)
    usage = go_json({"prompt_tokens": tokens, "total_tokens": tokens}).decode()
    name = go_json(asked).decode()
    text = f'{{"object":"list","data":[{data}],"model":{name},"usage":{usage}}}\n'
    await answer.raw(text.encode(), kind=PLAIN)


def _body(answer: Answer) -> dict[str, Json]:
    try:
        value = read_json(answer.request.body)
    except BadJsonError as err:
        raise _BadBodyError(400, str(err)) from err
    return dict(value)


def _native(body: dict[str, Json]) -> dict[str, Json]:
    options = {native: body[name] for name, native in RENAMED.items() if body.get(name) is not None}
    if body.get("stop"):
        options["stop"] = [body["stop"]] if isinstance(body["stop"], str) else body["stop"]
    native = {"model": body.get("model") or "", "options": options}
    native |= {"stream": bool(body.get("stream")), "tools": body.get("tools")}
    effort = body.get("reasoning_effort") or (body.get("reasoning") or {}).get("effort")
    if effort:
        native["think"] = effort if effort in checks.LEVELS else effort != "none"
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_object":
        native["format"] = "json"
    elif wanted.get("type") == "json_schema":
        native["format"] = wanted["json_schema"]["schema"]
    return native


def _message(message: dict[str, Json]) -> dict[str, Json]:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    texts = [part["text"] for part in content if part.get("type") == "text"]
    urls = [part["image_url"] for part in content if part.get("type") == "image_url"]
    images = []
    for url in urls:
        address = url["url"] if isinstance(url, dict) else url
        if address.startswith("http"):
            text = "image URLs are not currently supported, please use base64 encoded data instead"
            raise _BadBodyError(400, text)
        images.append(address.partition(",")[2])
    return {**message, "content": "\n".join(texts), "images": images}
