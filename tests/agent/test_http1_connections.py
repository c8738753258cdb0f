"""Connections of the server: who leaves, who is idle, and how they end."""

import asyncio
import socket
import time
from asyncio.trsock import TransportSocket
from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope

from agent.shared.connections import Connections, server_config
from tests.agent.test_http1 import PARTS, answered, app, ask, served
from tests.serving import no_streams


async def endless(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Goes on until the client has left."""

    async def left() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    leaving = asyncio.create_task(left())
    await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": False})
    while not leaving.done():
        await send({"type": "http.response.body", "body": b"piece", "more_body": True})
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("behind", [b"", b"\r\n", b"GET /", ask("/next", last=False)])
async def test_who_leaves_a_stream_leaves_nothing_behind(behind: bytes) -> None:
    async with served(endless) as (port, connections):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ask("/", last=False) + behind)
        await reader.readuntil(b"piece")
        writer.transport.abort()
        async with asyncio.timeout(10):
            await connections.ended()


async def test_no_piece_waits_until_the_one_before_it_has_arrived() -> None:
    connections = Connections(app, server_config(), refuse=lambda: None)
    accepted: list[TransportSocket] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer.get_extra_info("socket"))
        await connections.serve(reader, writer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = await asyncio.start_server(connected, sock=listener)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(ask("/whole", last=False))
        await reader.readuntil(b"\r\n\r\n")
        is_at_once = accepted[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        writer.close()
        server.close()
        await connections.end(no_streams)

    assert is_at_once


async def test_a_connection_that_is_idle_for_too_long_is_closed() -> None:
    async with served(keep_alive_s=0.5) as (port, _):
        silent, writer = await asyncio.open_connection("127.0.0.1", port)
        asked, other = await asyncio.open_connection("127.0.0.1", port)
        other.write(ask("/whole", last=False))

        assert await silent.read() == b""
        assert (await asked.read()).endswith(PARTS[-1])
        writer.close()
        other.close()


async def test_what_comes_as_its_connection_is_closed_is_answered_or_not_begun() -> None:
    begun = 0

    async def counting(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        nonlocal begun
        begun += 1
        await app(scope, receive, send)

    async def answers(port: int, pauses_s: Sequence[float]) -> list[int]:
        told = []
        for pause_s in pauses_s:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            told.append(0)
            with suppress(OSError, asyncio.IncompleteReadError):
                for pause in (0.0, pause_s):
                    await asyncio.sleep(pause)
                    writer.write(ask("/whole", last=False))
                    await reader.readuntil(PARTS[-1])
                    told[-1] += 1
            writer.close()
        return told

    async with served(counting, keep_alive_s=0.05) as (port, _):
        around = [0.045 + 0.0005 * number for number in range(20)]
        each = await asyncio.gather(*(answers(port, around) for _ in range(20)))
    told = [one for some in each for one in some]

    assert 1 in told  # some came too late
    assert begun == sum(told)


@pytest.mark.parametrize("has_asked", [False, True])
async def test_an_idle_connection_is_closed_when_the_server_ends(*, has_asked: bool) -> None:
    async with served() as (port, connections):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if has_asked:
            writer.write(ask("/whole", last=False))
            await reader.readuntil(PARTS[-1])
        else:
            await answered(port, ask("/"))  # which came later, and has been served
        await connections.let_go()

        assert await reader.read() == b""
        writer.close()


async def test_who_comes_when_the_server_ends_is_sent_away() -> None:
    async with served() as (port, connections):
        await connections.let_go()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        assert await reader.read() == b""
        writer.close()


async def test_what_is_asked_while_the_loop_is_held_up_is_answered() -> None:
    async with served(keep_alive_s=0.2) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ask("/whole", last=False))
        await reader.readuntil(PARTS[-1])

        writer.write(ask("/whole"))
        time.sleep(1)  # noqa: ASYNC251 - the loop does nothing else meanwhile

        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()
