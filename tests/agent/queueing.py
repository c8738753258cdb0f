"""Those who stand in queues of the tests."""

import asyncio
import selectors
from collections.abc import Callable, Sequence

from agent.inference.queue import ANYONE, Queue
from agent.inference.queue_rules import Pick, Wants


class HandClock(asyncio.SelectorEventLoop):
    """A loop whose time stands still until it is moved."""

    now = 0.0

    def __init__(self) -> None:
        super().__init__(selectors.DefaultSelector())

    def time(self) -> float:
        return self.now


def small_queue(
    *, limit: int = 1, capacity: int = 2, wait_limit_s: float = 5, lanes: Sequence[str] = ("one",)
) -> Queue:
    """Each lane has `limit` places."""
    return Queue(
        "text", lanes=dict.fromkeys(lanes, limit), capacity=capacity, wait_limit_s=wait_limit_s
    )


def only(*lanes: str) -> Pick:
    """Picks the first of these that is free."""
    return lambda free: next((lane for lane in lanes if lane in free), None)


async def hold(
    queue: Queue,
    done: asyncio.Event,
    on_position: Callable[[int], None] | None = None,
    wants: Wants = ANYONE,
) -> None:
    """Has a place until `done`."""
    async with queue.place(wants, on_position):
        await done.wait()


async def settled() -> None:
    """Every task has gone on as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)
