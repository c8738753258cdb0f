"""Takes note of every request at no cost to it, and tells what came together."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from agent.shared.clock import Clock, rfc3339
from agent.shared.cursors import cursor_of, read_cursor
from agent.shared.database import Database
from agent.shared.errors import OrcaError
from agent.shared.statements import Row
from agent.shared.tasks import Tasks
from agent.telemetry.measure import Measure
from agent.telemetry.rules import Kind, Performance, RequestRecord, performance, tidied, totals
from agent.telemetry.store import Requests
from agent.telemetry.tallies import Tallies

log = logging.getLogger(__name__)

SAVE_EVERY_S = 1.0
SAVED_AT_ONCE = 250  # some ten milliseconds of the event loop
KEPT_UNSAVED = 20_000
FORGOTTEN_AT_ONCE = 500
KEEP_DAYS_FOR = timedelta(days=731)
MOST_SAMPLES = 20_000
PROMPT_CHARACTERS = 10_000

Export = Callable[[Sequence[RequestRecord]], None]


class Telemetry:
    """Numbers for Prometheus at once; database, log and traces within a second or so. A crash
    loses what came in that second; a regular end loses nothing."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        keep_days: int = 30,
        logs_prompts: bool = False,
        export: Export | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._clock, self._monotonic = database, clock, monotonic
        self._keep, self._export = timedelta(days=keep_days), export
        self.logs_prompts = logs_prompts
        self.tallies = Tallies()
        self._unsaved: list[RequestRecord] = []
        self._untold: list[tuple[RequestRecord, str | None]] = []
        self._saving, self._telling, self._tasks = asyncio.Lock(), asyncio.Lock(), Tasks()
        self._is_saving_well = True

    def record(self, record: RequestRecord, *, prompt: str | None = None) -> None:
        """Takes note of a request that has ended. Waits for nothing and raises nothing; some ten
        microseconds. `prompt` is let go of at once, unless the setting log_prompts is on."""
        self.tallies.add(record)
        self._unsaved.append(record)
        self._untold.append((record, prompt if self.logs_prompts else None))

    def measure(
        self,
        kind: Kind,
        *,
        id: str,  # noqa: A002 - the record's own name for it
        project: str = "default",
        model: str = "",
        client: str = "",
        prompt: str | None = None,
    ) -> Measure:
        """Begins to measure a request that has just come. Use it with `with`."""
        return Measure(
            self.record,
            self._monotonic,
            kind,
            id=id,
            at=self._clock(),
            project=project,
            model=model,
            client=client,
            prompt=prompt,
        )

    # --- what goes on in the background ------------------------------------------------------

    async def run(self) -> None:
        """Saves and tells what has come, about every second."""
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Saves and tells what has come so far. What cannot be saved is tried again."""
        # A commit whose waiter is cancelled half-way would be done again, and counted twice.
        await self._tasks.to_the_end(self._flush(), name="telemetry")

    async def _flush(self) -> None:
        await self._tell()
        async with self._saving:
            # Not what comes meanwhile: where it comes fast that never ends, and nothing is told.
            for _ in range(0, len(self._unsaved), SAVED_AT_ONCE):
                if not await self._save_some():
                    break

    async def close(self) -> None:
        """Saves what is left."""
        await self.flush()
        await self._tasks.close()

    async def forget_old(self) -> int:
        """Deletes records that are older than the setting says, some at a time, and counters
        after two years; says how many records."""
        now, forgotten = self._clock(), 0
        async with self._database.writing() as connection:
            await Requests(connection).forget_days(rfc3339(now - KEEP_DAYS_FOR)[:10])
        while True:
            async with self._database.writing() as connection:
                some = await Requests(connection).forget(
                    rfc3339(now - self._keep), FORGOTTEN_AT_ONCE
                )
            forgotten += some
            if some < FORGOTTEN_AT_ONCE:
                return forgotten

    async def _save_some(self) -> bool:
        """Says whether that went well. The records and what they add up to: both or neither."""
        batch = [tidied(record) for record in self._unsaved[:SAVED_AT_ONCE]]
        try:
            async with self._database.writing() as connection:
                requests = Requests(connection)
                await requests.add(batch)
                await requests.add_to_days(totals(batch))
        except OrcaError as err:
            if self._is_saving_well:
                log.error("what requests took cannot be saved: %s", err.detail)
            self._is_saving_well = False
            surplus = max(len(self._unsaved) - KEPT_UNSAVED, 0)
            self.tallies.dropped += surplus
            del self._unsaved[:surplus]
            return False
        self._is_saving_well = True
        del self._unsaved[: len(batch)]
        return True

    async def _tell(self) -> None:
        async with self._telling:
            batch, self._untold = self._untold, []
            if batch:
                await asyncio.to_thread(self._tell_all, batch)

    def _tell_all(self, batch: list[tuple[RequestRecord, str | None]]) -> None:
        if log.isEnabledFor(logging.INFO):
            for record, prompt in batch:
                extra = {**asdict(record), "at": rfc3339(record.at)}
                if prompt is not None:
                    extra["prompt"] = prompt[:PROMPT_CHARACTERS]
                log.info("model request", extra={k: v for k, v in extra.items() if v != ""})
        if self._export:
            self._export([record for record, _ in batch])

    # --- what came together ------------------------------------------------------------------

    async def requests(
        self, equal: Mapping[str, str], *, since: datetime | None, cursor: str | None, limit: int
    ) -> tuple[list[Row], str | None]:
        """A page of records up to this moment, newest first, and the cursor of the next. Raises
        Malformed for a cursor that is not ours."""
        after = _place(cursor)
        await self.flush()
        since_text = rfc3339(since) if since else None
        async with self._database.reading() as connection:
            rows = await Requests(connection).page(
                equal, since=since_text, before=after, limit=limit + 1
            )
        return _page(rows, "at", limit)

    async def days(
        self, equal: Mapping[str, str], *, since: datetime | None, cursor: str | None, limit: int
    ) -> tuple[list[Row], str | None]:
        """A page of the counters by day, newest first, and the cursor of the next. Raises
        Malformed for a cursor that is not ours."""
        after = _place(cursor)
        await self.flush()
        since_day = rfc3339(since)[:10] if since else None
        async with self._database.reading() as connection:
            rows = await Requests(connection).days(
                equal, since=since_day, before=after, limit=limit + 1
            )
        return _page(rows, "day", limit)

    async def performance(
        self, equal: Mapping[str, str], *, since: datetime
    ) -> tuple[list[Performance], bool]:
        """By model and backend, and whether that is of all requests since then; else it is of the
        latest 20,000."""
        await self.flush()
        async with self._database.reading() as connection:
            samples = await Requests(connection).samples(rfc3339(since), equal, MOST_SAMPLES + 1)
        is_whole = len(samples) <= MOST_SAMPLES
        # Sorting that many takes a tenth of a second.
        return await asyncio.to_thread(performance, samples[:MOST_SAMPLES]), is_whole


def _page(rows: list[Row], of: str, limit: int) -> tuple[list[Row], str | None]:
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], cursor_of(last[of], last["number"])


def _place(cursor: str | None) -> tuple[str, int] | None:
    values = read_cursor(cursor, (str, int))
    return (values[0], values[1]) if values else None
