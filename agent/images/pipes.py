"""How the agent and the process that decodes pictures talk: a head in JSON, then bytes."""

import json
import struct
from typing import IO, Any

Head = dict[str, Any]  # Any: JSON values
LENGTHS = struct.Struct(">II")


def send(pipe: IO[bytes], head: Head, data: bytes = b"") -> None:
    """Blocking. Raises OSError if nobody listens."""
    text = json.dumps(head).encode()
    pipe.write(LENGTHS.pack(len(text), len(data)) + text)
    pipe.write(data)
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[Head, bytes]:
    """Blocking. Raises EOFError if the other side has ended."""
    of_text, of_data = LENGTHS.unpack(_exactly(pipe, LENGTHS.size))
    head: Head = json.loads(_exactly(pipe, of_text))
    return head, _exactly(pipe, of_data)


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data
