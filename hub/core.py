"""What every part of the hub stands on, and what each gives back to the program."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Literal, Protocol

from quart import Blueprint

from agent.shared.clock import Clock, NewId, NewSecret
from agent.shared.databases import Databases
from agent.shared.problems import Dialect
from hub.access import Principal
from hub.audit.service import AuditService
from hub.health import Part
from hub.jobs.service import Jobs
from hub.redis import SharedRedis
from hub.sealing import Seal
from hub.settings import Settings


@dataclass(frozen=True, slots=True)
class Core:
    """Handed to every area. What an area opens, it has closed by `stack`. `redis` is None where
    none is set: then this replica is the only one."""

    settings: Settings
    clock: Clock
    new_id: NewId
    new_secret: NewSecret
    stack: AsyncExitStack
    database: Databases
    redis: SharedRedis | None
    seal: Seal
    audit: AuditService
    jobs: Jobs


class Bearer(Protocol):
    """Knows who sends a token of one kind."""

    async def __call__(self, secret: str) -> Principal:
        """Raises Unauthenticated."""


class Door(Protocol):
    """Asked when it is known who sends a request, None for a stranger."""

    async def __call__(self, who: Principal | None) -> None:
        """Raises an OrcaError to refuse the request."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One number for Prometheus; all of one name have the same words and labels. `is_counter`: it
    only grows while the process lives."""

    name: str
    said: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    is_counter: bool = False


class Readings(Protocol):
    """Says how things stand when Prometheus asks."""

    async def __call__(self) -> Iterable[Reading]:
        """May raise an OrcaError: then these are left out."""


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that an Administrator has to act on, how often it was there, and a sentence."""

    kind: Literal["audit-broken", "groups-unclear"]
    count: int
    said: str


class Concerns(Protocol):
    """Says what there is at this moment."""

    async def __call__(self) -> Iterable[Concern]:
        """May raise an OrcaError: then these are left out."""


@dataclass(frozen=True, slots=True)
class Area:
    """What an area adds to the program: routes, tokens by what they begin with (`oht_`), what
    refuses requests, what readiness looks at, what runs until the end, how errors are told
    below a path that is not ours to shape, what Prometheus reads, what tells open streams that
    the program ends, and what an Administrator has to act on."""

    blueprints: tuple[Blueprint, ...] = ()
    bearers: Mapping[str, Bearer] = field(default_factory=dict)
    doors: tuple[Door, ...] = ()
    health: tuple[Part, ...] = ()
    loops: Mapping[str, Callable[[], Coroutine[None, None, None]]] = field(default_factory=dict)
    dialects: Mapping[str, Dialect] = field(default_factory=dict)
    readings: tuple[Readings, ...] = ()
    endings: tuple[Callable[[], Awaitable[None]], ...] = ()
    concerns: tuple[Concerns, ...] = ()
