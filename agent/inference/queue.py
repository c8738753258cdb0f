"""The agent's own queue before its models: Ollama's bounds nothing once a model is loaded."""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial

from agent.inference.queue_rules import Line, Wants
from agent.shared.errors import TimedOut, Unavailable

OnPosition = Callable[[int], None]
Around = Callable[[], AbstractAsyncContextManager[None]]
ANYONE = Wants()
REMEMBERED_WAITS = 512
RETRY_AFTER_S = (1, 60)
# So many hear each change at once. In a longer queue each change would cost all of its length.
TOLD_AT_ONCE = 64
TELL_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class LaneState:
    """One lane; it may run more than its limit where that was lowered meanwhile."""

    name: str
    running: int
    limit: int


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue as it is now; waits in milliseconds over the last places given.

    Whoever came is counted once: `waiting`, `served` (also while it runs), `rejected` (there was
    no room), `timed_out` or `abandoned` (it left before its turn)."""

    name: str
    waiting: int
    running: int
    limit: int
    capacity: int
    waited_ms: dict[str, float]
    served: int
    rejected: int
    timed_out: int
    abandoned: int
    lanes: tuple[LaneState, ...]


@dataclass(eq=False, slots=True)
class _Waiter:
    wants: Wants
    turn: asyncio.Future[str | None]  # the lane, or None when it has waited too long
    on_position: OnPosition | None
    told: int = -1


class Queue:
    """Each lane runs as many as its limit, and `capacity` wait; `queue_rules` says who is next."""

    def __init__(
        self,
        name: str,
        *,
        lanes: Mapping[str, int],
        capacity: int,
        wait_limit_s: float,
        monotonic: Callable[[], float] = time.monotonic,
        on_wait: Callable[[float], None] | None = None,
    ) -> None:
        """`on_wait` is told the seconds that each waited that gets a place; it must not raise."""
        self.name, self.capacity = name, capacity
        self._wait_limit_s, self._monotonic, self._on_wait = wait_limit_s, monotonic, on_wait
        self._limits = dict(lanes)
        self._running = dict.fromkeys(lanes, 0)
        self._line = Line[_Waiter](lanes)
        self._teller: asyncio.TimerHandle | None = None
        self._waits_ms: deque[float] = deque(maxlen=REMEMBERED_WAITS)
        self._usual_s = 0.0
        self._served = self._rejected = self._timed_out = self._abandoned = 0

    @property
    def limit(self) -> int:
        """How many run at the same time, on all lanes together."""
        return sum(self._limits.values())

    @property
    def state(self) -> QueueState:
        return QueueState(
            name=self.name,
            waiting=len(self._line),
            running=sum(self._running.values()),
            limit=self.limit,
            capacity=self.capacity,
            waited_ms=_percentiles(self._waits_ms),
            served=self._served,
            rejected=self._rejected,
            timed_out=self._timed_out,
            abandoned=self._abandoned,
            lanes=tuple(
                LaneState(name, running, self._limits.get(name, 0))
                for name, running in self._running.items()
            ),
        )

    def set_lanes(self, lanes: Mapping[str, int]) -> None:
        """From now on these, with these limits. What runs is not disturbed."""
        self._limits = dict(lanes)
        gone = {name: count for name, count in self._running.items() if name not in lanes and count}
        self._running = {name: self._running.get(name, 0) for name in lanes} | gone
        self._line.set_lanes(lanes)
        self.look_again()

    def look_again(self) -> None:
        """Asks all who wait once more: what their `pick` says may have changed."""
        # Who got no place on the lane it likes best may take one that was offered before.
        while any(self._call_next(lane) for lane in self._free()):
            pass
        self._tell_positions()

    @asynccontextmanager
    async def place(
        self,
        wants: Wants = ANYONE,
        on_position: OnPosition | None = None,
        *,
        around_wait: Around = nullcontext,
    ) -> AsyncIterator[str]:
        """The block runs with a place on the lane it is given, and gives it back however it ends.
        Where none is free, the wait for it is a block of `around_wait`, which may end it.

        `on_position` is told how many are ahead, first on joining and then as that changes (in a
        long queue four times a second at the most), never if a place is free; it must not raise.
        Raises Unavailable `queue-full` or TimedOut `queue-timeout`.
        """
        came_at = self._monotonic()
        lane = self._lane_for(wants)
        if lane is None:
            async with around_wait():
                lane = await self._wait(wants, on_position)
        else:  # nobody who waits would take it: they were asked when it came free
            self._running[lane] += 1
        began_at = self._monotonic()
        self._went_in(began_at - came_at)
        try:
            yield lane
        finally:
            # A moving average is enough to say when to come again.
            self._usual_s += 0.2 * (self._monotonic() - began_at - self._usual_s)
            self._give_back(lane)

    def check_room(self, wants: Wants = ANYONE) -> None:
        """Raises Unavailable `queue-full` if who came now would be refused."""
        if self._lane_for(wants) is None and not self._has_room(wants):
            self._rejected += 1
            raise self._full()

    def _free(self) -> list[str]:
        return [name for name, limit in self._limits.items() if self._running[name] < limit]

    def _lane_for(self, wants: Wants) -> str | None:
        free = self._free()
        lane = wants.pick(free) if free else None
        return lane if lane in free else None  # whatever it says, no lane runs over its limit

    def _has_room(self, wants: Wants) -> bool:
        # Those that were let in before are not refused for those that came after them.
        return len(self._line) < self.capacity + (self.limit if wants.is_retry else 0)

    async def _wait(self, wants: Wants, on_position: OnPosition | None) -> str:
        if not self._has_room(wants):
            self._rejected += 1
            raise self._full()
        loop = asyncio.get_running_loop()
        waiter = _Waiter(wants, loop.create_future(), on_position)
        self._line.add(waiter, wants)
        timer = loop.call_later(self._wait_limit_s, self._is_late, waiter)
        lane: str | None = None
        try:
            self._tell_positions()
            lane = await waiter.turn
        finally:
            timer.cancel()
            if lane is None:
                self._step_out(waiter)
        if lane is None:
            raise TimedOut(
                "queue-timeout",
                f"No place came free within {self._wait_limit_s:g} s. Try again later.",
                retry_after_s=self._retry_after_s(),
            )
        return lane

    def _went_in(self, waited_s: float) -> None:
        self._served += 1
        self._waits_ms.append(waited_s * 1000)
        if self._on_wait is not None:
            self._on_wait(waited_s)

    def _is_late(self, waiter: _Waiter) -> None:
        if not waiter.turn.done():
            self._line.remove(waiter)
            self._timed_out += 1
            waiter.turn.set_result(None)
            self._tell_positions()

    def _step_out(self, waiter: _Waiter) -> None:
        """Also for one who left in the moment between being called and going in."""
        if waiter in self._line:
            self._abandoned += 1
            self._line.remove(waiter)
            self._tell_positions()
        elif lane := waiter.turn.result():
            self._abandoned += 1
            self._give_back(lane)

    def _give_back(self, lane: str) -> None:
        self._running[lane] -= 1
        if lane not in self._limits:
            if not self._running[lane]:
                del self._running[lane]
        elif self._call_next(lane):
            self._tell_positions()

    def _call_next(self, lane: str) -> bool:
        """Fills the lane; whether anybody was called."""
        is_called = False
        while lane in (free := self._free()):
            waiter = self._line.next_on(lane, partial(_takes, lane, free))
            if waiter is None:
                break
            self._line.serve(waiter, lane)
            self._running[lane] += 1
            waiter.turn.set_result(lane)
            is_called = True
        return is_called

    def _tell_positions(self) -> None:
        if len(self._line) <= TOLD_AT_ONCE:
            self._tell_now()
        elif self._teller is None:
            loop = asyncio.get_running_loop()
            self._teller = loop.call_later(TELL_EVERY_S, self._tell_now)

    def _tell_now(self) -> None:
        if self._teller is not None:
            self._teller.cancel()
            self._teller = None
        for position, waiter in enumerate(self._line):
            if waiter.told != position:
                waiter.told = position
                if waiter.on_position is not None:
                    waiter.on_position(position)

    def _full(self) -> Unavailable:
        return Unavailable(
            "queue-full",
            f"{len(self._line)} requests wait already. Try again in a moment.",
            retry_after_s=self._retry_after_s(),
        )

    def _retry_after_s(self) -> int:
        soonest, latest = RETRY_AFTER_S
        expected = math.ceil(self._usual_s * (len(self._line) + 1) / max(self.limit, 1))
        return min(max(expected, soonest), latest)


@dataclass(frozen=True, slots=True)
class Queues:
    """Text and pictures apart: a model that looks at pictures is at it for much longer."""

    text: Queue
    vision: Queue

    def before(self, *, images: Sequence[str]) -> Queue:
        """The one in which a request with these pictures waits."""
        return self.vision if images else self.text


def _takes(lane: str, free: list[str], waiter: _Waiter) -> bool:
    # One whose wait was cancelled stands in the line until its task runs and steps out.
    return not waiter.turn.done() and waiter.wants.pick(free) == lane


def _percentiles(waits_ms: deque[float]) -> dict[str, float]:
    """By nearest rank; 0 where nobody has come yet."""
    ordered = sorted(waits_ms) or [0.0]
    ranks = {f"p{q}": math.ceil(q / 100 * len(ordered)) - 1 for q in (50, 95, 99)}
    return {name: round(ordered[rank], 3) for name, rank in ranks.items()}
