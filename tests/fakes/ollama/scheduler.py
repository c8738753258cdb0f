"""Which models are in memory, who waits for one, and who is turned away."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from .answer import RefusedError
from .catalogue import Model
from .gojson import Json
from .wire import go_time

FOREVER = (1 << 63) - 1  # nanoseconds, about 292 years
FIVE_MINUTES = 300 * 1_000_000_000
BUSY = "server busy, please try again.  maximum pending requests exceeded"


@dataclass(slots=True)
class Runner:
    """A model in memory, or on its way there."""

    model: Model
    context: int
    slots: asyncio.Semaphore
    loaded: asyncio.Event = field(default_factory=asyncio.Event)
    expires_at: int = 0
    users: int = 0
    goes_when_free: bool = False

    def ps(self) -> dict[str, Json]:
        model, recorded = self.model, self.model.characters_per_token == 1
        size = 25_249_709 + 6144 * self.context if recorded else int(model.size * 1.1)
        details = {key: model.details[key] for key in list(model.details)[:6]}
        return {
            "name": model.name,
            "model": model.name,
            "size": size,
            "digest": model.digest,
            "details": {**details, "parent_model": ""},
            "expires_at": go_time(self.expires_at),
            "size_vram": 0,
            "context_length": self.context,
        }


class Scheduler:
    """One slot a model by default, as Ollama; requests for a loaded model wait without bound."""

    def __init__(self, *, num_parallel: int, max_loaded: int, max_queue: int) -> None:
        self.num_parallel, self.max_loaded, self.max_queue = num_parallel, max_loaded, max_queue
        self._runners: dict[str, Runner] = {}
        self._pending = 0
        self._changed = asyncio.Condition()

    def loaded(self) -> list[Runner]:
        """Longest remaining first."""
        now = time.time_ns()
        for name, runner in list(self._runners.items()):
            if runner.loaded.is_set() and not runner.users and runner.expires_at <= now:
                del self._runners[name]
        ready = [runner for runner in self._runners.values() if runner.loaded.is_set()]
        return sorted(ready, key=lambda runner: -runner.expires_at)

    def unload(self, model: Model) -> None:
        """Nothing happens if it is not loaded; if it is in use, it goes when it is free."""
        runner = self._runners.get(model.name)
        if runner is not None:
            runner.expires_at, runner.goes_when_free = 0, True

    def forget_all(self) -> None:
        self._runners.clear()
        self._pending = 0

    @asynccontextmanager
    async def slot(
        self, model: Model, *, context: int, keep_alive: int, load_seconds: float
    ) -> AsyncIterator[int]:
        """Holds one slot of `model`, loading it first if need be; answers the time that took (ns).

        Raises RefusedError 503 when too many requests wait for a load.
        """
        began = time.monotonic_ns()
        runner = await self._runner(model, context, load_seconds)
        took = time.monotonic_ns() - began
        try:
            async with runner.slots:
                yield took
        finally:
            runner.users -= 1
            goes = runner.goes_when_free or keep_alive == 0
            runner.expires_at = 0 if goes else _expiry(keep_alive)
            self.loaded()
            async with self._changed:
                self._changed.notify_all()

    async def _runner(self, model: Model, context: int, load_seconds: float) -> Runner:
        self.loaded()
        runner = self._runners.get(model.name)
        if runner is not None and runner.context == context:
            runner.users += 1
            try:
                await runner.loaded.wait()
            except asyncio.CancelledError:
                runner.users -= 1
                raise
            return runner
        if self._pending > self.max_queue:
            raise RefusedError(503, BUSY)
        self._pending += 1
        try:
            return await self._load(model, context, load_seconds)
        finally:
            self._pending -= 1

    async def _load(self, model: Model, context: int, load_seconds: float) -> Runner:
        async with self._changed:
            await self._changed.wait_for(lambda: self._makes_room(model))
            runner = Runner(model, context, asyncio.Semaphore(self.num_parallel), users=1)
            self._runners[model.name] = runner
        try:
            await asyncio.sleep(load_seconds)
        except asyncio.CancelledError:
            del self._runners[model.name]
            runner.loaded.set()
            raise
        runner.expires_at = _expiry(FIVE_MINUTES)
        runner.loaded.set()
        return runner

    def _makes_room(self, model: Model) -> bool:
        """Drops the same model with another context, then idle ones, the nearest to expiry."""
        same = self._runners.get(model.name)
        if same is not None:
            if same.users:
                return False
            del self._runners[model.name]
        idle = [runner for runner in self._runners.values() if not runner.users]
        for runner in sorted(idle, key=lambda one: one.expires_at):
            if len(self._runners) < self.max_loaded:
                break
            del self._runners[runner.model.name]
        return len(self._runners) < self.max_loaded


def _expiry(keep_alive: int) -> int:
    return time.time_ns() + (FOREVER if keep_alive < 0 else keep_alive)
