"""Bodies of requests: what nobody reads stays with its sender, and no more is given than fits."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from quart import request

from agent.shared import problems
from agent.shared.webapp import WebApp
from tests.serving import http, no_streams, served_app

LIMIT = 40_000_000
SIZE = 30_000_000


@pytest.fixture
async def slow() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """An app that reads nothing until it is told to."""
    app, may_read = WebApp("slow"), asyncio.Event()
    app.config["MAX_CONTENT_LENGTH"] = LIMIT
    problems.install(app)

    @app.get("/api/v1/health/live")
    async def live() -> str:
        return "here"

    @app.post("/parts")
    async def parts() -> str:
        await may_read.wait()
        return str(sum([len(part) async for part in request.body]))

    @app.post("/whole")
    async def whole() -> str:
        await may_read.wait()
        return str(len(await request.get_data()))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with served_app(app, listener) as server:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", may_read
            await server.close(no_streams)


@pytest.mark.parametrize("path", ["/parts", "/whole"])
async def test_what_nobody_reads_stays_with_its_sender(
    slow: tuple[str, asyncio.Event], path: str
) -> None:
    url, may_read = slow
    port = int(url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: {SIZE}\r\n\r\n"

    writer.write(head.encode() + bytes(SIZE))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await writer.drain()
    held = SIZE - writer.transport.get_write_buffer_size()
    may_read.set()
    async with asyncio.timeout(5):
        answer = await reader.readuntil(str(SIZE).encode())
    writer.close()

    # What the kernel holds for both ends is its own matter, and a few megabytes.
    assert held < 16_000_000
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("is_told", [True, False])
async def test_no_more_is_given_than_fits(
    slow: tuple[str, asyncio.Event], *, is_told: bool
) -> None:
    url, may_read = slow
    may_read.set()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LIMIT // 1_000_000 + 1):
            yield bytes(1_000_000)

    headers = {"Content-Length": str(LIMIT + 1_000_000)} if is_told else {}
    async with http(base_url=url) as client:
        answer = await client.post("/parts", content=pieces(), headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (413, "urn:orca:problem:body-too-large")
