"""A client that sees the bytes: what arrived, in which pieces, and how the connection ended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Wire:
    """What came back. `end`: complete, closed (by the server, early), reset, or silent."""

    data: bytes = b""
    pieces: list[bytes] = field(default_factory=list)
    end: str = "silent"

    @property
    def head(self) -> list[str]:
        return self.data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")

    @property
    def status(self) -> int:
        return int(self.head[0].split(" ")[1])

    @property
    def headers(self) -> dict[str, str]:
        return {
            name.lower(): value for name, _, value in (h.partition(": ") for h in self.head[1:])
        }

    @property
    def payload(self) -> bytes:
        """Everything behind the head, framing included."""
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def chunks(self) -> list[bytes]:
        """The body's chunks as far as they came; a body with a length is one."""
        return split_chunks(self.headers, self.payload)

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


def split_chunks(headers: dict[str, str], payload: bytes) -> list[bytes]:
    if headers.get("transfer-encoding") != "chunked":
        return [payload] if payload else []
    found = []
    while b"\r\n" in payload:
        size, _, rest = payload.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            break
        found.append(rest[:length])
        payload = rest[length + 2 :]
    return found


def is_complete(method: str, data: bytes) -> bool:
    if b"\r\n\r\n" not in data:
        return False
    wire = Wire(data)
    if method == "HEAD" or wire.status == 204:
        return True
    if wire.headers.get("transfer-encoding") == "chunked":
        return wire.payload.endswith(b"0\r\n\r\n")
    return len(wire.payload) >= int(wire.headers.get("content-length", "-1")) >= 0


def post(path: str, body: bytes) -> bytes:
    start = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    return start.encode() + body


@asynccontextmanager
async def connected(
    port: int,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    try:
        yield reader, writer
    finally:
        writer.close()


async def exchange(port: int, request: bytes, *, patience: float = 20) -> Wire:
    """Sends `request` on its own connection and reads until the answer is complete, the
    connection ends, or nothing comes for `patience` seconds."""
    method = request.split(b" ", 1)[0].decode()
    async with connected(port) as (reader, writer):
        writer.write(request)
        return await read_answer(reader, method, patience=patience)


async def read_answer(reader: asyncio.StreamReader, method: str, *, patience: float = 20) -> Wire:
    wire = Wire()
    while not is_complete(method, wire.data):
        try:
            async with asyncio.timeout(patience):
                piece = await reader.read(1 << 20)
        except TimeoutError:
            return wire
        except ConnectionResetError:
            wire.end = "reset"
            return wire
        if not piece:
            wire.end = "closed"
            return wire
        wire.pieces.append(piece)
        wire.data += piece
    wire.end = "complete"
    return wire
