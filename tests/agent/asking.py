"""Asking a model outside of conversations, in tests."""

from typing import Any

import httpx
import orjson

from tests.agent.talking import Json

Event = tuple[str, Json]
QUESTION = {"role": "user", "content": "Why does PETG string?"}
LEAST: dict[str, Json] = {
    "generate": {"prompt": QUESTION["content"]},
    "embed": {"model": "emb", "input": ["one", "two"]},
}


async def ask_for(
    client: httpx.AsyncClient, use: str, *, project: str = "default", **fields: object
) -> httpx.Response:
    """Posts to one of the routes that ask, with what it needs at least."""
    least: Json = LEAST.get(use, {"messages": [QUESTION]})
    headers = {"X-Project": project}
    return await client.post(f"/api/v1/{use}", json={**least, **fields}, headers=headers)


async def lines_of(
    client: httpx.AsyncClient,
    use: str,
    **fields: Any,  # Any: JSON values
) -> list[Event]:
    """The events of a streamed answer."""
    reply = await ask_for(client, use, stream=True, **fields)
    assert reply.headers["content-type"] == "application/x-ndjson", reply.text
    return events_of(reply.content)


def events_of(lines: bytes) -> list[Event]:
    """The events that lines of JSON hold."""
    documents: list[dict[str, Any]] = [orjson.loads(line) for line in lines.splitlines()]
    assert all(document.keys() == {"event", "data"} for document in documents)
    return [(document["event"], document["data"]) for document in documents]


def text_in(events: list[Event], name: str = "token") -> str:
    """The pieces of one kind put together."""
    return "".join(data["text"] for event, data in events if event == name)


def names_in(events: list[Event]) -> list[str]:
    """The names of the events, those in a row once."""
    names = [name for name, _ in events]
    return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]


def without_times(answer: Json) -> Json:
    """An answer without what no two answers have alike."""
    usage = {name: answer["usage"][name] for name in ("prompt_tokens", "completion_tokens")}
    return {**answer, "usage": usage}
