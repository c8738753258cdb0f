"""Runs of several replicas: each has its own, and a dead one's are ended by another."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.rules import Run
from agent.shared.clock import Clock, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import NotFound, OrcaError
from hub.ai.news import Bell
from hub.ai.rules import OwnedRun
from hub.ai.run_store import TeamRuns

BEAT_S = 2.0
LONGEST_LOOK_S = 2 * BEAT_S  # from one to the next, while nothing is wrong
SILENT_S = 10.0

log = logging.getLogger(__name__)
Recover = Callable[[Sequence[OwnedRun]], Awaitable[None]]
Cancel = Callable[[str], Awaitable[object]]


class Replica:
    """This one among others. Implements Ownership: what it holds is its own as long as it lives.

    Nobody's clock is compared with another's: a replica is dead when this one has not seen it
    count on for `silent_s`, of which no more counts than was looked at: while the database is away
    nobody is seen."""

    def __init__(
        self,
        database: Databases,
        clock: Clock,
        replica_id: str,
        *,
        is_alone: bool,
        silent_s: float = SILENT_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`is_alone`: the database is a file, which no other program has open."""
        self.id, self._database, self._clock = replica_id, database, clock
        self._is_alone, self._silent_s, self._monotonic = is_alone, silent_s, monotonic
        self._seen: dict[str, tuple[int, float]] = {}
        self._looked_at = monotonic()

    async def held(self, connection: AsyncConnection, runs: Sequence[Run]) -> set[str]:
        """As Ownership says."""
        return await TeamRuns(connection).held(self.id, runs)

    async def join(self) -> None:
        """Before anything runs here: whatever is begun would else be taken as a dead one's."""
        async with self._database.writing() as connection:
            await TeamRuns(connection).beat(self.id, rfc3339(self._clock()))

    async def beat(self) -> list[OwnedRun]:
        """Says that it lives, and looks who does not; gives every run that is alive and its own,
        with those that it has taken over."""
        now = self._monotonic()
        unseen_s = max(0.0, now - self._looked_at - LONGEST_LOOK_S)
        async with self._database.writing() as connection:
            runs = TeamRuns(connection)
            await runs.beat(self.id, rfc3339(self._clock()))
            beats = await runs.beats()
            if unseen_s:
                self._look_again(unseen_s)
            silent = [
                (one, count)
                for one, count in beats.items()
                if one != self.id and self._is_silent(one, count, now)
            ]
            await runs.forget_replicas(silent)
            await runs.take_over(self.id)
            mine = await runs.alive_of(self.id)
        self._looked_at = now
        self._seen = {one: seen for one, seen in self._seen.items() if one in beats}
        if silent:
            log.warning("replicas that have died: %d", len(silent))
        return mine

    def _look_again(self, unseen_s: float) -> None:
        self._looked_at += unseen_s  # once, also if this look comes to nothing
        self._seen = {one: (count, at + unseen_s) for one, (count, at) in self._seen.items()}

    async def leave(self) -> None:
        """What is left of it may be taken at once."""
        with suppress(OrcaError):
            async with self._database.writing() as connection:
                count = (await TeamRuns(connection).beats()).get(self.id)
                if count is not None:
                    await TeamRuns(connection).forget_replicas([(self.id, count)])

    def _is_silent(self, one: str, count: int, now: float) -> bool:
        if self._is_alone:
            return True
        last, since = self._seen.get(one, (None, now))
        if last != count:
            self._seen[one] = count, now
            return False
        return now - since > self._silent_s


class Watch:
    """Keeps the replica alive, ends what a dead one left and what nobody works on, and stops what
    is unwanted."""

    def __init__(
        self,
        replica: Replica,
        database: Databases,
        *,
        count: Callable[[], int],
        is_here: Callable[[str], bool],
        recover: Recover,
        cancel: Cancel,
        unwanted: Bell,
    ) -> None:
        """`count` says how many runs are alive here, `is_here` whether one is, or begins;
        `unwanted` rings when some replica was told to stop one."""
        self._replica, self._database = replica, database
        self._count, self._is_here = count, is_here
        self._recover, self._cancel, self._unwanted = recover, cancel, unwanted

    async def beat(self) -> None:
        """Once. Raises Unavailable.

        A run of its own that is not here was begun by a statement of which nobody heard that it
        worked, or taken over by one, or could not be ended."""
        mine = await self._replica.beat()
        if left := [one for one in mine if not self._is_here(one.run.id)]:
            await self._recover(left)

    async def keep_beating(self) -> None:
        """Until it is cancelled."""
        await _again_and_again(self.beat, lambda: asyncio.sleep(BEAT_S))

    async def keep_stopping(self) -> None:
        """What was cancelled on another replica, until it is cancelled itself."""
        await _again_and_again(self._look, self._unwanted.wait)

    async def _look(self) -> None:
        self._unwanted.silence()
        if not self._count():
            return
        async with self._database.reading() as connection:
            unwanted = await TeamRuns(connection).unwanted(self._replica.id)
        for run_id in unwanted:
            with suppress(NotFound):
                await self._cancel(run_id)


async def _again_and_again(
    work: Callable[[], Awaitable[None]], pause: Callable[[], Awaitable[None]]
) -> None:
    is_well = True
    while True:
        try:
            await work()
        except OrcaError as err:
            if is_well:
                log.error("runs cannot be looked after: %s", err.detail)
            is_well = False
        else:
            is_well = True
        await pause()
