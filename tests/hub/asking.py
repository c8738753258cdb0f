"""A hub with fake model servers, and words for asking it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from agent.shared.wire import ServerSentEvent, decode
from hub.identity.service import NewAccount
from tests.fakes.ollama import FakeOllama
from tests.hub.serving import PASSWORD, Served, running_hub

Json = dict[str, Any]  # Any: JSON
SPEED = 100_000


@dataclass(slots=True)
class Asked:
    """A running hub, the model servers behind it, and who asks."""

    hub: Served
    near: FakeOllama
    far: FakeOllama
    ada: httpx.AsyncClient
    bob: httpx.AsyncClient


@asynccontextmanager
async def fakes() -> AsyncIterator[tuple[FakeOllama, FakeOllama]]:
    """One on the premises with a chat and a code model, one that stands for a cloud."""
    async with FakeOllama(models=()) as near, FakeOllama(models=()) as far:
        near.add_model("qwen3:4b", capabilities=["completion", "tools"], context_length=32768)
        near.add_model("qwen3-coder:30b", capabilities=["completion"], context_length=262144)
        far.add_model("qwen3:4b", capabilities=["completion", "tools"], context_length=32768)
        far.add_model("big:70b", capabilities=["completion", "vision"], context_length=131072)
        yield near, far


def cloud_at(fake: FakeOllama) -> Json:
    """The body that adds it as a cloud."""
    return {
        "name": "cloud",
        "kind": "openai",
        "url": f"{fake.url}/v1",
        "is_cloud": True,
        "key": "sk-very-secret",
        "priority": 200,
    }


@asynccontextmanager
async def asked_hub(
    folder: Path,
    environment: Mapping[str, str],
    **settings: Any,  # Any: each its own type
) -> AsyncIterator[Asked]:
    """Ada is its Administrator and bob a User; the cloud is added as it is in the console."""
    async with AsyncExitStack() as stack:
        near, far = await stack.enter_async_context(fakes())
        given = {**environment, "ORCA_HUB_OLLAMA_URLS": near.url}
        hub = await stack.enter_async_context(running_hub(folder, environment=given, **settings))
        await hub.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        await hub.hub.local.add(NewAccount("bob", PASSWORD))
        ada, bob = await hub.signed_in("ada"), await hub.signed_in("bob")
        added = await ada.post("/providers", json=cloud_at(far))
        assert added.status_code == 201, added.text
        yield Asked(hub, near, far, ada, bob)


async def streamed(
    client: httpx.AsyncClient,
    path: str,
    body: Json | None = None,
    *,
    behind: int = 0,
    has_begun: asyncio.Event | None = None,
) -> list[ServerSentEvent]:
    """Every event of a stream, as it was when it ended, or those `behind` one of them."""
    method = "POST" if body is not None else "GET"
    sent = {"Accept": "text/event-stream", "Last-Event-ID": str(behind)}
    async with client.stream(method, path, json=body, headers=sent, timeout=20) as answer:
        if has_begun:
            has_begun.set()
        content = await answer.aread()
        assert answer.status_code == 200, content
    return list(decode(content))


def text_of(events: list[ServerSentEvent]) -> str:
    return "".join(str(one.data["text"]) for one in events if one.name == "token")


def chunks_of(content: bytes) -> list[Json]:
    """The frames of an OpenAI-shaped stream."""
    lines = [line[6:] for line in content.split(b"\n\n") if line.startswith(b"data: {")]
    return [orjson.loads(line) for line in lines]


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]
