"""The queue under any order of arriving, leaving, being late, and lanes that come and go."""

import asyncio
import itertools
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.inference.queue import Queue
from agent.inference.queue_rules import BATCH_SHARE, Priority, Wants
from agent.shared.errors import OrcaError, Unavailable
from tests.agent.queueing import HandClock, settled

LANES, CLIENTS, PROJECTS = ("near", "far", "cloud"), ("ana", "bo", "crowd"), ("parts", "tools")
CAPACITY, WAIT_S = 6, 10.0
SOME_LANES = st.dictionaries(st.sampled_from(LANES), st.integers(0, 2), max_size=3)
ANYBODY = st.builds(
    Wants,
    client=st.sampled_from(CLIENTS),
    project=st.sampled_from(PROJECTS),
    priority=st.sampled_from(Priority),
    is_retry=st.integers(0, 5).map(lambda number: number == 0),
)
ANY_LANES = st.sets(st.sampled_from(LANES), min_size=1).map(frozenset)
CROWD = st.lists(st.tuples(ANYBODY, ANY_LANES), min_size=1, max_size=8)
WHICH = st.integers(0, 20)


@dataclass(eq=False)
class Client:
    """One request, as it sees itself."""

    wants: Wants
    accepts: frozenset[str]
    came_at: float
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    position: int | None = None
    lane: str | None = None
    error: str | None = None
    has_ended: bool = False
    # On each lane: whose requests went in since the last one of its own client, or project.
    clients: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    projects: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def waits(self) -> bool:
        return self.lane is None and not self.has_ended

    @property
    def is_inside(self) -> bool:
        return self.lane is not None and not self.has_ended

    def cancel(self) -> None:
        assert self.task is not None
        self.task.cancel()


class QueueMachine(RuleBasedStateMachine):
    """What is expected comes from what the clients themselves see, and from the rules alone."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = HandClock()
        self.limits = {"near": 2, "far": 1}
        self.shut: set[str] = set()  # lanes that nobody's `pick` wants at present
        self.queue = Queue(
            "text",
            lanes=self.limits,
            capacity=CAPACITY,
            wait_limit_s=WAIT_S,
            monotonic=self.loop.time,
        )
        self.clients: list[Client] = []
        self.entries: list[Client] = []
        self.too_many: list[Client] = []
        self.seen = self.refused_at_the_door = 0
        # Interactive ones in a row on a lane: while a batch would go, while any may have waited.
        self.passed: Counter[str] = Counter()
        self.most_passed: Counter[str] = Counter()

    # --- the clients ---

    @property
    def waiting(self) -> list[Client]:
        return [one for one in self.clients if one.waits]

    @property
    def inside(self) -> list[Client]:
        return [one for one in self.clients if one.is_inside]

    def would_take(self, one: Client) -> frozenset[str]:
        return one.accepts - self.shut

    def _send(self, wants: Wants, accepts: frozenset[str]) -> Client:
        one = Client(wants, accepts, self.loop.now)
        pick = self._pick_of(one)
        real = Wants(wants.client, wants.project, wants.priority, pick, wants.is_retry)
        one.task = self.loop.create_task(self._visit(one, real))
        self.clients.append(one)
        return one

    def _pick_of(self, one: Client) -> Callable[[object], str | None]:
        def pick(free: object) -> str | None:
            assert isinstance(free, list)
            assert free
            return next((lane for lane in free if lane in self.would_take(one)), None)

        return pick

    async def _visit(self, one: Client, wants: Wants) -> None:
        def at(position: int) -> None:
            one.position = position

        try:
            async with self.queue.place(wants, at) as lane:
                one.lane = lane
                self.entries.append(one)
                if sum(each.lane == lane for each in self.inside) > self.limits.get(lane, 0):
                    self.too_many.append(one)
                await one.leave.wait()
        except OrcaError as err:
            one.error = err.code
        finally:
            one.has_ended = True

    # --- looking on ---

    def _run(self, job: Callable[[], Awaitable[None]] = settled) -> None:
        before = self.waiting
        self.loop.run_until_complete(job())
        entries, self.seen = self.entries[self.seen :], len(self.entries)
        for number, one in enumerate(entries):
            later = entries[number + 1 :]
            others = [each for each in before if each.waits or each in later]
            self._is_its_turn(one, [e for e in others if one.lane in self.would_take(e)])
            if not _any_batch(others):
                self.passed.clear()
        if not _any_batch(self.waiting):
            self.passed.clear()
            if not _any_batch(before):
                self.most_passed.clear()

    def _is_its_turn(self, one: Client, passed: list[Client]) -> None:
        """`passed` wait, and would have taken the lane, too."""
        lane, wants = str(one.lane), one.wants
        if one.position is None:  # it found a free place
            assert passed == []
            return
        if wants.priority is Priority.BATCH:
            if any(each.wants.priority is Priority.INTERACTIVE for each in passed):
                assert self.most_passed[lane] >= BATCH_SHARE - 1
            self.passed[lane] = self.most_passed[lane] = 0
        else:
            self.most_passed[lane] += 1
            self.passed[lane] += _any_batch(passed)
            assert self.passed[lane] < BATCH_SHARE
        if not wants.is_retry:
            for each in passed:
                if each.wants.priority is wants.priority:
                    assert not each.wants.is_retry
                    self._take_turns(lane, one, each)

    def _take_turns(self, lane: str, one: Client, passed: Client) -> None:
        if passed.wants.client != one.wants.client:
            assert one.wants.client not in passed.clients[lane]
            passed.clients[lane].add(one.wants.client)
            return
        passed.clients[lane].clear()
        if passed.wants.project != one.wants.project:
            assert one.wants.project not in passed.projects[lane]
            passed.projects[lane].add(one.wants.project)
            return
        passed.projects[lane].clear()
        assert self.clients.index(one) < self.clients.index(passed)

    def _forget_turns(self, *lanes: str) -> None:
        for lane in lanes:
            self.passed[lane] = 0
            for one in self.waiting:
                one.clients[lane].clear()
                one.projects[lane].clear()

    # --- what happens ---

    @initialize(crowd=CROWD)
    def begin(self, crowd: list[tuple[Wants, frozenset[str]]]) -> None:
        self.arrive(crowd)

    @rule(crowd=CROWD)
    def arrive(self, crowd: list[tuple[Wants, frozenset[str]]]) -> None:
        for wants, accepts in crowd:
            self._arrive(wants, accepts)

    def _arrive(self, wants: Wants, accepts: frozenset[str]) -> None:
        state = self.queue.state
        free = {one.name for one in state.lanes if one.running < one.limit}
        one = self._send(wants, accepts)
        is_full = state.waiting >= CAPACITY + (state.limit if wants.is_retry else 0)
        self._run()
        if free & self.would_take(one):
            assert one.is_inside  # an idle lane always admits
        elif is_full:
            assert one.error == "queue-full"
        else:
            assert one.waits

    @rule(wants=ANYBODY)
    def ask_for_room(self, wants: Wants) -> None:
        state = self.queue.state
        is_free = any(one.running < one.limit for one in state.lanes)
        is_full = state.waiting >= CAPACITY + (state.limit if wants.is_retry else 0)
        try:
            self.queue.check_room(wants)
        except Unavailable:
            self.refused_at_the_door += 1
            assert is_full
            assert not is_free
        else:
            assert is_free or not is_full

    @precondition(lambda self: self.inside)
    @rule(which=WHICH, is_cancelled=st.booleans())
    def leave(self, which: int, *, is_cancelled: bool) -> None:
        one = self.inside[which % len(self.inside)]
        if is_cancelled:
            one.cancel()
        else:
            one.leave.set()
        self._run()
        assert one.has_ended

    @precondition(lambda self: self.waiting)
    @rule(which=WHICH)
    def give_up(self, which: int) -> None:
        one = self.waiting[which % len(self.waiting)]
        one.cancel()
        self._run()
        assert one.has_ended

    @precondition(lambda self: self.inside and self.waiting)
    @rule(which=WHICH, leaver=WHICH, is_waiter_first=st.booleans())
    def one_leaves_and_one_gives_up_at_once(
        self, which: int, leaver: int, *, is_waiter_first: bool
    ) -> None:
        leaving = self.inside[leaver % len(self.inside)]
        giving_up = self.waiting[which % len(self.waiting)]
        for one in (giving_up, leaving) if is_waiter_first else (leaving, giving_up):
            one.cancel()
        self._run()
        assert leaving.has_ended
        assert giving_up.has_ended

    @precondition(lambda self: self.inside and self.waiting)
    @rule(which=WHICH, leaver=WHICH, steps=st.integers(0, 3))
    def one_leaves_and_soon_one_gives_up(self, which: int, leaver: int, steps: int) -> None:
        giving_up = self.waiting[which % len(self.waiting)]
        self.inside[leaver % len(self.inside)].leave.set()

        async def race() -> None:
            for _ in range(steps):
                await asyncio.sleep(0)
            giving_up.cancel()
            await settled()

        self._run(race)
        assert giving_up.has_ended
        if giving_up.lane is None:  # it may have been called, which was its client's turn
            self._forget_turns(*LANES)
            self.most_passed.update(LANES)

    @rule(seconds=st.sampled_from([1.0, 4.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.loop.now += seconds
        self._run()

    @precondition(lambda self: self.inside and self.waiting)
    @rule(leaver=WHICH)
    def one_leaves_when_others_are_late(self, leaver: int) -> None:
        self.inside[leaver % len(self.inside)].leave.set()
        self.loop.now += WAIT_S + 1
        self._run()

    @rule(limits=SOME_LANES)
    def lanes_come_and_go(self, limits: dict[str, int]) -> None:
        others = set(LANES) - (set(limits) & set(self.limits))
        self._forget_turns(*others)
        for lane in others:
            self.most_passed[lane] = 0
        self.limits = limits
        self.queue.set_lanes(limits)
        self._run()

    @rule(lane=st.sampled_from(LANES))
    def minds_change(self, lane: str) -> None:
        self._forget_turns(lane)
        self.shut ^= {lane}
        self.queue.look_again()
        self._run()

    @precondition(lambda self: self.inside)
    @rule(crowd=CROWD, leavers=st.lists(WHICH, min_size=8, max_size=24))
    def a_busy_time(self, crowd: list[tuple[Wants, frozenset[str]]], leavers: list[int]) -> None:
        """One comes whenever one leaves."""
        for leaver, arriving in zip(leavers, itertools.cycle(crowd), strict=False):
            if self.inside:
                self._arrive(*arriving)
                self.inside[leaver % len(self.inside)].leave.set()
                self._run()

    # --- what always holds ---

    @invariant()
    def no_place_is_lost_and_none_is_given_twice(self) -> None:
        running = Counter(str(one.lane) for one in self.inside)
        told = {one.name: (one.running, one.limit) for one in self.queue.state.lanes}
        lanes = set(running) | set(self.limits)
        assert told == {lane: (running[lane], self.limits.get(lane, 0)) for lane in lanes}

    @invariant()
    def nobody_went_in_over_the_limit(self) -> None:
        assert self.too_many == []

    @invariant()
    def nobody_waits_for_a_lane_that_is_free(self) -> None:
        free = {one.name for one in self.queue.state.lanes if one.running < one.limit}
        assert [one for one in self.waiting if free & self.would_take(one)] == []

    @invariant()
    def nobody_waits_too_long_or_is_sent_away_too_early(self) -> None:
        for one in self.clients:
            is_late = self.loop.now >= one.came_at + WAIT_S
            assert not (one.waits and is_late)
            assert one.error != "queue-timeout" or is_late

    @invariant()
    def everybody_knows_the_place_in_the_order(self) -> None:
        positions = [one.position for one in self.waiting if one.position is not None]
        assert sorted(positions) == list(range(len(self.waiting)))

    @invariant()
    def the_counters_agree(self) -> None:
        state = self.queue.state
        ends = Counter(one.error for one in self.clients if one.has_ended and one.lane is None)
        assert state.waiting == len(self.waiting)
        assert state.served == len(self.entries)
        assert state.rejected == ends["queue-full"] + self.refused_at_the_door
        assert state.timed_out == ends["queue-timeout"]
        assert state.abandoned == ends[None]
        others = state.waiting + state.served + state.timed_out + state.abandoned
        assert others + ends["queue-full"] == len(self.clients)

    def teardown(self) -> None:
        for one in itertools.chain(self.inside, self.waiting):
            one.cancel()
        self._run()
        assert (self.queue.state.running, self.queue.state.waiting) == (0, 0)
        self.shut.clear()
        self.limits = {"near": 1}
        self.queue.set_lanes(self.limits)
        assert self._send(Wants(), frozenset(self.limits)) is self.clients[-1]
        self._run()
        assert self.clients[-1].is_inside  # whatever was before
        self.clients[-1].leave.set()
        self._run()
        tasks = [one.task for one in self.clients if one.task is not None]
        assert [task for task in tasks if not task.cancelled() and task.exception()] == []
        self.loop.close()


def _any_batch(clients: list[Client]) -> bool:
    return any(one.wants.priority is Priority.BATCH for one in clients)


class ManyQueuesMachine(QueueMachine):
    """The same, for longer."""


SLOW_IS_FINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
QueueMachine.TestCase.settings = settings(SLOW_IS_FINE, max_examples=50, stateful_step_count=25)
ManyQueuesMachine.TestCase.settings = settings(
    SLOW_IS_FINE, max_examples=1000, stateful_step_count=60
)

# Time enough to make a failing example small.
TestAnyOrder = pytest.mark.timeout(120)(QueueMachine.TestCase)
TestAnyOrderForLong = pytest.mark.slow(pytest.mark.timeout(600)(ManyQueuesMachine.TestCase))
