"""A file on its way from this disk to a printer: in pieces, never all of it in memory."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.shared.errors import Gone
from agent.slicer.printers.wire import Upload

PIECE_BYTES = 512 * 1024
Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A file of known size. `tell` hears how many bytes were read."""

    path: Path
    size_bytes: int
    tell: Tell
    sha256: str | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Raises Gone if the file is no longer what was checked: then its last piece stays here,
        and a printer throws half a file away."""
        done, summed = 0, hashlib.sha256()
        try:
            while piece := await asyncio.to_thread(_read, self.path, done, summed):
                done += len(piece)
                if done > self.size_bytes or (done == self.size_bytes and not self._is_it(summed)):
                    raise _changed()
                yield piece
                self.tell(done)
        except OSError as err:
            raise Gone("file-gone", "The file cannot be read any more on this disk.") from err
        if done != self.size_bytes:
            raise _changed()

    def _is_it(self, summed: "hashlib._Hash") -> bool:
        return self.sha256 is None or summed.hexdigest() == self.sha256


def _read(path: Path, start: int, summed: "hashlib._Hash") -> bytes:
    """Opened anew for each piece: who sends may be stopped anywhere, and leaves nothing open."""
    with path.open("rb") as file:
        file.seek(start)
        piece = file.read(PIECE_BYTES)
    summed.update(piece)
    return piece


def _changed() -> Gone:
    return Gone("file-gone", "The file has changed on this disk, and is not sent.")


def form(fields: Mapping[str, str], name: str, source: Source, boundary: str) -> Upload:
    """multipart/form-data: the fields in their order, then the file. `name` is plain ASCII."""
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    )
    head += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    before, behind = head.encode("ascii"), f"\r\n--{boundary}--\r\n".encode("ascii")

    async def pieces() -> AsyncIterator[bytes]:
        yield before
        async for piece in source.pieces():
            yield piece
        yield behind

    size = len(before) + source.size_bytes + len(behind)
    return Upload(pieces(), size, f"multipart/form-data; boundary={boundary}")
