"""Pictures kept as bytes with a name: the SHA-256 of what was sent."""

import asyncio
import base64
import hashlib
import os
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile

from agent.images.rules import HASH, LIMIT_BYTES, LIMIT_PIXELS, PILLOW_FORMATS, mime_of
from agent.images.store import Images
from agent.shared.clock import Clock, rfc3339
from agent.shared.database import Database
from agent.shared.errors import Invalid, NoSpace, NotFound, TooLarge, Unavailable, UnsupportedMedia

DECODE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Image:
    """A kept picture; sizes in pixels and bytes."""

    sha256: str
    mime: str
    width: int
    height: int
    size_bytes: int


class ImageService:
    """Takes pictures in, once each, and hands their bytes out."""

    def __init__(self, database: Database, folder: Path, clock: Clock) -> None:
        self._database, self._folder, self._clock = database, folder, clock

    async def keep(self, data: bytes) -> Image:
        """Checks and stores a picture. The same bytes again are the same picture.

        Raises UnsupportedMedia, Invalid, TooLarge or NoSpace."""
        if len(data) > LIMIT_BYTES:
            raise _too_large()
        sha256 = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
        async with self._database.reading() as connection:
            row = await Images(connection).find(sha256)
        if row is None:
            mime, width, height = await check(data)
            await asyncio.to_thread(self._write, sha256, data)
            image = Image(sha256, mime, width, height, len(data))
            async with self._database.writing() as connection:
                await Images(connection).add(
                    {
                        "sha256": sha256,
                        "mime": mime,
                        "width": width,
                        "height": height,
                        "size_bytes": len(data),
                        "created_at": rfc3339(self._clock()),
                    }
                )
            return image
        if not self._file(sha256).is_file():
            await asyncio.to_thread(self._write, sha256, data)
        return Image(row["sha256"], row["mime"], row["width"], row["height"], row["size_bytes"])

    async def get(self, sha256: str) -> tuple[Image, bytes]:
        """Raises NotFound."""
        if HASH.fullmatch(sha256):
            async with self._database.reading() as connection:
                row = await Images(connection).find(sha256)
            if row is not None:
                data = await asyncio.to_thread(self._read, sha256)
                return Image(
                    row["sha256"], row["mime"], row["width"], row["height"], row["size_bytes"]
                ), data
        raise NotFound("no-such-image", "There is no picture with this hash. Upload it first.")

    async def missing(self, hashes: list[str]) -> list[str]:
        """Those of `hashes` that are not kept here."""
        if not hashes:
            return []
        async with self._database.reading() as connection:
            known = await Images(connection).known(hashes)
        return [sha256 for sha256 in hashes if sha256 not in known]

    async def base64(self, sha256: str) -> str:
        """The bytes as a model server takes them. Raises NotFound."""
        _, data = await self.get(sha256)
        return await asyncio.to_thread(lambda: base64.b64encode(data).decode())

    async def totals(self) -> tuple[int, int]:
        """How many pictures there are, and their bytes."""
        async with self._database.reading() as connection:
            return await Images(connection).totals()

    def _file(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    def _read(self, sha256: str) -> bytes:
        try:
            return self._file(sha256).read_bytes()
        except FileNotFoundError:
            raise NotFound(
                "image-lost", "The file of this picture is gone from the data folder."
            ) from None

    def _write(self, sha256: str, data: bytes) -> None:
        file = self._file(sha256)
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


def from_data_url(url: str) -> bytes:
    """The bytes of `data:image/...;base64,...`. Raises Invalid."""
    head, comma, body = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        raise Invalid("bad-data-url", "A data URL reads data:image/png;base64,....")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise Invalid("bad-data-url", "The base64 text of the data URL is damaged.") from None


def _too_large() -> TooLarge:
    return TooLarge("image-too-large", f"Pictures of up to {LIMIT_BYTES >> 20} MiB fit here.")


async def check(data: bytes) -> tuple[str, int, int]:
    """Type, width and height of a picture that can be kept.

    Raises UnsupportedMedia, Invalid or TooLarge."""
    if len(data) > LIMIT_BYTES:
        raise _too_large()
    mime = mime_of(data)
    if mime is None:
        raise UnsupportedMedia("not-an-image", "This is no PNG, JPEG, WebP or GIF picture.")
    try:
        async with asyncio.timeout(DECODE_SECONDS):
            width, height = await asyncio.to_thread(_decode, data, PILLOW_FORMATS[mime])
    except TimeoutError:
        raise Invalid("image-too-slow", "The picture takes too long to decode.") from None
    return mime, width, height


def _decode(data: bytes, kind: str) -> tuple[int, int]:
    """Reads the whole picture once, so that a damaged one is found now and not by a model."""
    from PIL import Image as Pillow  # slow import

    Pillow.MAX_IMAGE_PIXELS = None  # the size is checked here, before anything is decoded
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Pillow.open(BytesIO(data), formats=[kind]) as picture:
                width, height = picture.size
                if width * height > LIMIT_PIXELS:
                    raise TooLarge(
                        "image-too-many-pixels",
                        f"The picture has {width * height / 1e6:.0f} megapixels; "
                        f"up to {LIMIT_PIXELS // 1_000_000} fit here.",
                    )
                picture.load()
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as err:
        raise Invalid("image-damaged", "The picture is damaged or cut off.") from err
    return width, height
