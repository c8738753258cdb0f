"""The queue: nothing lost, nobody forgotten, never too many."""

import asyncio
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from agent.inference.queue import TOLD_AT_ONCE, Queue, Queues
from agent.inference.queue_rules import Priority, Wants
from agent.shared.errors import TimedOut, Unavailable
from tests.agent.queueing import HandClock, hold, only, settled, small_queue
from tests.agent.talking import MODEL, ask, body, opened, picture, post, upload
from tests.fakes.ollama import FakeOllama
from tests.serving import running_agent


async def test_a_free_place_is_given_at_once_without_a_position() -> None:
    queue, told = small_queue(), list[int]()

    async with queue.place(on_position=told.append):
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


async def test_an_idle_queue_admits_after_as_many_time_outs_as_it_has_places() -> None:
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


async def test_an_idle_queue_admits_after_as_many_cancelled_waiters_as_it_has_places() -> None:
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
    await hold(queue, done)

    assert (state.waiting, state.running, state.abandoned, state.rejected) == (0, 1, 6, 0)
    assert (queue.state.served, queue.state.running) == (2, 0)


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
    queue = Queue(
        "text", lanes={"local": 2, "lan": 1}, capacity=8, wait_limit_s=9, monotonic=lambda: now
    )
    async with queue.place():
        state = queue.state

    assert asdict(state) == {
        "name": "text",
        "waiting": 0,
        "running": 1,
        "limit": 3,
        "capacity": 8,
        "waited_ms": {"p50": 0.0, "p95": 0.0, "p99": 0.0},
        "served": 1,
        "rejected": 0,
        "timed_out": 0,
        "abandoned": 0,
        "lanes": (
            {"name": "local", "running": 1, "limit": 2},
            {"name": "lan", "running": 0, "limit": 1},
        ),
    }


# --- lanes ------------------------------------------------------------------------------------


async def test_each_lane_runs_as_many_as_its_own_limit() -> None:
    queue, done, lanes = small_queue(lanes=["near", "far"], capacity=8), asyncio.Event(), []

    async def visit(wants: Wants) -> None:
        async with queue.place(wants) as lane:
            lanes.append(lane)
            await done.wait()

    async with asyncio.TaskGroup() as group:
        for wants in (Wants(), Wants(pick=only("near")), Wants(), Wants(pick=only("near", "far"))):
            group.create_task(visit(wants))
        await settled()
        state = queue.state
        done.set()

    assert lanes == ["near", "far", "near", "far"]
    assert [(one.name, one.running) for one in state.lanes] == [("near", 1), ("far", 1)]
    assert (state.waiting, queue.state.running) == (2, 0)


async def test_who_waits_for_a_busy_lane_holds_up_nobody_for_a_free_one() -> None:
    queue, done = small_queue(lanes=["near", "far"]), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(hold(queue, done, wants=Wants(pick=only("near"))))
        await settled()
        async with queue.place(Wants(pick=only("near", "far"))) as lane:
            waiting = queue.state.waiting
        done.set()

    assert (lane, waiting) == ("far", 1)


async def test_those_who_wait_are_looked_at_again_when_a_lane_comes() -> None:
    queue, done = Queue("text", lanes={}, capacity=2, wait_limit_s=5), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(hold(queue, done))
        await settled()
        before = queue.state
        queue.set_lanes({"new": 2})
        await settled()
        after = queue.state
        done.set()

    assert (before.waiting, before.running, before.limit) == (2, 0, 0)
    assert (after.waiting, after.running, after.limit) == (0, 2, 2)


async def test_what_runs_goes_on_when_its_lane_goes_or_gets_narrower() -> None:
    queue, done = small_queue(lanes=["near", "far"], limit=2, capacity=4), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for lane in ("near", "far"):
            for _ in range(2):
                group.create_task(hold(queue, done, wants=Wants(pick=only(lane))))
        await settled()
        queue.set_lanes({"far": 1})
        group.create_task(hold(queue, done))
        await settled()
        state = queue.state
        done.set()

    lanes = {one.name: (one.running, one.limit) for one in state.lanes}
    assert lanes == {"near": (2, 0), "far": (2, 1)}
    assert (state.waiting, state.limit) == (1, 1)
    assert [(one.name, one.running) for one in queue.state.lanes] == [("far", 0)]


async def test_what_a_waiter_will_take_may_change() -> None:
    queue, done, is_up = small_queue(), asyncio.Event(), False
    async with asyncio.TaskGroup() as group:
        wants = Wants(pick=lambda free: free[0] if is_up else None)
        group.create_task(hold(queue, done, wants=wants))
        await settled()
        before = queue.state
        is_up = True
        queue.look_again()
        after = queue.state
        done.set()

    assert ((before.waiting, before.running), (after.waiting, after.running)) == ((1, 0), (0, 1))


async def test_no_lane_runs_over_its_limit_whatever_a_request_picks() -> None:
    queue, done = small_queue(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(hold(queue, done))
        await settled()
        stubborn = group.create_task(hold(queue, done, wants=Wants(pick=lambda _: "one")))
        unknown = group.create_task(hold(queue, done, wants=Wants(pick=lambda _: "nowhere")))
        await settled()
        state = queue.state
        done.set()
        await stubborn
        unknown.cancel()

    assert (state.running, state.waiting) == (1, 2)


# --- who goes first ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Visit:
    name: str
    wants: Wants


async def order_of(queue: Queue, *visits: Visit) -> list[str]:
    """They come while the place is taken; the names as they get it."""
    order: list[str] = []

    async def come(visit: Visit) -> None:
        async with queue.place(visit.wants):
            order.append(visit.name)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group, queue.place():
        for visit in visits:
            group.create_task(come(visit))
        await settled()
    return order


async def test_a_crowd_of_one_client_holds_up_another_by_one() -> None:
    queue = small_queue(capacity=501)
    crowd = [Visit(f"crowd {number}", Wants("crowd")) for number in range(500)]

    order = await order_of(queue, *crowd, Visit("ana", Wants("ana")))

    assert order[:3] == ["crowd 0", "ana", "crowd 1"]
    assert order[3:] == [f"crowd {number}" for number in range(2, 500)]


async def test_a_crowd_of_one_project_holds_up_another_by_one() -> None:
    queue = small_queue(capacity=21)
    crowd = [Visit("crowd", Wants("ana", "crowd")) for _ in range(20)]

    order = await order_of(queue, *crowd, Visit("quiet", Wants("ana", "quiet")))

    assert order.index("quiet") == 1


async def test_interactive_goes_before_batch_which_is_not_forgotten() -> None:
    queue = small_queue(capacity=40)
    batch = [Visit("batch", Wants("ana", priority=Priority.BATCH)) for _ in range(2)]
    chats = [Visit("chat", Wants("bo")) for _ in range(20)]

    order = await order_of(queue, *batch, *chats)

    assert [at for at, name in enumerate(order) if name == "batch"] == [7, 15]


async def test_a_request_that_had_its_turn_goes_to_the_front() -> None:
    queue = small_queue(capacity=3)
    retry = Visit("again", Wants("ana", is_retry=True))

    order = await order_of(queue, Visit("ana", Wants("ana")), Visit("bo", Wants("bo")), retry)

    assert order == ["again", "ana", "bo"]


async def test_a_full_queue_takes_back_those_it_let_in_before_and_no_more() -> None:
    queue, done, again = small_queue(capacity=1), asyncio.Event(), Wants(is_retry=True)
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(hold(queue, done))
        await settled()
        with pytest.raises(Unavailable):
            queue.check_room()
        group.create_task(hold(queue, done, wants=again))
        await settled()
        with pytest.raises(Unavailable):
            await hold(queue, done, wants=again)
        state = queue.state
        done.set()

    assert (state.waiting, state.rejected, queue.state.served) == (2, 2, 3)


def test_pictures_wait_apart_from_text() -> None:
    queues = Queues(text=small_queue(), vision=small_queue())

    assert queues.before(images=[]) is queues.text
    assert queues.before(images=["some sha256"]) is queues.vision


# --- what is told -----------------------------------------------------------------------------


def test_waits_are_told_as_percentiles_and_to_who_listens() -> None:
    heard: list[float] = []
    with asyncio.Runner(loop_factory=HandClock) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, HandClock)
        queue = Queue(
            "text",
            lanes={"one": 1},
            capacity=9,
            wait_limit_s=999,
            monotonic=loop.time,
            on_wait=heard.append,
        )

        async def visits() -> None:
            async with asyncio.TaskGroup() as group:
                first = asyncio.Event()
                group.create_task(hold(queue, first))
                for _ in range(3):
                    done = asyncio.Event()
                    done.set()
                    group.create_task(hold(queue, done))
                await settled()
                loop.now = 2.5
                first.set()

        runner.run(visits())

    assert heard == [0.0, 2.5, 2.5, 2.5]
    assert queue.state.waited_ms == {"p50": 2500.0, "p95": 2500.0, "p99": 2500.0}


def test_a_long_queue_tells_positions_now_and_then_and_a_short_one_at_once() -> None:
    count = 3 * TOLD_AT_ONCE
    told: dict[int, list[int]] = {number: [] for number in range(count)}
    with asyncio.Runner(loop_factory=HandClock) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, HandClock)
        queue = small_queue(capacity=count, wait_limit_s=999)

        async def visits() -> None:
            async with asyncio.TaskGroup() as group:
                steps = [asyncio.Event() for _ in range(count)]
                holder = asyncio.Event()
                group.create_task(hold(queue, holder))
                await settled()
                for number, step in enumerate(steps):
                    group.create_task(hold(queue, step, told[number].append))
                await settled()
                holder.set()
                loop.now += 1
                await settled()
                for step in steps:
                    step.set()

        runner.run(visits())

    assert told[1][:2] == [1, 0]  # joined a short queue, and heard of the first change after it
    assert told[count - 1][0] == count - 2  # the queue was long: not before it had moved on
    assert len(told[count - 1]) < 2 * TOLD_AT_ONCE
    assert told[count - 1][-TOLD_AT_ONCE:] == list(range(TOLD_AT_ONCE))[::-1]


async def test_a_thousand_that_wait_are_not_told_of_each_step_of_the_others() -> None:
    queue, told = small_queue(limit=16, capacity=1000), [0]

    async def visit(number: int) -> None:
        async with queue.place(Wants(f"client {number % 50}"), lambda _: told.append(1)):
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for number in range(1000):
            group.create_task(visit(number))

    assert queue.state.served == 1000
    assert len(told) < 20 * 1000


# --- through the front door -------------------------------------------------------------------


async def test_a_picture_waits_for_pictures_alone_and_the_queues_tell(
    tmp_path: Path, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", model=MODEL, stall_after=1)
    async with running_agent(
        tmp_path / "data", ollama_url=fake.url, concurrent_chats=1, waiting_chats=3
    ) as served:
        client = served.client
        await served.agent.backend.until(lambda state: state.is_up)
        runs = []
        for _ in range(2):
            conversation = await opened(client)
            posted = body(await post(client, conversation["id"], model=MODEL), 202)
            runs.append(posted["run"]["id"])
        conversation = await opened(client)
        sha256 = await upload(client, picture())
        seen = await ask(client, conversation["id"], "What is it?", images=[sha256])

        told = body(await client.get("/api/v1/queues"))
        for run in runs:
            await client.post(f"/api/v1/runs/{run}/cancel")

    text, vision = told["items"]
    none = {"p50": 0.0, "p95": 0.0, "p99": 0.0}
    counts = {"rejected": 0, "timed_out": 0, "abandoned": 0, "capacity": 3, "limit": 1, "served": 1}
    assert seen.names[-1] == "done"
    assert {**text, "waited_ms": none} == {
        "name": "text",
        "waiting": 1,
        "running": 1,
        "waited_ms": none,
        "lanes": [{"name": "local", "running": 1, "limit": 1}],
        **counts,
    }
    assert {**vision, "waited_ms": none} == {
        "name": "vision",
        "waiting": 0,
        "running": 0,
        "waited_ms": none,
        "lanes": [{"name": "local", "running": 0, "limit": 1}],
        **counts,
    }
