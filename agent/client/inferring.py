"""Answers outside of conversations: one, a stream of it, many, or vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypedDict, Unpack

import orjson

from agent.client.answers import Answer
from agent.client.pictures import ImageSource, Picture, pictures, with_pictures
from agent.client.requests import EVENTS, SLOW_S, Begun, Call, Streamed, without_none
from agent.client.shapes import Embedded, Json

Messages = str | Sequence[Mapping[str, object]]
Tools = Sequence[Mapping[str, object]]
BatchItem = str | Mapping[str, object]


class Wish(TypedDict, total=False):
    """What can be asked of every answer: `options` are Ollama's; `format` is "json" or a JSON
    schema, which the answer is checked against; `keep_alive` is how long the model stays in
    memory, such as "10m"; `cache` is whether the very same request may be answered from the
    cache."""

    model: str | None
    options: Mapping[str, object]
    format: Literal["json"] | Mapping[str, object] | None
    think: bool | Literal["low", "medium", "high", "max"] | None
    keep_alive: str | int | None
    logprobs: bool
    top_logprobs: int
    cache: bool | None


def generate(
    prompt: str,
    *,
    system: str | None = None,
    images: Sequence[ImageSource] | None = None,
    timeout: float | None = SLOW_S,
    **wish: Unpack[Wish],
) -> Call[Answer]:
    """Asks with a prompt, outside of any conversation, and waits for the whole answer. For the
    other keywords see `agent.client.inferring.Wish`.

    Returns the answer. Raises NotFound if there is no such model, Invalid for what cannot be
    done, Busy if the queue is full or no model server answers, NoAnswerInTime."""
    return replace(_prompted(prompt, system, images, wish), timeout_s=timeout)


def generate_stream(
    prompt: str,
    *,
    system: str | None = None,
    images: Sequence[ImageSource] | None = None,
    timeout: float | None = None,
    **wish: Unpack[Wish],
) -> Streamed:
    """As `generate`, with the answer as it is written. `timeout` is the longest silence.

    Returns a stream of events: `texts()` are the pieces of the answer, `answer()` is the whole.
    Nothing is sent before the first event is asked for; closing it stops the model. Raises, from
    then on, what `generate` raises, and ConnectionLost, since it cannot be resumed."""
    return _streamed(_prompted(prompt, system, images, wish), timeout)


def chat(
    messages: Messages,
    *,
    tools: Tools | None = None,
    timeout: float | None = SLOW_S,
    **wish: Unpack[Wish],
) -> Call[Answer]:
    """Asks with messages (or one text), outside of any conversation, and waits for the whole
    answer. Their `images` may be files. For the other keywords see
    `agent.client.inferring.Wish`.

    Returns the answer; `tool_calls` are what the model wants called. Raises what `generate`
    raises."""
    return replace(_talk("/chat", messages, tools, wish), timeout_s=timeout)


def chat_stream(
    messages: Messages,
    *,
    tools: Tools | None = None,
    timeout: float | None = None,
    **wish: Unpack[Wish],
) -> Streamed:
    """As `chat`, with the answer as it is written.

    Returns a stream, and raises, as `generate_stream` does."""
    return _streamed(_talk("/chat", messages, tools, wish), timeout)


def vlm(
    messages: Messages,
    *,
    images: Sequence[ImageSource] | None = None,
    timeout: float | None = SLOW_S,
    **wish: Unpack[Wish],
) -> Call[Answer]:
    """Asks a model that can see. `images` go along with the last message: paths, bytes, open
    files, data URLs or hashes.

    Returns the answer. Raises what `generate` raises, Invalid also without any image, and
    OSError for a file that cannot be read."""
    return replace(_talk("/vlm", _seeing(messages, images), None, wish), timeout_s=timeout)


def vlm_stream(
    messages: Messages,
    *,
    images: Sequence[ImageSource] | None = None,
    timeout: float | None = None,
    **wish: Unpack[Wish],
) -> Streamed:
    """As `vlm`, with the answer as it is written.

    Returns a stream, and raises, as `generate_stream` does."""
    return _streamed(_talk("/vlm", _seeing(messages, images), None, wish), timeout)


def embed(
    texts: str | Sequence[str],
    *,
    model: str,
    options: Mapping[str, object] | None = None,
    dimensions: int | None = None,
    truncate: bool = False,
    keep_alive: str | int | None = None,
    timeout: float | None = SLOW_S,
) -> Call[Embedded]:
    """Turns texts into vectors.

    Returns them in the order of the texts. Raises NotFound if there is no such model, Invalid
    for a text that is too long unless it may be cut (`truncate`), Busy."""
    body = {
        "model": model,
        "input": [texts] if isinstance(texts, str) else list(texts),
        "options": options,
        "dimensions": dimensions,
        "truncate": truncate,
        "keep_alive": keep_alive,
    }
    return Call("POST", "/embed", body=without_none(body), is_repeatable=True, timeout_s=timeout)


def batch(
    items: Sequence[BatchItem],
    *,
    kind: Literal["chat", "vlm"] | None = None,
    concurrency: int | None = None,
    order: Literal["as_finished", "given"] = "as_finished",
    key: str | None = None,
    timeout: float | None = SLOW_S,
    **wish: Unpack[Wish],
) -> Begun:
    """Answers up to 1,000 items: texts, or what `chat` or `vlm` take as
    `{"messages": [...], "images": [...]}` with an `id` and wishes of their own. Without `kind`
    it is vlm where every item has an image.

    Returns the batch, which goes on by itself: `results()` as they finish, `cancel()`. One bad
    item does not spoil the rest. Raises Invalid for items that cannot be read."""
    made, found, sees = [], list[Picture](), True
    for item in items:
        body, its = _item(item, wish)
        sees = sees and bool(its)
        made.append(body)
        found += its
    chosen = kind or ("vlm" if sees and made else "chat")
    sent: Call[Json] = Call(
        "POST",
        f"/batch/{chosen}",
        body=without_none({"items": made, "concurrency": concurrency, "order": order}),
        headers={"Idempotency-Key": key} if key else {},
        pictures=tuple(found),
        bears_bad_pictures=True,
        timeout_s=timeout,
    )
    return Begun(sent)


def _item(item: BatchItem, wish: Wish) -> tuple[dict[str, object], list[Picture]]:
    if isinstance(item, str):
        item = {"messages": item}
    rest = {name: value for name, value in item.items() if name not in {"messages", "images"}}
    given: Any = item.get("messages", "")  # Any: whatever the caller has put there
    images: Any = item.get("images")
    messages, found = with_pictures(_seeing(given, images))
    return {**without_none(dict(wish)), **rest, "messages": messages}, list(found)


def _prompted(
    prompt: str, system: str | None, images: Sequence[ImageSource] | None, wish: Wish
) -> Call[Answer]:
    found = pictures(images)
    body = {"prompt": prompt, "system": system, "images": list(found) or None, **wish}
    return _whole("/generate", body, found)


def _talk(path: str, messages: Messages, tools: Tools | None, wish: Wish) -> Call[Answer]:
    made, found = with_pictures(_list(messages))
    return _whole(path, {"messages": made, "tools": list(tools) if tools else None, **wish}, found)


def _whole(path: str, body: Mapping[str, object], found: tuple[Picture, ...]) -> Call[Answer]:
    # Nothing is kept of it, so that a second time does no harm.
    return Call(
        "POST", path, body=without_none(body), pictures=found, is_repeatable=True, read=_answer
    )


def _streamed(call: Call[Answer], silence_s: float | None) -> Streamed:
    body = {**call.body, "stream": True} if isinstance(call.body, Mapping) else call.body
    return Streamed(replace(call, body=body, headers=EVENTS, timeout_s=silence_s))


def _list(messages: Messages) -> list[Mapping[str, object]]:
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    return list(messages)


def _seeing(messages: Messages, images: Sequence[ImageSource] | None) -> list[Mapping[str, object]]:
    """With the images at the last message."""
    made = _list(messages)
    if images and made:
        made[-1] = {**made[-1], "images": images}
    return made


def _answer(body: bytes) -> Answer:
    return Answer.of(orjson.loads(body))
