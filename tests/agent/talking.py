"""Talking to a running agent in tests: conversations, questions, answers."""

import base64
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import httpx
from PIL import Image

from agent.shared.wire import ServerSentEvent
from tests.fakes.ollama import FakeOllama
from tests.sse import follow

Json = dict[str, Any]  # Any: JSON values
MODEL = "qwen3:4b"
SEEING = "qwen3-vl:2b"


@dataclass(frozen=True, slots=True)
class Talk:
    """What was asked, and everything that the run said."""

    message: Json
    run: Json
    events: list[ServerSentEvent]

    @property
    def names(self) -> list[str]:
        """The names of the events, each as often as it came, pieces of text once."""
        names = [event.name for event in self.events]
        return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]

    @property
    def last(self) -> Json:
        """The data of the closing event."""
        return dict(self.events[-1].data)

    @property
    def answer(self) -> Json:
        """The answer as the closing event tells it."""
        answer: Json = self.last["message"]
        return answer

    def first(self, name: str) -> Json:
        """The data of the first event called so."""
        return dict(next(event.data for event in self.events if event.name == name))


async def opened(client: httpx.AsyncClient, **fields: object) -> Json:
    """A new conversation."""
    return body(await client.post("/api/v1/conversations", json=fields), 201)


async def post(
    client: httpx.AsyncClient,
    conversation_id: str,
    content: str = "Why does PETG string?",
    *,
    key: str | None = None,
    **fields: object,
) -> httpx.Response:
    """Asks, and returns the answer of the post itself."""
    return await client.post(
        f"/api/v1/conversations/{conversation_id}/messages",
        json={"content": content, **fields},
        headers={"Idempotency-Key": key} if key else {},
    )


async def ask(
    client: httpx.AsyncClient,
    conversation_id: str,
    content: str = "Why does PETG string?",
    *,
    key: str | None = None,
    **fields: object,
) -> Talk:
    """Asks and waits until the answer has ended."""
    posted = body(await post(client, conversation_id, content, key=key, **fields), 202)
    return Talk(posted["message"], posted["run"], await follow(client, posted["run"]["id"]))


async def messages(client: httpx.AsyncClient, conversation_id: str) -> list[Json]:
    """The whole tree."""
    path = f"/api/v1/conversations/{conversation_id}/messages"
    return await every(client, path, limit=1000)


async def every(client: httpx.AsyncClient, path: str, **query: Any) -> list[Json]:  # Any: httpx's
    """The items of all pages of a list."""
    items: list[Json] = []
    cursor: str | None = None
    while True:
        page = body(
            await client.get(path, params={**query, **({"cursor": cursor} if cursor else {})})
        )
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def body(reply: httpx.Response, status: int = 200) -> Json:
    """The JSON of an answer that has this status."""
    assert reply.status_code == status, reply.text
    answer: Json = reply.json()
    return answer


def problem(reply: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem document."""
    assert reply.headers["content-type"] == "application/problem+json", reply.text
    document = reply.json()
    assert {"type", "title", "status", "detail", "request_id"} <= document.keys()
    assert document["status"] == reply.status_code
    return reply.status_code, document["type"].removeprefix("urn:orca:problem:")


def code(document: Any) -> str:  # Any: JSON values
    """The code of a problem document inside an event or a message."""
    return str(document["type"]).removeprefix("urn:orca:problem:")


def chats(fake: FakeOllama) -> list[Json]:
    """The bodies of the generations that were asked of the fake."""
    return [dict(seen.body) for seen in fake.requests if seen.path == "/api/chat"]


def picture(kind: str = "PNG", *, size: tuple[int, int] = (8, 6), shade: int = 120) -> bytes:
    """A small picture; another shade is another picture."""
    out = BytesIO()
    colour = (shade % 256, shade // 256 % 256, 40)
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


async def upload(client: httpx.AsyncClient, data: bytes) -> str:
    """Keeps a picture and returns its hash."""
    headers = {"Content-Type": "application/octet-stream"}
    kept = body(await client.post("/api/v1/images", content=data, headers=headers), 201)
    return str(kept["sha256"])


def data_url() -> str:
    """A small picture as chats of other programs carry it."""
    return f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
