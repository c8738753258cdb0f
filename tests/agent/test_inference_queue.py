"""The queue: nothing lost, nobody forgotten, never too many."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.inference.queue import Queue
from agent.shared.errors import OrcaError, TimedOut, Unavailable


def small_queue(*, limit: int = 1, capacity: int = 2, wait_limit_s: float = 5) -> Queue:
    return Queue("text", limit=limit, capacity=capacity, wait_limit_s=wait_limit_s)


async def hold(
    queue: Queue, done: asyncio.Event, on_position: Callable[[int], None] | None = None
) -> None:
    async with queue.place(on_position):
        await done.wait()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_free_place_is_given_at_once_without_a_position() -> None:
    queue, told = small_queue(), list[int]()

    async with queue.place(told.append):
        running = queue.state.running

    assert (running, queue.state.running, told) == (1, 0, [])


async def test_who_waits_hears_how_many_are_ahead_at_each_change() -> None:
    queue, done, told = small_queue(), asyncio.Event(), list[int]()
    async with asyncio.TaskGroup() as group:
        first = asyncio.Event()
        group.create_task(hold(queue, first))
        await settled()
        group.create_task(hold(queue, done))
        await settled()
        group.create_task(hold(queue, done, told.append))
        await settled()

        first.set()
        await settled()
        done.set()

    assert told == [1, 0]


async def test_a_full_queue_refuses_and_says_when_to_come_again() -> None:
    queue, done = small_queue(capacity=1), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(hold(queue, done))
        await settled()
        with pytest.raises(Unavailable) as caught:
            await hold(queue, done)
        done.set()

    assert (caught.value.code, caught.value.extra) == ("queue-full", {"retry_after_s": 1})
    assert queue.state.rejected == 1


async def test_time_outs_do_not_use_the_places_up() -> None:
    queue, done = small_queue(capacity=2, wait_limit_s=0.02), asyncio.Event()
    codes: list[str] = []

    async def late() -> None:
        with pytest.raises(TimedOut) as caught:
            await hold(queue, done)
        codes.append(caught.value.code)

    async with asyncio.TaskGroup() as group:
        group.create_task(hold(queue, done))
        await settled()
        for _ in range(3):
            async with asyncio.TaskGroup() as waiters:
                for _ in range(2):
                    waiters.create_task(late())
        done.set()
    await hold(queue, done)

    assert codes == ["queue-timeout"] * 6
    assert (queue.state.waiting, queue.state.running, queue.state.timed_out) == (0, 0, 6)


async def test_waiters_that_are_cancelled_do_not_use_the_places_up() -> None:
    queue, done = small_queue(capacity=2), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(hold(queue, done))
        await settled()
        for _ in range(3):
            waiters = [group.create_task(hold(queue, done)) for _ in range(2)]
            await settled()
            for waiter in waiters:
                waiter.cancel()
            await settled()
        state = queue.state
        done.set()

    assert (state.waiting, state.running, state.abandoned, state.rejected) == (0, 1, 6, 0)


async def test_one_who_leaves_in_the_moment_of_being_called_passes_the_place_on() -> None:
    queue, first, done = small_queue(), asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(hold(queue, first))
        await settled()
        called = group.create_task(hold(queue, done))
        group.create_task(hold(queue, done))
        await settled()
        first.set()
        await asyncio.sleep(0)
        called.cancel()
        await settled()
        state = queue.state
        done.set()

    assert (state.running, state.waiting, state.abandoned) == (1, 0, 1)


async def test_a_place_that_comes_free_in_the_moment_of_leaving_goes_to_the_next() -> None:
    queue, first, done = small_queue(), asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        holder = group.create_task(hold(queue, first))
        await settled()
        leaving = group.create_task(hold(queue, done))
        group.create_task(hold(queue, done))
        await settled()
        holder.cancel()
        leaving.cancel()
        await settled()
        state = queue.state
        done.set()

    assert (state.running, state.waiting, state.abandoned) == (1, 0, 1)


async def test_a_block_that_fails_gives_its_place_back() -> None:
    queue = small_queue()
    with pytest.raises(RuntimeError):
        async with queue.place():
            raise RuntimeError

    assert queue.state.running == 0


async def test_the_state_is_the_shape_that_clients_know() -> None:
    now = 0.0
    queue = Queue("text", limit=2, capacity=8, wait_limit_s=9, monotonic=lambda: now)
    async with queue.place():
        pass

    assert asdict(queue.state) == {
        "name": "text",
        "waiting": 0,
        "running": 0,
        "limit": 2,
        "capacity": 8,
        "waited_ms": {"p50": 0.0, "p95": 0.0, "p99": 0.0},
        "rejected": 0,
        "timed_out": 0,
        "abandoned": 0,
    }


# --- any order of arriving, leaving, being late -----------------------------------------------


class HandClock(asyncio.SelectorEventLoop):
    """A loop whose time stands still until it is moved."""

    now = 0.0

    def __init__(self) -> None:
        super().__init__(selectors.DefaultSelector())

    def time(self) -> float:
        return self.now


@dataclass(eq=False)
class Client:
    came_at: float
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    position: int | None = None
    is_in: bool = False
    error: str | None = None
    task: asyncio.Task[None] | None = None


class QueueMachine(RuleBasedStateMachine):
    LIMIT, CAPACITY, WAIT_S = 2, 3, 10.0

    def __init__(self) -> None:
        super().__init__()
        self.loop = HandClock()
        self.queue = Queue(
            "text",
            limit=self.LIMIT,
            capacity=self.CAPACITY,
            wait_limit_s=self.WAIT_S,
            monotonic=self.loop.time,
        )
        self.inside: list[Client] = []
        self.waiting: list[Client] = []
        self.rejected = self.timed_out = self.abandoned = 0

    def teardown(self) -> None:
        for client in [*self.inside, *self.waiting]:
            assert client.task is not None
            client.task.cancel()
        self._run()
        assert (self.queue.state.running, self.queue.state.waiting) == (0, 0)
        self.loop.close()

    def _run(self, job: Callable[[], Awaitable[None]] = settled) -> None:
        self.loop.run_until_complete(job())

    def _moved_up(self) -> None:
        while self.waiting and len(self.inside) < self.LIMIT:
            self.inside.append(self.waiting.pop(0))

    @rule()
    def arrive(self) -> None:
        client = Client(self.loop.now)

        def at(position: int) -> None:
            client.position = position

        async def visit() -> None:
            try:
                async with self.queue.place(at):
                    client.is_in = True
                    await client.leave.wait()
            except OrcaError as err:
                client.error = err.code

        client.task = self.loop.create_task(visit())
        self._run()
        if len(self.inside) < self.LIMIT:
            self.inside.append(client)
        elif len(self.waiting) < self.CAPACITY:
            self.waiting.append(client)
        else:
            self.rejected += 1
            assert client.error == "queue-full"

    @precondition(lambda self: self.inside)
    @rule(which=st.integers(0, 9), is_cancelled=st.booleans())
    def leave(self, which: int, *, is_cancelled: bool) -> None:
        client = self.inside.pop(which % len(self.inside))
        assert client.task is not None
        if is_cancelled:
            client.task.cancel()
        else:
            client.leave.set()
        self._run()
        self._moved_up()

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0, 9))
    def give_up(self, which: int) -> None:
        client = self.waiting.pop(which % len(self.waiting))
        assert client.task is not None
        client.task.cancel()
        self.abandoned += 1
        self._run()

    @precondition(lambda self: self.inside and self.waiting)
    @rule(which=st.integers(0, 9), is_waiter_first=st.booleans())
    def one_leaves_and_one_gives_up_at_once(self, which: int, *, is_waiter_first: bool) -> None:
        leaving = self.inside.pop(0)
        giving_up = self.waiting.pop(which % len(self.waiting))
        tasks = [client.task for client in (leaving, giving_up) if client.task]
        for task in reversed(tasks) if is_waiter_first else tasks:
            task.cancel()
        self.abandoned += 1
        self._run()
        self._moved_up()

    @precondition(lambda self: self.inside and self.waiting)
    @rule(steps=st.integers(0, 3))
    def leave_and_the_next_gives_up(self, steps: int) -> None:
        leaving, following = self.inside.pop(0), self.waiting[0]
        leaving.leave.set()

        async def race() -> None:
            for _ in range(steps):
                await asyncio.sleep(0)
            assert following.task is not None
            following.task.cancel()
            await settled()

        was_in = following.is_in
        self._run(race)
        assert not was_in
        self.waiting.pop(0)
        self.abandoned += not following.is_in
        self._moved_up()

    @rule(seconds=st.sampled_from([1.0, 4.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.loop.now += seconds
        self._run()
        late = [c for c in self.waiting if self.loop.now >= c.came_at + self.WAIT_S]
        assert {client.error for client in late} <= {"queue-timeout"}
        self.timed_out += len(late)
        self.waiting = [client for client in self.waiting if client not in late]

    @invariant()
    def holds(self) -> None:
        state = self.queue.state
        assert state.running == len(self.inside) <= self.LIMIT
        assert state.waiting == len(self.waiting) <= self.CAPACITY
        assert not self.waiting or state.running == self.LIMIT
        assert all(client.is_in for client in self.inside)
        assert not any(client.is_in for client in self.waiting)
        assert [client.position for client in self.waiting] == list(range(len(self.waiting)))
        counts = (state.rejected, state.timed_out, state.abandoned)
        assert counts == (self.rejected, self.timed_out, self.abandoned)


QueueMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestAnyOrder = QueueMachine.TestCase
