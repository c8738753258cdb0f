"""The profiles as a service: looks at the computer when it is first wanted, and never holds up."""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from agent.inference.rules import canonical_name
from agent.models import profile_file
from agent.models.hardware import Machine, detect
from agent.models.profile_file import Drafts
from agent.models.recommending import Overrides, Recommendation, laid_over, recommend
from agent.shared.errors import OrcaError

log = logging.getLogger(__name__)

T = TypeVar("T")

BUILT_IN = Path(__file__).with_name("profiles.yaml")
OWN_NAME = "profiles.yaml"
FIRST_LOOK_AFTER_S = 1.0
SETTLES_WITHIN_S = 4.0
UNKNOWN = Machine(sys.platform, 0, "nothing: it could not be told", 1, "nothing")


class Profiles:
    """Looks at the computer once, when it is first wanted or soon after the start, and in a thread
    of its own: a driver that hangs holds up nobody."""

    def __init__(
        self,
        own_file: Path,
        overrides: Overrides,
        *,
        look: Callable[[], Machine] = detect,
    ) -> None:
        self._own_file, self._overrides, self._look = own_file, overrides, look
        self._machine: Machine | None = None
        self._wanted, self._known, self._in_force = (asyncio.Event() for _ in range(3))
        self._last: Recommendation | None = None

    async def run(self) -> None:
        """Looks once and ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_AFTER_S):
                await self._wanted.wait()
        try:
            self._machine = await in_thread(self._look)
        except RuntimeError:
            log.warning("nothing can be told about this computer: the smallest profile is used")
            self._machine = UNKNOWN
        self._known.set()
        try:
            self._last = await self.recommendation()
        except OrcaError as err:
            log.warning("the built-in profiles are used: %s", err.detail)
            overrides = replace(self._overrides, profile=None)
            self._last = recommend(self._machine, _built_in(), overrides)
        self._in_force.set()

    async def machine(self) -> Machine:
        """What this computer has."""
        self._wanted.set()
        await self._known.wait()
        if self._machine is None:
            raise RuntimeError("known, but not there")
        return self._machine

    async def recommendation(self) -> Recommendation:
        """What suits this computer by the files as they are now.

        Raises Invalid `bad-profiles` or `no-such-profile`."""
        machine = await self.machine()
        drafts = await asyncio.to_thread(_read, self._own_file)
        self._last = recommend(machine, drafts, self._overrides)
        return self._last

    async def settle(self) -> Recommendation | None:
        """The recommendation that is in force, or None if the look takes too long."""
        self._wanted.set()
        if not self._in_force.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLES_WITHIN_S):
                    await self._in_force.wait()
        return self._last

    def preferred(self, *, needs_vision: bool) -> tuple[str, ...]:
        """The canonical names of the models for this, best first, as far as known by now."""
        if self._last is None:
            return ()
        names = self._last.models.get("vision" if needs_vision else "text", ())
        return tuple(canonical_name(name) for name in names)


def recommendation_here(own_file: Path, overrides: Overrides) -> Recommendation:
    """What suits this computer, without an agent. Takes up to some seconds. Raises Invalid."""
    return recommend(detect(), _read(own_file), overrides)


def names_here(own_file: Path) -> list[str]:
    """The profiles that there are. Raises Invalid `bad-profiles`."""
    return [draft.name for draft in _read(own_file).profiles]


def _read(own_file: Path) -> Drafts:
    own = profile_file.read(own_file)
    return laid_over(_built_in(), own, own_file) if own else _built_in()


def _built_in() -> Drafts:
    return profile_file.read(BUILT_IN) or Drafts()


async def in_thread(job: Callable[[], T]) -> T:
    """Runs `job` in a daemon thread: the program may end while it hangs in a driver, which a
    thread of the pool would not allow. Raises RuntimeError if `job` raised anything."""
    loop = asyncio.get_running_loop()
    outcome: list[T] = []
    ended = asyncio.Event()

    def work() -> None:
        try:
            outcome.append(job())
        finally:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=work, name="hardware", daemon=True).start()
    await ended.wait()
    if not outcome:
        raise RuntimeError("it failed in its thread")
    return outcome[0]
