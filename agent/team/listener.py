"""A port of this computer to which the browser brings the hub's answer, once (RFC 8252, 7.3)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from agent.team.rules import brought

PATH = "/cb"
LINE_BYTES, HEAD_LINES, HEAD_S = 8192, 100, 10.0
PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Orca Agents</title>"
    "<body style='font-family:system-ui;margin:3rem'><h1>{title}</h1>"
    "<p>You can close this window and go back to the agent.</p>"
)
HEAD = (
    "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n"
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n"
    "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
    "Connection: close\r\n\r\n"
)
Brought = asyncio.Future[Mapping[str, str]]


@asynccontextmanager
async def listening(state: str) -> AsyncIterator[tuple[str, Brought]]:
    """The address to come back to, and what was brought there with this state. Whatever else
    knocks is told that there is nothing."""
    answer: Brought = asyncio.get_running_loop().create_future()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_S):
                said = brought(await _first_line(reader), PATH)
                is_ours = said is not None and said.get("state") == state and not answer.done()
                if said is not None and is_ours:
                    answer.set_result(said)
                let_in = bool(said and "code" in said)
                writer.write(_page(is_ours=is_ours, let_in=let_in))
                await writer.drain()
        except (TimeoutError, OSError, ValueError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0, limit=LINE_BYTES)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}{PATH}", answer
    finally:
        server.close()
        answer.cancel()


async def _first_line(reader: asyncio.StreamReader) -> str:
    """The head is read to its end, so that the browser hears the answer."""
    first = await reader.readline()
    for _ in range(HEAD_LINES):
        if (await reader.readline()).strip() == b"":
            break
    return first.decode("ascii", "replace").strip()


def _page(*, is_ours: bool, let_in: bool) -> bytes:
    title = "There is nothing here"
    if is_ours:
        title = "This computer was let in" if let_in else "This computer was not let in"
    text = PAGE.format(title=title).encode()
    status = "200 OK" if is_ours else "404 Not Found"
    return HEAD.format(status=status, length=len(text)).encode() + text
