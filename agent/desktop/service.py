"""What a tray icon shows of the agent, and what it can ask of it."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from agent.inference.backends import Backends
from agent.models.service import ModelService
from agent.models.upkeep import UpkeepService
from agent.runs.service import RunService
from agent.shared.errors import OrcaError
from agent.slicer.printhost.rules import OFFERED
from agent.slicer.printhost.service import Waiting

MOST_HELD = 50


@dataclass(frozen=True, slots=True)
class Pulled:
    """A download of this start of the agent, by the run that does it."""

    run_id: str
    model: str
    state: str


@dataclass(frozen=True, slots=True)
class Notify:
    """Of what the desktop tells its user without being asked."""

    pulls: bool
    held: bool
    updates: bool


@dataclass(frozen=True, slots=True)
class Now:
    """The agent at one moment, as far as an icon and its menu show it."""

    version: str
    model: str | None
    is_working: bool
    is_paused: bool
    held: tuple[Waiting, ...]
    pulls: tuple[Pulled, ...]
    notify: Notify


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the facts come from."""

    backends: Backends
    models: ModelService
    upkeep: UpkeepService
    runs: RunService
    waiting: Callable[[str | None, int], Awaitable[list[Waiting]]]
    pulls: Callable[[], list[tuple[str, str, str]]]
    notify: Notify
    version: str


class DesktopService:
    """Cheap to ask: everything but the held prints is known already."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources

    async def now(self) -> Now:
        held = await self._from.waiting(None, MOST_HELD)
        return Now(
            version=self._from.version,
            model=self._from.models.default_name(),
            is_working=bool(len(self._from.runs)) or any(o.in_flight for o in self._from.backends),
            is_paused=self._from.backends.is_paused,
            held=tuple(one for one in held if one.job.state in OFFERED),
            pulls=tuple(Pulled(*one) for one in self._from.pulls()),
            notify=self._from.notify,
        )

    async def pause(self) -> None:
        """Nothing new is begun: it waits. What is being written is written to its end, then the
        models leave the memory."""
        self._from.backends.pause(is_on=True)
        loaded = [(model, one.name) for one in self._from.backends for model in one.state.loaded]
        for model, backend in loaded:
            with suppress(OrcaError):  # one that does not go, or that is not ours to free, stays
                await self._from.upkeep.unload(model, backend=backend)

    async def resume(self) -> None:
        """What waited goes on."""
        self._from.backends.pause(is_on=False)
