"""Makes shrunk pictures, each once however many ask for it, and keeps them in the cache."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from agent.images.cache import Found, VariantCache
from agent.images.decoders import Decoders, Early
from agent.images.originals import lost
from agent.images.pipes import Head
from agent.images.rules import LIMIT_EDGE, LIMIT_PIXELS, Shrink, Variant
from agent.shared.errors import Invalid, OrcaError, TooLarge
from agent.shared.tasks import Tasks


@dataclass(frozen=True, slots=True)
class Source:
    """A picture to decode: a file, or bytes that are kept nowhere."""

    mime: str
    size_bytes: int
    file: Path | None = None
    data: bytes = b""


class Variants:
    """Owns the cache, the processes that decode, and the counts of what they did."""

    def __init__(self, cache: VariantCache, decoders: Decoders) -> None:
        self.cache, self._decoders, self._tasks = cache, decoders, Tasks()
        self._pending: dict[tuple[str, str], asyncio.Future[Found]] = {}
        self.hits = self.misses = self.decoded = self.refused = 0

    async def close(self) -> None:
        await self._tasks.close()
        await self._decoders.close()
        await asyncio.to_thread(self.cache.close)

    async def made(
        self, sha256: str, how: Shrink, source: Callable[[], Awaitable[Source]]
    ) -> Found:
        """The picture with this hash, shrunk. `source` is asked if it has to be decoded.

        Raises Invalid, TooLarge, NotFound or Unavailable."""
        key = sha256, how.text
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = asyncio.get_running_loop().create_future()
            pending.add_done_callback(_look_at)
            self._tasks.start(self._make(sha256, how, source, pending), name="shrink a picture")
        else:
            self.hits += 1
        return await asyncio.shield(pending)

    @property
    def in_work(self) -> set[str]:
        """The hashes of what is being looked up, made or put into the cache."""
        return {sha256 for sha256, _ in self._pending}

    async def size(self, source: Source) -> tuple[int, int]:
        """Width and height as it is seen, after reading all of it. Raises as `made`."""
        head, _ = await self._decode({}, source)
        width, height = head["size"]
        return width, height

    async def _make(
        self,
        sha256: str,
        how: Shrink,
        source: Callable[[], Awaitable[Source]],
        pending: asyncio.Future[Found],
    ) -> None:
        try:
            found = await asyncio.to_thread(self.cache.find, sha256, how.text)
            if found is not None:
                self.hits += 1
                pending.set_result(found)
                return
            self.misses += 1
            found, pixels = await self._shrink(how, await source(), pending)
            await asyncio.to_thread(self.cache.keep, sha256, how.text, pixels, found)
        except OrcaError as err:
            if not pending.done():
                pending.set_exception(err)
        finally:
            pending.cancel()
            del self._pending[sha256, how.text]

    async def _shrink(
        self, how: Shrink, source: Source, pending: asyncio.Future[Found]
    ) -> tuple[Found, str]:
        """Whoever waits gets it as soon as it is there, before its pixels are hashed and it is in
        the cache."""

        def found(head: Head, small: bytes) -> Found:
            width, height = head["size"]
            return Found(Variant(small, head["mime"], width, height), source.size_bytes)

        def early(head: Head, small: bytes) -> None:
            if not pending.done():
                pending.set_result(found(head, small))

        asked: Head = {
            "max_edge": min(how.max_edge, LIMIT_EDGE),
            "max_bytes": how.max_bytes,
            "format": how.format,
            "png_stays": how.png_stays,
        }
        head, small = await self._decode(asked, source, early)
        early(head, small)
        return found(head, small), head["pixels"]

    async def _decode(
        self, asked: Head, source: Source, early: Early | None = None
    ) -> tuple[Head, bytes]:
        asked = {**asked, "mime": source.mime, "path": str(source.file or "")}
        self.decoded += 1
        try:
            head, small = await self._decoders.ask(asked, source.data, early=early)
            _raise_what(head)
        except (Invalid, TooLarge):
            self.refused += 1
            raise
        return head, small


def _raise_what(head: Head) -> None:
    """Raises what the decoder found wrong with a picture."""
    match head.get("problem"):
        case "pixels":
            raise TooLarge(
                "image-too-many-pixels",
                f"The picture has {head['megapixels']:.0f} megapixels; "
                f"up to {LIMIT_PIXELS // 1_000_000} fit here.",
            )
        case "memory":
            raise TooLarge(
                "image-too-much-memory",
                "The picture needs more memory to decode than the agent gives it. Make it smaller.",
            )
        case "damaged":
            raise Invalid("image-damaged", "The picture is damaged or cut off.")
        case "lost":
            raise lost()


def _look_at(pending: asyncio.Future[Found]) -> None:
    """Whoever asked may have left: what went wrong is then nobody's news."""
    if not pending.cancelled():
        pending.exception()
