"""The files of pictures as they were sent, each named by its hash."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from agent.images.rules import HASH
from agent.shared.errors import NoSpace, NotFound, Unavailable


class Originals:
    """Every method blocks: milliseconds for the largest picture."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, sha256: str) -> Path:
        """Raises NotFound for what is no hash, and so could lead elsewhere."""
        if not HASH.fullmatch(sha256):
            raise lost()
        return self._folder / sha256[:2] / sha256

    def read(self, sha256: str) -> bytes:
        """Raises NotFound."""
        try:
            return self.file(sha256).read_bytes()
        except FileNotFoundError:
            raise lost() from None

    def write(self, sha256: str, data: bytes) -> None:
        """All of it or nothing. Raises NoSpace or Unavailable."""
        file = self.file(sha256)
        temporary: Path | None = None
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # A name of its own, since the same picture may come twice at the same time.
            with NamedTemporaryFile(dir=file.parent, suffix=".part", delete=False) as out:
                temporary = Path(out.name)
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            temporary.replace(file)
        except OSError as err:
            if temporary:
                temporary.unlink(missing_ok=True)
            if err.errno in {28, 122}:  # ENOSPC, EDQUOT
                raise NoSpace(
                    "disk-full", "The disk that holds the agent's data is full. Free some space."
                ) from err
            raise Unavailable(
                "images-unwritable", "The folder of pictures cannot be written."
            ) from err

    def remove(self, sha256: str) -> None:
        with suppress(NotFound):
            self.file(sha256).unlink(missing_ok=True)

    def older_than(self, moment: float) -> Iterator[str]:
        """The hashes of files from before (seconds since the epoch). Removes unfinished ones."""
        for file in self._folder.glob("??/*"):
            if file.stat().st_mtime < moment:
                if HASH.fullmatch(file.name):
                    yield file.name
                elif file.suffix == ".part":
                    file.unlink()


def lost() -> NotFound:
    return NotFound("image-lost", "The file of this picture is gone from the data folder.")
