"""Both clients with one face: what holds for one of them has to hold for the other."""

import asyncio
import inspect
from typing import Any, Literal, Self

from agent.client import Agent, AsyncAgent
from agent.client.aio_handles import (
    AsyncBatch,
    AsyncFollowing,
    AsyncReply,
    AsyncRunning,
    AsyncStream,
)
from agent.client.handles import Batch, Following, Reply, Running, Stream

Kind = Literal["waiting", "asyncio"]
KINDS: tuple[Kind, ...] = ("waiting", "asyncio")
TWINS: dict[type, type] = {
    Agent: AsyncAgent,
    Stream: AsyncStream,
    Running: AsyncRunning,
    Reply: AsyncReply,
    Batch: AsyncBatch,
    Following: AsyncFollowing,
}
END = object()


class InThread:
    """An object of the waiting client, used as its twin is: every call in a thread."""

    def __init__(self, itself: Any) -> None:  # Any: an agent, a reply, an iterator
        self._itself = itself

    def __getattr__(self, name: str) -> Any:  # Any: whatever the object has
        found = getattr(self._itself, {"aclose": "close"}.get(name, name))
        if not callable(found):
            return found
        twin = getattr(TWINS[type(self._itself)], name)
        if not inspect.iscoroutinefunction(twin):
            return lambda *given, **named: InThread(found(*given, **named))

        async def later(*given: Any, **named: Any) -> Any:  # Any: of every method
            made = await asyncio.to_thread(found, *given, **named)
            return InThread(made) if isinstance(made, Following) else made

        return later

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:  # Any: its items
        item = await asyncio.to_thread(next, self._itself, END)
        if item is END:
            raise StopAsyncIteration
        return item

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._itself.close)


def client_of(kind: Kind, url: str, token: str, **about: Any) -> AsyncAgent:  # Any: of Agent
    """A client of this kind, with the methods of AsyncAgent."""
    if kind == "asyncio":
        return AsyncAgent(url, token, **about)
    return InThread(Agent(url, token, **about))  # type: ignore[return-value]  # a twin
