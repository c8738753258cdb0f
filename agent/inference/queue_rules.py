"""Whose turn it is in a queue: by priority, then by client and project in turns, then by arrival.

The order, and what it promises:

- Interactive before batch. But of eight places in a row on one lane at least one goes to a batch
  request, if one waits that would take it.
- Within a priority clients take turns, and so do the projects of a client. Who comes new stands
  behind all that wait, once: hundreds of requests of one client hold up another by one of them.
- Within one project of one client, who came first goes first.
- A request that had its turn already, and has to be asked elsewhere, goes before all of its
  priority and costs its client no further turn.

Turns are counted on each lane by itself. If they were counted together, one that waits for a busy
lane would lose its turn each time that its client is served on another, and could wait for ever.
So a request waits, on a lane that it would take, for at most one place of each other client, times
the projects of its own client, times those before it in its project.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from typing import Generic, TypeVar

Waiting = TypeVar("Waiting")
Pick = Callable[[Sequence[str]], str | None]

BATCH_SHARE = 8  # of so many places in a row one is for batches


class Priority(IntEnum):
    """Lower goes first."""

    INTERACTIVE = 0
    BATCH = 1


def first(free: Sequence[str]) -> str | None:
    """Any lane will do."""
    return free[0] if free else None


@dataclass(frozen=True, slots=True)
class Wants:
    """Who asks, and which lane will do.

    `pick` is given the lanes that have a free place, and returns the one to use, or None if none
    of these will do. It is asked often: it must be pure and cheap, and must not raise.
    `is_retry` marks a request that had its turn already.
    """

    client: str = ""
    project: str = "default"
    priority: Priority = Priority.INTERACTIVE
    pick: Pick = first
    is_retry: bool = False


class Line(Generic[Waiting]):
    """Those who wait. Decides who is next on a lane; knows nothing of how many places it has."""

    def __init__(self, lanes: Iterable[str] = ()) -> None:
        names = tuple(lanes)
        self._wants: dict[Waiting, Wants] = {}
        self._ranks = {priority: _Rank[Waiting](names) for priority in Priority}
        # Interactive ones served since the last batch, while batches waited. None: on any lane.
        self._passed: dict[str | None, int] = dict.fromkeys((None, *names), 0)

    def __len__(self) -> int:
        return len(self._wants)

    def __contains__(self, waiting: object) -> bool:
        return waiting in self._wants

    def __iter__(self) -> Iterator[Waiting]:
        """In the order of their turns as it is now, as if any lane would do for all of them."""
        urgent, batch = (self._ranks[priority].in_turn() for priority in Priority)
        until_batch = max(BATCH_SHARE - 1 - self._passed[None], 0)
        for one in urgent:
            if until_batch == 0:
                until_batch = BATCH_SHARE - 1
                for other in batch:
                    yield other
                    break
            yield one
            until_batch -= 1
        yield from batch

    def set_lanes(self, lanes: Iterable[str]) -> None:
        """These are the lanes from now on; those that stay keep whose turn it is on them."""
        names = tuple(lanes)
        for rank in self._ranks.values():
            rank.set_lanes(names)
        self._passed = {name: self._passed.get(name, 0) for name in (None, *names)}

    def add(self, waiting: Waiting, wants: Wants) -> None:
        """Joins."""
        self._wants[waiting] = wants
        self._ranks[wants.priority].add(waiting, wants)

    def remove(self, waiting: Waiting) -> None:
        """Leaves without having been served."""
        wants = self._wants.pop(waiting)
        rank = self._ranks[wants.priority]
        rank.remove(waiting, wants)
        if wants.priority is Priority.BATCH and rank.is_empty:
            self._passed = dict.fromkeys(self._passed, 0)

    def next_on(self, lane: str, takes: Callable[[Waiting], bool]) -> Waiting | None:
        """Whose turn it is on this lane, of those who would take it."""
        ranks = [self._ranks[priority] for priority in Priority]
        if self._passed[lane] >= BATCH_SHARE - 1:
            ranks.reverse()
        everyone = chain.from_iterable(rank.on(lane) for rank in ranks)
        return next((one for one in everyone if takes(one)), None)

    def serve(self, waiting: Waiting, lane: str) -> None:
        """Leaves for a place on this lane; that was its client's turn there."""
        wants = self._wants[waiting]
        if wants.priority is Priority.BATCH:
            self._passed[lane] = self._passed[None] = 0
        elif not self._ranks[Priority.BATCH].is_empty:
            self._passed[lane] += 1
            self._passed[None] += 1
        self._ranks[wants.priority].turn_taken(wants, lane)
        self.remove(waiting)


class _Rank(Generic[Waiting]):
    """Those of one priority. Who has nobody waiting is not in the rings."""

    def __init__(self, lanes: Sequence[str]) -> None:
        self._lanes = lanes
        self._retries: dict[Waiting, None] = {}
        self._clients = _Ring(lanes)
        self._projects: dict[str, _Ring] = {}
        self._lines: dict[tuple[str, str], dict[Waiting, None]] = {}

    @property
    def is_empty(self) -> bool:
        return not self._retries and not self._lines

    def set_lanes(self, lanes: Sequence[str]) -> None:
        self._lanes = lanes
        for ring in (self._clients, *self._projects.values()):
            ring.set_lanes(lanes)

    def add(self, waiting: Waiting, wants: Wants) -> None:
        if wants.is_retry:
            self._retries[waiting] = None
            return
        client, project = wants.client, wants.project
        if client not in self._projects:
            self._projects[client] = _Ring(self._lanes)
            self._clients.join(client)
        if (client, project) not in self._lines:
            self._lines[client, project] = {}
            self._projects[client].join(project)
        self._lines[client, project][waiting] = None

    def remove(self, waiting: Waiting, wants: Wants) -> None:
        if wants.is_retry:
            del self._retries[waiting]
            return
        client, project = wants.client, wants.project
        line, ring = self._lines[client, project], self._projects[client]
        del line[waiting]
        if not line:
            del self._lines[client, project]
            ring.leave(project)
            if not ring.on(None):
                del self._projects[client]
                self._clients.leave(client)

    def turn_taken(self, wants: Wants, lane: str) -> None:
        if not wants.is_retry:
            self._clients.turn_taken(wants.client, lane)
            self._projects[wants.client].turn_taken(wants.project, lane)

    def on(self, lane: str) -> Iterator[Waiting]:
        """Each comes before all that may have this lane only if it refuses."""
        yield from self._retries
        for client in self._clients.on(lane):
            for project in self._projects[client].on(lane):
                yield from self._lines[client, project]

    def in_turn(self) -> Iterator[Waiting]:
        yield from self._retries
        yield from _in_turns(self._of(client) for client in self._clients.on(None))

    def _of(self, client: str) -> Iterator[Waiting]:
        projects = self._projects[client].on(None)
        return _in_turns(iter(self._lines[client, project]) for project in projects)


class _Ring:
    """Names in turns, on each lane by itself, and (None) as if all lanes were one."""

    def __init__(self, lanes: Sequence[str]) -> None:
        self._order: dict[str | None, OrderedDict[str, None]] = {
            lane: OrderedDict() for lane in (None, *lanes)
        }

    def set_lanes(self, lanes: Sequence[str]) -> None:
        overall = self._order[None]
        self._order = {
            lane: self._order.get(lane) or OrderedDict(overall) for lane in (None, *lanes)
        }

    def on(self, lane: str | None) -> OrderedDict[str, None]:
        return self._order[lane]

    def join(self, name: str) -> None:
        for order in self._order.values():
            order[name] = None

    def leave(self, name: str) -> None:
        for order in self._order.values():
            del order[name]

    def turn_taken(self, name: str, lane: str) -> None:
        self._order[lane].move_to_end(name)
        self._order[None].move_to_end(name)


def _in_turns(lines: Iterable[Iterator[Waiting]]) -> Iterator[Waiting]:
    """One of each, again and again, until all are at their end."""
    left = deque(lines)
    while left:
        line = left.popleft()
        for one in line:
            yield one
            left.append(line)
            break
