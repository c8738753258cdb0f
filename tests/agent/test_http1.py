"""Requests and answers byte for byte, as they come and as the server sends them."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from hypercorn.typing import ASGIFramework, ASGIReceiveCallable, ASGISendCallable, Scope

from agent.shared.connections import Connections, server_config
from tests.serving import no_streams

PARTS = [b"one", b"", b"two\r\n0\r\n\r\n", b"\x00" * 300]
CHUNKS = (
    b"3\r\none\r\n" + b"a\r\ntwo\r\n0\r\n\r\n\r\n" + b"12c\r\n" + b"\x00" * 300 + b"\r\n0\r\n\r\n"
)


async def app(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Answers in parts; in one of known length at /whole."""
    assert scope["type"] == "http"
    is_whole = scope["path"] == "/whole"
    headers = [(b"content-length", b"%d" % len(b"".join(PARTS)))] if is_whole else []
    headers.append((b"x-says", b"transfer-encoding: chunked"))
    if scope["path"] == "/split":
        headers.append((b"x-evil", b"yes\r\nset-cookie: mine=1"))
    await send(
        {"type": "http.response.start", "status": 200, "headers": headers, "trailers": False}
    )
    for part in PARTS:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@asynccontextmanager
async def served(
    app: ASGIFramework = app, *, keep_alive_s: float = 30
) -> AsyncIterator[tuple[int, Connections]]:
    config = server_config()
    config.keep_alive_timeout = keep_alive_s
    connections = Connections(app, config, refuse=lambda: None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = await asyncio.start_server(connections.serve, sock=listener)
        yield listener.getsockname()[1], connections
        server.close()
        await connections.end(no_streams)


async def answered(port: int, request: bytes) -> list[bytes]:
    """All that comes for requests of which the last closes the connection: heads and bodies."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    whole = await reader.read()
    writer.close()
    return whole.split(b"HTTP/1.1 200 \r\n")[1:]


def ask(path: str, *, method: str = "GET", version: str = "1.1", last: bool = True) -> bytes:
    close = "Connection: close\r\n" if last else ""
    return f"{method} {path} HTTP/{version}\r\nHost: h\r\n{close}\r\n".encode()


async def test_a_stream_goes_in_chunks_to_who_knows_them_and_bare_to_others() -> None:
    async with served() as (port, _):
        new = (await answered(port, ask("/")))[0].partition(b"\r\n\r\n")
        old = (await answered(port, ask("/", version="1.0")))[0].partition(b"\r\n\r\n")
        whole = (await answered(port, ask("/whole")))[0].partition(b"\r\n\r\n")
        head = (await answered(port, ask("/", method="HEAD")))[0].partition(b"\r\n\r\n")

    in_chunks = b"transfer-encoding: chunked"
    assert [in_chunks in one[0].lower().split(b"\r\n") for one in (new, old, whole)] == [
        True,
        False,
        False,
    ]
    assert new[2] == CHUNKS
    assert old[2] == whole[2] == b"".join(PARTS)
    assert head[2] == b""


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"\x16\x03\x01 what is this\r\n\r\n", 400, "bad-request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "bad-request"),
        (
            b"GET / HTTP/1.1\r\nHost: h\r\nx: %b\r\n\r\n" % (b"x" * 100_000),
            431,
            "headers-too-large",
        ),
        (b"GET /%b HTTP/1.1\r\nHost: h\r\n\r\n" % (b"x" * 70_000), 431, "headers-too-large"),
        (
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
            501,
            "not-implemented",
        ),
    ],
)
async def test_what_no_route_sees_is_told_as_every_other_error(
    sent: bytes, status: int, code: str
) -> None:
    async with served() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()

    told = json.loads(body)
    fields = head.decode().lower().split("\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert (told["type"], told["status"]) == (f"urn:orca:problem:{code}", status)
    assert {"content-type: application/problem+json", "connection: close"} <= set(fields)
    assert f"x-request-id: {told['request_id']}" in fields


async def test_a_field_that_would_be_two_is_never_sent() -> None:
    async with served() as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ask("/split"))
        told = await reader.read()
        writer.close()

    assert told.startswith(b"HTTP/1.1 500 ")
    assert b"mine=1" not in told


async def test_each_answer_on_a_connection_is_framed_in_its_own_way() -> None:
    paths = ["/", "/whole", "/", "/whole"]
    asked = b"".join(ask(path, last=False) for path in paths) + ask("/")
    async with served() as (port, _):
        answers = [one.partition(b"\r\n\r\n")[2] for one in await answered(port, asked)]

    whole = b"".join(PARTS)
    assert answers == [CHUNKS, whole, CHUNKS, whole, CHUNKS]


async def echo(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Says what it was asked; at /early before the body is here, at /short less than promised."""
    assert scope["type"] == "http"
    body, is_more = b"", scope["path"] != "/early"
    while is_more:
        message = await receive()
        if message["type"] != "http.request":
            return
        body += message["body"]
        is_more = message["more_body"]
    told = b"<%b %b>" % (scope["path"].encode(), body)
    promised = len(told) + (scope["path"] == "/short")
    headers = [(b"content-length", b"%d" % promised)]
    await send(
        {"type": "http.response.start", "status": 200, "headers": headers, "trailers": False}
    )
    await send({"type": "http.response.body", "body": told, "more_body": False})


def post(path: str, body: bytes, *, length: int | None = None) -> bytes:
    said = len(body) if length is None else length
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {said}\r\n\r\n"
    return head.encode() + body


CHUNKED = b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
MIXED = b"".join(
    [
        post("/1", b"one"),
        ask("/2", last=False),
        CHUNKED,
        post("/3", b""),
        post("/4", b"x" * 70_000),
        ask("/5", method="HEAD", last=False),
        post("/6", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        ask("/7"),
    ]
)


@pytest.mark.parametrize("step", [1_000_000, 40_000, 37])
async def test_requests_of_every_kind_follow_each_other_however_they_come(step: int) -> None:
    async with served(echo) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for begin in range(0, len(MIXED), step):
            writer.write(MIXED[begin : begin + step])
            await writer.drain()
            await asyncio.sleep(0)
        whole = await reader.read()
        writer.close()

    bodies = [one.partition(b"\r\n\r\n")[2] for one in whole.split(b"HTTP/1.1 200 \r\n")[1:]]
    assert bodies == [
        b"</1 one>",
        b"</2 >",
        b"</c abc>",
        b"</3 >",
        b"</4 " + b"x" * 70_000 + b">",
        b"",
        b"</6 GET / HTTP/1.1\r\nHost: h\r\n\r\n>",
        b"</7 >",
    ]


async def test_a_body_that_does_not_come_whole_is_told() -> None:
    async with served(echo) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post("/", b"half", length=8))
        writer.write_eof()
        told = await reader.read()
        writer.close()

    assert told.startswith(b"HTTP/1.1 400 ")
    assert b"urn:orca:problem:bad-request" in told


async def test_the_rest_of_a_body_that_nobody_read_is_no_request() -> None:
    smuggled = ask("/smuggled", last=False)
    async with served(echo) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post("/early", b"", length=len(smuggled)))
        told = await reader.readuntil(b">")
        with suppress(OSError):
            writer.write(smuggled)
            told += await reader.read()
        writer.close()

    assert told.count(b"HTTP/1.1 ") == 1


async def test_nothing_follows_an_answer_that_is_shorter_than_it_says() -> None:
    async with served(echo) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post("/short", b"a") + ask("/next", last=False))
        told = await reader.read()
        writer.close()

    assert told.endswith(b"</short a>")


class Unread:
    """A client that asks for long answers and reads none before it has asked for all."""

    begun = begun_unread = 0

    async def app(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "http"
        self.begun += 1
        if scope["path"] == "/late":
            await asyncio.sleep(0.2)
        body = b"y" * (60_000 if scope["path"] == "/long" else 5)
        headers = [(b"content-length", b"%d" % len(body))]
        await send(
            {"type": "http.response.start", "status": 200, "headers": headers, "trailers": False}
        )
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def heard(self, port: int, number: int) -> bytes:
        """What comes behind so many long answers, for a body that is cut off."""
        loop, client = asyncio.get_running_loop(), socket.socket()
        with client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", port))
            asked = ask("/long", last=False) * number + post("/late", b"half", length=50)
            await loop.sock_sendall(client, asked)
            await asyncio.sleep(0.1)
            client.shutdown(socket.SHUT_WR)
            await asyncio.sleep(0.3)
            self.begun_unread, told = self.begun, b""
            with suppress(OSError):
                while came := await loop.sock_recv(client, 1 << 20):
                    told += came
        return told.rpartition(b"y" * 60_000)[2]


async def test_a_body_that_is_cut_off_gets_one_answer_also_behind_unread_ones() -> None:
    unread = Unread()
    async with served(unread.app) as (port, _):
        await unread.heard(port, 300)
        fit = unread.begun_unread  # answers, until the server waits for its client
        told = [await unread.heard(port, number) for number in range(fit - 2, fit + 1)]

    assert 2 < fit < 300
    assert max(len(re.findall(rb"HTTP/1\.1 [0-9]", one)) for one in told) == 1
