"""Runs as people see them, on whichever replica they are."""

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from agent.runs.rules import Run, after
from agent.runs.service import RunService
from agent.shared import wire
from agent.shared.databases import Databases
from agent.shared.errors import NotFound, Unavailable
from hub.access import Principal
from hub.ai.news import LOOK_S, News
from hub.ai.rules import OwnedRun
from hub.ai.run_store import TeamRuns

KEEP_ALIVE_S = 15.0
STOPPED_WITHIN_S = 15.0

log = logging.getLogger(__name__)


class Following:
    """One's own runs, and all of them for an Administrator. What runs here is seen as it happens,
    what runs elsewhere as it is written down: when Redis says so, or else four times a second."""

    def __init__(self, database: Databases, runs: RunService, news: News) -> None:
        self._database, self._runs, self._news = database, runs, news

    async def get(self, who: Principal, run_id: str) -> OwnedRun:
        """Raises NotFound, also for what is somebody else's."""
        found = await self._find(run_id)
        if found is None or not (who.is_administrator or found.account_id == who.account_id):
            raise no_such_run()
        return found

    async def latest(
        self, account_id: str | None, state: str | None, before: str | None, limit: int
    ) -> list[OwnedRun]:
        """Newest first."""
        async with self._database.reading() as connection:
            found = await TeamRuns(connection).found(account_id, state, before, limit)
        return [self._as_now(one) for one in found]

    async def events(self, run_id: str, after_seq: int = 0) -> AsyncGenerator[bytes, None]:
        """Every event behind `after_seq` once and in order. Raises NotFound before the first. Ends
        early when the database goes away: who reads on behind the last event misses nothing."""
        async with aclosing(self._events(run_id, after_seq)) as parts:
            try:
                async for part in parts:
                    yield part
            except Unavailable as err:
                log.warning("the events of run %s end early: %s", run_id, err.detail)

    async def _events(self, run_id: str, after_seq: int) -> AsyncGenerator[bytes, None]:
        seq = after_seq
        while True:
            async with aclosing(self._elsewhere(run_id, seq)) as written:
                async for part, last in written:
                    yield part
                    seq = last
            live = self._runs.live(run_id)
            async with aclosing(self._runs.events(run_id, seq)) as events:
                async for part in events:
                    yield part
            if live is None or not live.is_lost:
                return
            seq = max(seq, live.ring.last_seq)

    async def _elsewhere(self, run_id: str, seq: int) -> AsyncGenerator[tuple[bytes, int], None]:
        """What another replica writes down of a run, with the number of its last event, for as
        long as it is alive there."""
        heard_s = time.monotonic()
        with self._news.of(run_id) as bell:
            while self._runs.live(run_id) is None:
                bell.silence()
                if (found := await self._find(run_id)) is None:
                    raise no_such_run()
                if not found.run.is_alive:
                    return
                async with self._database.reading() as connection:
                    chunks = await TeamRuns(connection).segments(run_id, seq)
                for chunk in chunks:
                    yield after(chunk, seq), chunk.last
                    seq, heard_s = chunk.last, time.monotonic()
                if time.monotonic() - heard_s > KEEP_ALIVE_S:
                    yield wire.COMMENT, seq
                    heard_s = time.monotonic()
                if not chunks:
                    await bell.wait()

    async def cancel(self, who: Principal, run_id: str) -> OwnedRun:
        """Stops it, and waits until that is written down. Raises NotFound."""
        found = await self.get(who, run_id)
        if not found.run.is_alive:
            return found
        if self._runs.live(run_id) is not None:
            await self._runs.cancel(run_id)
            return await self.get(who, run_id)
        with self._news.of(run_id) as bell:
            async with self._database.writing() as connection:
                await TeamRuns(connection).want_no_more(run_id)
            await self._news.tell_unwanted(run_id)
            ends_at = time.monotonic() + STOPPED_WITHIN_S
            while found.run.is_alive and time.monotonic() < ends_at:
                await bell.wait(LOOK_S / 2)
                bell.silence()
                found = await self.get(who, run_id)
        return found

    async def _find(self, run_id: str) -> OwnedRun | None:
        async with self._database.reading() as connection:
            found = await TeamRuns(connection).owned(run_id)
        return self._as_now(found) if found else None

    def _as_now(self, owned: OwnedRun) -> OwnedRun:
        live = self._runs.live(owned.run.id)
        if live is None:
            return owned
        run: Run = replace(live.run, last_seq=live.ring.last_seq)
        return replace(owned, run=run)


def no_such_run() -> NotFound:
    return NotFound("no-such-run", "There is no run with this id.")
