"""Where Prometheus's numbers come from, apart from those that are counted by request."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agent.images.service import ImageStats
from agent.inference.queue import QueueState
from agent.shared.errors import OrcaError
from agent.telemetry.tallies import Tallies

if TYPE_CHECKING:
    from agent.telemetry.exposition import Exposition

BreakerState = Literal["closed", "open", "half-open"]
Numbers = Callable[[], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class BackendFacts:
    """A model server as it is now."""

    name: str
    provider: str
    is_up: bool
    breaker: BreakerState = "closed"
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class RunFacts:
    """How many runs are alive, and how many have ended since the start, by how."""

    alive: int = 0
    ended: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sources:
    """Each is asked when Prometheus asks, on the event loop: none may wait for anything.

    `answer_cache` may give hits, misses, entries, size_bytes. What else it gives is left out, and
    so is what it does not give. `images` alone may wait, and raise OrcaError: then it is left
    out."""

    tallies: Tallies
    version: str
    database_file: Path
    queues: Callable[[], Iterable[QueueState]] = tuple
    backends: Callable[[], Iterable[BackendFacts]] = tuple
    runs: Callable[[], RunFacts] = RunFacts
    answer_cache: Numbers = dict
    images: Callable[[], Awaitable[ImageStats]] | None = None


class Metrics:
    """Makes the text for Prometheus."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._exposition: Exposition | None = None

    async def text(self) -> bytes:
        """As it is now. The first time it takes longer."""
        if self._exposition is None:
            self._exposition = await asyncio.to_thread(self._load)
        self._exposition.images = await self._images()
        return await asyncio.to_thread(self._written, self._exposition.collect())

    async def _images(self) -> ImageStats | None:
        try:
            return await self._sources.images() if self._sources.images else None
        except OrcaError:
            return None

    def _load(self) -> "Exposition":
        from agent.telemetry.exposition import Exposition  # slow import

        return Exposition(self._sources)

    def _written(self, metrics: list[Any]) -> bytes:  # Any: of the library
        from agent.telemetry.exposition import text  # slow import

        return text(metrics)
