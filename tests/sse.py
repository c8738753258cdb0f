"""Reading a run's events in tests."""

from collections.abc import AsyncIterator

import httpx

from agent.shared.wire import ServerSentEvent, decode_block

CLOSING = {"done", "cancelled", "interrupted", "error"}


async def events_of(reply: httpx.Response) -> AsyncIterator[ServerSentEvent]:
    """The events of a response, as they come."""
    rest = b""
    async for data in reply.aiter_raw():
        *blocks, rest = (rest + data).split(b"\n\n")
        for block in blocks:
            if event := decode_block(block):
                yield event


async def follow(
    client: httpx.AsyncClient, run_id: str, *, after: int = 0
) -> list[ServerSentEvent]:
    """Every event behind `after`, until the run ends."""
    headers = {"Last-Event-ID": str(after)}
    path = f"/api/v1/runs/{run_id}/events"
    async with client.stream("GET", path, headers=headers, timeout=30) as reply:
        return [event async for event in events_of(reply)]


def text_of(events: list[ServerSentEvent]) -> str:
    """The answer that the token events make."""
    return "".join(str(event.data["text"]) for event in events if event.name == "token")
