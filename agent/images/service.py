"""Pictures: kept as bytes with a name, the SHA-256 of what was sent; shrunk for models."""

import asyncio
import base64
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from agent.images.cache import Found, VariantCache
from agent.images.decoders import Decoders
from agent.images.incoming import checked_mime, from_data_url, too_large
from agent.images.originals import Originals
from agent.images.rules import HASH, LIMIT_BYTES, LIMIT_EDGE, Format, Shrink, Variant
from agent.images.store import Images
from agent.images.variants import Source, Variants
from agent.shared.clock import Clock, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import NotFound, TooLarge, UnsupportedMedia

GRACE = timedelta(hours=24)
TOUCH_AFTER = timedelta(hours=1)
REMOVED_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Image:
    """A kept picture; sizes in pixels, as it is seen, and bytes."""

    sha256: str
    mime: str
    width: int
    height: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ImageStats:
    """`count` and `size_bytes` are of the originals. What is counted is counted since the start."""

    count: int
    size_bytes: int
    variants: int
    variant_bytes: int
    cache_limit_bytes: int
    hits: int
    misses: int
    evictions: int
    decoded: int
    refused: int
    saved_bytes: int


@asynccontextmanager
async def open_images(
    database: Databases,
    folder: Path,
    clock: Clock,
    *,
    cache_file: Path,
    for_models: Shrink,
    cache_bytes: int = 1 << 30,
    cache_age: timedelta = timedelta(hours=1),
    decode_s: float = 20.0,
) -> AsyncIterator["ImageService"]:
    """The service, with nothing running and no file open until the first picture comes."""
    cache = VariantCache(cache_file, limit_bytes=cache_bytes, age=cache_age, clock=clock)
    variants = Variants(cache, Decoders(limit_s=decode_s))
    try:
        yield ImageService(database, Originals(folder), variants, clock, for_models=for_models)
    finally:
        await variants.close()


class ImageService:
    """Takes pictures in, once each, and hands them out: as they came, or shrunk."""

    def __init__(
        self,
        database: Databases,
        originals: Originals,
        variants: Variants,
        clock: Clock,
        *,
        for_models: Shrink,
    ) -> None:
        self._database, self._originals, self._variants = database, originals, variants
        self._clock, self._for_models = clock, for_models
        self._held: Counter[str] = Counter()
        self._refused = self._saved_bytes = 0
        self._is_swept = False

    # --- originals --------------------------------------------------------------------------

    async def keep(self, data: bytes) -> Image:
        """Checks and stores a picture. The same bytes again are the same picture.

        Raises UnsupportedMedia, Invalid, TooLarge, NoSpace or Unavailable."""
        if len(data) > LIMIT_BYTES:
            raise too_large()
        sha256 = await _hash(data)
        with self.holding([sha256]):
            if not await self.missing([sha256]):
                image = await self._find(sha256)
                if not self._originals.file(sha256).is_file():
                    await asyncio.to_thread(self._originals.write, sha256, data)
                return image
            mime, width, height = await self.check(data)
            await asyncio.to_thread(self._originals.write, sha256, data)
            image = Image(sha256, mime, width, height, len(data))
            now = rfc3339(self._clock())
            async with self._database.writing() as connection:
                await Images(connection).add(
                    {
                        "sha256": sha256,
                        "mime": mime,
                        "width": width,
                        "height": height,
                        "size_bytes": len(data),
                        "created_at": now,
                        "touched_at": now,
                    }
                )
            return image

    async def check(self, data: bytes) -> tuple[str, int, int]:
        """Type, width and height of a picture that can be kept. It is read whole, so that a
        damaged one is found now and not by a model.

        Raises UnsupportedMedia, Invalid, TooLarge or Unavailable."""
        mime = self._mime(data)
        return mime, *await self._variants.size(Source(mime, len(data), data=data))

    async def get(self, sha256: str) -> tuple[Image, bytes]:
        """The picture as it was sent. Raises NotFound."""
        image = await self._find(sha256)
        return image, await asyncio.to_thread(self._originals.read, sha256)

    async def missing(self, hashes: list[str]) -> list[str]:
        """Those of `hashes` that are not kept here. The others stay for another day at least."""
        if not hashes:
            return []
        async with self._database.reading() as connection:
            known = await Images(connection).known(hashes)
        now = self._clock()
        late = rfc3339(now - TOUCH_AFTER)
        present = {sha256 for sha256, touched_at in known.items() if touched_at >= late}
        if old := [sha256 for sha256 in known if sha256 not in present]:
            async with self._database.writing() as connection:
                present |= await Images(connection).touch(old, rfc3339(now))
        return [sha256 for sha256 in hashes if sha256 not in present]

    @contextmanager
    def holding(self, hashes: Iterable[str]) -> Iterator[None]:
        """Inside the block these are not thrown away, even if no message shows them."""
        held = list(hashes)
        self._held.update(held)
        try:
            yield
        finally:
            self._held.subtract(held)
            for sha256 in held:
                if self._held[sha256] <= 0:
                    del self._held[sha256]

    # --- variants ---------------------------------------------------------------------------

    async def variant(
        self,
        sha256: str,
        *,
        max_edge: int = LIMIT_EDGE,
        max_bytes: int | None = None,
        format: Format | None = None,  # noqa: A002 - the word for it
    ) -> Variant:
        """A kept picture, upright and without metadata, whose longer edge has at most `max_edge`
        pixels; in the original's format or its nearest, unless one is named.

        Raises NotFound, Invalid, TooLarge or Unavailable."""
        return (await self._kept(sha256, Shrink(max_edge, max_bytes, format))).variant

    async def for_model(self, image: str) -> str:
        """Base64 of a kept picture (its hash) or of a data URL, shrunk to what models take.

        Raises NotFound, UnsupportedMedia, Invalid, TooLarge or Unavailable."""
        if image.startswith("data:"):
            data = await asyncio.to_thread(from_data_url, image)
            return await self.bytes_for_model(data)
        return self._sent(await self._kept(image, self._for_models))

    async def bytes_for_model(self, data: bytes) -> str:
        """The same for a picture that is not kept. Raises as `for_model`."""
        given = Source(self._mime(data), len(data), data=data)

        async def source() -> Source:
            return given

        # Not under the bare hash: nobody shall find by that what was never kept.
        name = f"unkept {await _hash(data)}"
        return self._sent(await self._variants.made(name, self._for_models, source))

    base64 = for_model  # as the chat calls it

    async def stats(self) -> ImageStats:
        """How many pictures there are, how large, and what the cache of shrunk ones did."""
        async with self._database.reading() as connection:
            count, size_bytes = await Images(connection).totals()
        made, cache = self._variants, self._variants.cache
        variants, variant_bytes = await asyncio.to_thread(cache.totals)
        return ImageStats(
            count=count,
            size_bytes=size_bytes,
            variants=variants,
            variant_bytes=variant_bytes,
            cache_limit_bytes=cache.limit_bytes,
            hits=made.hits,
            misses=made.misses,
            evictions=cache.evicted,
            decoded=made.decoded,
            refused=self._refused + made.refused,
            saved_bytes=self._saved_bytes,
        )

    async def forget_variants(self) -> None:
        """Throws away all shrunk copies: whoever needs one has it made anew."""
        await asyncio.to_thread(self._variants.cache.empty)

    async def tidy(self, *, grace: timedelta = GRACE) -> int:
        """Throws away shrunk copies that are too old, and originals that no message shows and
        nobody asked for within the time of `grace`; says how many originals."""
        await asyncio.to_thread(self._variants.cache.expire)
        before, removed = self._clock() - grace, 0
        while True:
            held = [*self._held, *self._variants.in_work]
            async with self._database.writing() as connection:
                gone = await Images(connection).remove_unneeded(
                    before=rfc3339(before), held=held, limit=REMOVED_AT_ONCE
                )
            self._unlink(gone)  # before anybody keeps one of them anew
            await asyncio.to_thread(self._variants.cache.forget, gone)
            removed += len(gone)
            if not gone:
                break
        if not self._is_swept:
            await self._sweep(before.timestamp())
            self._is_swept = True
        return removed

    # --- inside -----------------------------------------------------------------------------

    async def _kept(self, sha256: str, how: Shrink) -> Found:
        async def source() -> Source:
            image = await self._find(sha256)
            return Source(image.mime, image.size_bytes, self._originals.file(sha256))

        return await self._variants.made(sha256, how, source)

    async def _find(self, sha256: str) -> Image:
        """Raises NotFound."""
        if HASH.fullmatch(sha256):
            async with self._database.reading() as connection:
                row = await Images(connection).find(sha256)
            if row is not None:
                return Image(
                    row["sha256"], row["mime"], row["width"], row["height"], row["size_bytes"]
                )
        raise NotFound("no-such-image", "There is no picture with this hash. Upload it first.")

    def _sent(self, found: Found) -> str:
        self._saved_bytes += max(0, found.original_bytes - len(found.variant.data))
        return base64.b64encode(found.variant.data).decode()

    def _mime(self, data: bytes) -> str:
        try:
            return checked_mime(data)
        except (TooLarge, UnsupportedMedia):
            self._refused += 1
            raise

    def _unlink(self, gone: Iterable[str]) -> None:
        # On the loop, since it is a moment each, and the same picture must not come in between.
        for sha256 in gone:
            if sha256 not in self._held:
                self._originals.remove(sha256)

    async def _sweep(self, before: float) -> None:
        """Removes files that a crash left before their row was written."""
        files = await asyncio.to_thread(lambda: list(self._originals.older_than(before)))
        for start in range(0, len(files), 500):
            some = files[start : start + 500]
            async with self._database.reading() as connection:
                known = await Images(connection).known(some)
            self._unlink(sha256 for sha256 in some if sha256 not in known)


async def _hash(data: bytes) -> str:
    return await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
