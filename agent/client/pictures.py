"""Pictures, wherever they are: in a file, in memory, at the agent already."""

import os
import re
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote_to_bytes

from agent.client.problems import Invalid

REFUSED_BYTES = 256 * 1024
SHA256 = re.compile(r"[0-9a-f]{64}")


class Readable(Protocol):
    """A file object that was opened for bytes."""

    def read(self) -> bytes: ...


ImageSource = str | os.PathLike[str] | bytes | bytearray | memoryview | Readable
"""A path, the bytes themselves, an open file, a data URL, or the hash of an uploaded picture."""


@dataclass(slots=True, eq=False)
class Picture:
    """A picture that goes along. It is uploaded once; from then on its hash stands for it."""

    source: ImageSource
    sha256: str = ""
    refused: str = ""  # what stands for it where it cannot be uploaded and that is borne

    def __post_init__(self) -> None:
        if isinstance(self.source, str) and SHA256.fullmatch(self.source):
            self.sha256 = self.source

    def content(self) -> bytes:
        """Its bytes. Raises OSError if the file cannot be read, Invalid for a broken data URL."""
        source = self.source
        if isinstance(source, (bytes, bytearray, memoryview)):
            return bytes(source)
        if isinstance(source, str) and source.startswith("data:"):
            return _of_data_url(source)
        if isinstance(source, (str, os.PathLike)):
            return Path(source).read_bytes()
        return source.read()

    @staticmethod
    def hash_of(value: object) -> str:
        """How a picture is written in JSON. Raises TypeError for anything else."""
        if isinstance(value, Picture) and (value.sha256 or value.refused):
            return value.sha256 or value.refused
        raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def as_refused(data: bytes) -> str:
    """A data URL that the agent refuses for the same reason, if it can be told from the
    beginning."""
    return f"data:image/png;base64,{b64encode(data[:REFUSED_BYTES]).decode()}"


def pictures(sources: Sequence[ImageSource] | None) -> tuple[Picture, ...]:
    """What goes along. One picture must stand in a list as well."""
    if isinstance(sources, (str, bytes, bytearray, memoryview)):
        raise TypeError("images is a list, also of one picture")
    return tuple(Picture(source) for source in sources or ())


def with_pictures(
    messages: Sequence[Mapping[str, object]],
) -> tuple[list[dict[str, object]], tuple[Picture, ...]]:
    """The messages, and the pictures in them."""
    found: list[Picture] = []
    made: list[dict[str, object]] = []
    for message in messages:
        sources = message.get("images")
        if not sources:
            made.append(dict(message))
            continue
        if not isinstance(sources, Sequence):
            raise TypeError("images is a list")
        here = pictures(sources)
        found += here
        made.append({**message, "images": list(here)})
    return made, tuple(found)


def _of_data_url(url: str) -> bytes:
    head, comma, rest = url.partition(",")
    try:
        if comma:
            return (
                b64decode(rest, validate=True)
                if head.endswith(";base64")
                else (unquote_to_bytes(rest))
            )
    except NoBase64:
        pass
    raise Invalid("A data URL reads data:image/png;base64,...", code="bad-data-url", status=422)
