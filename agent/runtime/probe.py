"""Who answers at an address on this computer, asked without the agent's own connections."""

import asyncio
import socket
import sys
from dataclasses import dataclass

import orjson

from agent.runtime.rules import HOST, Sight

ASK = b"GET /api/version HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n"
LIMIT_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Look:
    sight: Sight
    version: str | None = None


async def look(host: str, port: int, within_s: float) -> Look:
    """Takes `within_s` seconds at the most, and raises nothing."""
    try:
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Look(Sight.UNCLEAR)
    except OSError:
        return Look(Sight.NOBODY)
    try:
        async with asyncio.timeout(within_s):
            writer.write(ASK % port)
            said = await _all(reader)
    except (TimeoutError, OSError):
        return Look(Sight.UNCLEAR)
    finally:
        writer.close()
    return _read(said)


def why_not_free(port: int) -> OSError | None:
    """Why the port cannot be listened on; None if it can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        if sys.platform != "win32":  # there it would allow what it should test
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, port))
        except OSError as err:
            return err
    return None


def a_free_port() -> int:
    """Free a moment ago. Raises OSError if there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        one.bind((HOST, 0))
        port: int = one.getsockname()[1]
    return port


async def _all(reader: asyncio.StreamReader) -> bytes:
    said = b""
    while len(said) < LIMIT_BYTES and (piece := await reader.read(LIMIT_BYTES)):
        said += piece
    return said


def _read(said: bytes) -> Look:
    head, _, body = said.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if not said:
        return Look(Sight.UNCLEAR)
    if not words[0].startswith(b"HTTP/") or len(words) < 2:
        return Look(Sight.STRANGER)
    if words[1] == b"200" and (version := _version(body)):
        return Look(Sight.OLLAMA, version)
    # A proxy or an overloaded server may stand before an Ollama: these say nothing either way.
    is_unclear = words[1][:1] == b"5" or words[1] in {b"401", b"403", b"429"}
    return Look(Sight.UNCLEAR if is_unclear else Sight.STRANGER)


def _version(body: bytes) -> str | None:
    try:
        value = orjson.loads(body[body.find(b"{") : body.rfind(b"}") + 1])
    except orjson.JSONDecodeError:
        return None
    version = value.get("version") if isinstance(value, dict) else None
    return version if isinstance(version, str) else None
