"""Requests byte for byte, for what no HTTP client would send."""

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class RawAnswer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """What the problem document says happened; empty for another body."""
        if self.headers.get("content-type") != "application/problem+json":
            return ""
        problem: dict[str, Any] = orjson.loads(self.body)  # Any: JSON values
        return str(problem["type"]).removeprefix("urn:orca:problem:")


async def send(port: int, request: bytes) -> RawAnswer:
    """Sends these bytes to loopback and reads one answer, however the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(30):
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            pairs = (line.split(": ", 1) for line in lines if line)
            headers = {name.lower(): value for name, value in pairs}
            length = int(headers.get("content-length", "0"))
            return RawAnswer(int(first.split()[1]), headers, await reader.readexactly(length))
    finally:
        writer.close()


def get(path: str, *lines: str, method: str = "GET", version: str = "1.1") -> bytes:
    """A request with these header lines and no others."""
    head = "\r\n".join((f"{method} {path} HTTP/{version}", *lines, "", ""))
    return head.encode("latin-1")
