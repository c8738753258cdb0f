"""The agent's own queue before a model: Ollama's bounds nothing once a model is loaded."""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agent.shared.errors import TimedOut, Unavailable

OnPosition = Callable[[int], None]
REMEMBERED_WAITS = 512
RETRY_AFTER_S = (1, 60)


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue as it is now; waits in milliseconds over the last places given."""

    name: str
    waiting: int
    running: int
    limit: int
    capacity: int
    waited_ms: dict[str, float]
    rejected: int
    timed_out: int
    abandoned: int


@dataclass(eq=False, slots=True)
class _Waiter:
    turn: asyncio.Future[None]
    on_position: OnPosition | None
    told: int = -1


class Queue:
    """At most `limit` run and `capacity` wait; who came first goes first."""

    def __init__(
        self,
        name: str,
        *,
        limit: int,
        capacity: int,
        wait_limit_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.limit, self.capacity = name, limit, capacity
        self._wait_limit_s, self._monotonic = wait_limit_s, monotonic
        self._running = 0
        self._waiting: deque[_Waiter] = deque()
        self._waits_ms: deque[float] = deque(maxlen=REMEMBERED_WAITS)
        self._usual_s = 0.0
        self._rejected = self._timed_out = self._abandoned = 0

    @property
    def state(self) -> QueueState:
        return QueueState(
            self.name,
            len(self._waiting),
            self._running,
            self.limit,
            self.capacity,
            _percentiles(self._waits_ms),
            self._rejected,
            self._timed_out,
            self._abandoned,
        )

    @asynccontextmanager
    async def place(self, on_position: OnPosition | None = None) -> AsyncIterator[None]:
        """The block runs while it has a place, and gives it back however it ends.

        `on_position` is told how many are ahead, first on joining and then at each change, never
        if a place is free; it must not raise. Raises Unavailable `queue-full` or TimedOut
        `queue-timeout`.
        """
        came_at = self._monotonic()
        if self._running < self.limit:  # then nobody waits: who leaves calls the next
            self._running += 1
        else:
            await self._wait(on_position)
        began_at = self._monotonic()
        self._waits_ms.append((began_at - came_at) * 1000)
        try:
            yield
        finally:
            # A moving average is enough to say when to come again.
            self._usual_s += 0.2 * (self._monotonic() - began_at - self._usual_s)
            self._running -= 1
            self._call_next()

    def check_room(self) -> None:
        """Raises Unavailable `queue-full` if who came now would be refused."""
        if self._running >= self.limit and len(self._waiting) >= self.capacity:
            self._rejected += 1
            raise self._full()

    async def _wait(self, on_position: OnPosition | None) -> None:
        if len(self._waiting) >= self.capacity:
            self._rejected += 1
            raise self._full()
        waiter = _Waiter(asyncio.get_running_loop().create_future(), on_position)
        self._waiting.append(waiter)
        has_place = is_late = False
        try:
            self._tell_positions()
            async with asyncio.timeout(self._wait_limit_s):
                await waiter.turn
            has_place = True
        except TimeoutError:
            is_late = True
            raise TimedOut(
                "queue-timeout",
                f"No place came free within {self._wait_limit_s:g} s. Try again later.",
                retry_after_s=self._retry_after_s(),
            ) from None
        finally:
            if not has_place:
                self._timed_out += is_late
                self._abandoned += not is_late
                self._step_out(waiter)

    def _full(self) -> Unavailable:
        return Unavailable(
            "queue-full",
            f"{len(self._waiting)} requests wait already. Try again in a moment.",
            retry_after_s=self._retry_after_s(),
        )

    def _step_out(self, waiter: _Waiter) -> None:
        """Also for one who left in the moment between being called and going in."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        else:
            self._running -= 1
        self._call_next()

    def _call_next(self) -> None:
        # One whose wait was cancelled stands here until its task runs and steps out.
        for waiter in [one for one in self._waiting if not one.turn.done()]:
            if self._running >= self.limit:
                break
            self._waiting.remove(waiter)
            self._running += 1
            waiter.turn.set_result(None)
        self._tell_positions()

    def _tell_positions(self) -> None:
        for position, waiter in enumerate(self._waiting):
            if waiter.told != position:
                waiter.told = position
                if waiter.on_position is not None:
                    waiter.on_position(position)

    def _retry_after_s(self) -> int:
        soonest, latest = RETRY_AFTER_S
        expected = math.ceil(self._usual_s * (len(self._waiting) + 1) / self.limit)
        return min(max(expected, soonest), latest)


def _percentiles(waits_ms: deque[float]) -> dict[str, float]:
    """By nearest rank; 0 where nobody has come yet."""
    ordered = sorted(waits_ms) or [0.0]
    ranks = {f"p{q}": math.ceil(q / 100 * len(ordered)) - 1 for q in (50, 95, 99)}
    return {name: round(ordered[rank], 3) for name, rank in ranks.items()}
