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
from hub.ai.rules import OwnedRun
from hub.ai.run_store import TeamRuns

BEAT_S = 2.0
SILENT_S = 10.0
LOOK_S = 0.25

log = logging.getLogger(__name__)
Recover = Callable[[Sequence[OwnedRun]], Awaitable[None]]
Cancel = Callable[[str], Awaitable[object]]


class Replica:
    """This one among others. Implements Ownership: what it holds is its own as long as it lives.

    Nobody's clock is compared with another's: a replica is dead when this one has not seen it
    count on for `silent_s`."""

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

    async def held(self, connection: AsyncConnection, runs: Sequence[Run]) -> set[str]:
        """As Ownership says."""
        return await TeamRuns(connection).held(self.id, runs)

    async def join(self) -> None:
        """Before anything runs here: whatever is begun would else be taken as a dead one's."""
        async with self._database.writing() as connection:
            await TeamRuns(connection).beat(self.id, rfc3339(self._clock()))

    async def beat(self) -> list[OwnedRun]:
        """Says that it lives, and looks who does not; gives the runs that are its own from now
        on, to be ended."""
        now = self._monotonic()
        async with self._database.writing() as connection:
            runs = TeamRuns(connection)
            await runs.beat(self.id, rfc3339(self._clock()))
            beats = await runs.beats()
            silent = [
                (one, count)
                for one, count in beats.items()
                if one != self.id and self._is_silent(one, count, now)
            ]
            await runs.forget_replicas(silent)
            taken = await runs.take_over(self.id)
        self._seen = {one: seen for one, seen in self._seen.items() if one in beats}
        if silent:
            log.warning("replicas that have died: %d", len(silent))
        return taken

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
    """Keeps the replica alive, ends what a dead one left, and stops what is unwanted."""

    def __init__(
        self,
        replica: Replica,
        database: Databases,
        *,
        count: Callable[[], int],
        recover: Recover,
        cancel: Cancel,
    ) -> None:
        """`count` says how many runs are alive here."""
        self._replica, self._database, self._count = replica, database, count
        self._recover, self._cancel = recover, cancel

    async def beat(self) -> None:
        """Once. Raises Unavailable."""
        if taken := await self._replica.beat():
            await self._recover(taken)

    async def keep_beating(self) -> None:
        """Until it is cancelled."""
        await _again_and_again(self.beat, BEAT_S)

    async def keep_stopping(self) -> None:
        """What was cancelled on another replica, until it is cancelled itself."""
        await _again_and_again(self._look, LOOK_S)

    async def _look(self) -> None:
        if not self._count():
            return
        async with self._database.reading() as connection:
            unwanted = await TeamRuns(connection).unwanted(self._replica.id)
        for run_id in unwanted:
            with suppress(NotFound):
                await self._cancel(run_id)


async def _again_and_again(work: Callable[[], Awaitable[None]], every_s: float) -> None:
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
        await asyncio.sleep(every_s)
