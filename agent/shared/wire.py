"""Server-sent events as bytes, and back (WHATWG HTML, 9.2)."""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

COMMENT = b": \n\n"


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event as read from a stream; `data` is JSON already read."""

    seq: int
    name: str
    data: dict[str, object]


def encode(seq: int, name: str, data: object) -> bytes:
    """One event. JSON text holds no raw line end, so that one data line is enough."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (seq, name.encode(), orjson.dumps(data))


def encode_unnumbered(name: str, data: object) -> bytes:
    """An event that stands outside the count: a reader that comes back does not miss it."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(data))


def encode_text(seq: int, name: bytes, text: str) -> bytes:
    """`encode` for the one event of which there are thousands: `{"text": ...}`."""
    return b'id: %d\nevent: %b\ndata: {"text":%b}\n\n' % (seq, name, orjson.dumps(text))


def decode(payload: bytes) -> Iterator[ServerSentEvent]:
    """The events of a payload made by `encode`: whole events only, comments passed over."""
    for block in payload.split(b"\n\n"):
        if event := decode_block(block):
            yield event


def decode_block(block: bytes) -> ServerSentEvent | None:
    """One event without its closing blank line; None for a comment or an unnamed block."""
    seq, name, data = 0, "", b""
    for line in block.splitlines():
        field, _, value = line.partition(b": ")
        if field == b"id":
            seq = int(value)
        elif field == b"event":
            name = value.decode()
        elif field == b"data":
            data = value
    return ServerSentEvent(seq, name, orjson.loads(data)) if name and data else None
