"""A request and its answer: who leaves is heard, and a connection serves one after the other."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from quart import Response, request
from quart.typing import ResponseTypes

from agent.shared import problems, web
from agent.shared.exchanges import Exchange
from agent.shared.webapp import WebApp
from tests.serving import http, no_streams, served_app


@dataclass(slots=True)
class Seen:
    """What the app below has seen."""

    url: str = ""
    order: list[str] = field(default_factory=list)
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)


@pytest.fixture
async def seen() -> AsyncIterator[Seen]:
    """An app whose answer at /wait never comes."""
    app, seen = WebApp("exchanges"), Seen()
    problems.install(app)

    @app.before_request
    async def first() -> None:
        seen.order.append("before")

    @app.after_request
    async def last(response: ResponseTypes) -> ResponseTypes:
        seen.order.append("after")
        return response

    @app.get("/api/v1/health/live")
    async def live() -> str:
        return "here"

    @app.get("/wait")
    @app.post("/wait")
    @web.ends_with_client
    async def wait() -> str:
        seen.has_begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            seen.has_ended.set()
        return ""

    @app.post("/change")
    async def change() -> str:
        seen.has_begun.set()
        await seen.may_end.wait()
        seen.has_ended.set()
        return ""

    @app.route("/take", methods=["GET", "POST"])
    async def take() -> ResponseTypes:
        answer = Response(await request.body)
        answer.timeout = None  # a timer that is not needed any more stays with asyncio's own loop
        return answer

    @app.get("/names/<name>")
    async def name(name: str) -> str:
        return name

    @app.get("/names/ada")
    async def ada() -> str:
        return f"it is {request.headers.get('x-who', 'nobody')}"

    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with served_app(app, listener) as server:
            seen.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            seen.order.clear()
            yield seen
            await server.close(no_streams)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_who_leaves_ends_what_is_done_for_them(seen: Seen, method: str) -> None:
    await _ask_and_leave(seen, method, "/wait")

    async with asyncio.timeout(5):
        await seen.has_ended.wait()
    assert seen.order == ["before"]


async def test_what_changes_something_comes_to_its_end_without_its_client(seen: Seen) -> None:
    await _ask_and_leave(seen, "POST", "/change")
    await asyncio.sleep(0.1)  # it has been heard that nobody waits
    seen.may_end.set()

    async with asyncio.timeout(5):
        await seen.has_ended.wait()
        while seen.order != ["before", "after"]:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def _ask_and_leave(seen: Seen, method: str, path: str) -> None:
    _, writer = await asyncio.open_connection(*_place(seen))
    head = f"{method} {path} HTTP/1.1\r\nHost: here\r\n"
    body = "Content-Length: 2\r\n\r\nab" if method == "POST" else "\r\n"
    writer.write(f"{head}{body}".encode())
    async with asyncio.timeout(5):
        await seen.has_begun.wait()
    writer.close()


async def test_the_same_address_is_answered_the_same_each_time(seen: Seen) -> None:
    async with http(base_url=seen.url) as client:
        answers = [
            await client.request(method, path, headers={"X-Who": who})
            for who in ("ada", "bob")
            for method, path in (
                ("GET", "/names/ada"),
                ("GET", "/names/eve"),
                ("POST", "/names/ada"),
                ("HEAD", "/names/ada"),
                ("GET", "/nowhere"),
            )
        ]

    said = [(one.status_code, one.text if one.status_code == 200 else "") for one in answers]
    assert said == [
        *((200, "it is ada"), (200, "eve"), (405, ""), (200, ""), (404, "")),
        *((200, "it is bob"), (200, "eve"), (405, ""), (200, ""), (404, "")),
    ]
    assert seen.order == ["before", "after"] * 10


async def test_an_answered_request_leaves_nothing_to_be_looked_for(seen: Seen) -> None:
    """Else memory grows until Python looks for circles, or the connection is used again."""
    gc.disable()
    try:
        async with http(base_url=seen.url) as client:
            for _ in range(5):
                assert (await client.get("/take")).text == ""
                assert (await client.post("/take", content=b"ab")).text == "ab"
                assert (await client.post("/take", content=_slowly())).text == "ab"
        async with asyncio.timeout(5):
            while _kept("/take"):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
    finally:
        gc.enable()


def _kept(path: str) -> list[Exchange]:
    return [
        one for one in gc.get_objects() if isinstance(one, Exchange) and one.scope["path"] == path
    ]


async def _slowly() -> AsyncIterator[bytes]:
    """In pieces, of which the second one comes when all else has been done."""
    yield b"a"
    await asyncio.sleep(0.01)
    yield b"b"


def _place(seen: Seen) -> tuple[str, int]:
    return "127.0.0.1", int(seen.url.rpartition(":")[2])
