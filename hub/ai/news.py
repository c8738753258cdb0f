"""What replicas tell each other of runs: that more is written of some, and that one shall end."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from agent.runs.jobs import Job
from agent.runs.live import LiveRun
from agent.runs.pen import Pen
from agent.runs.rules import Chunk, Ending, Run
from agent.shared.tasks import Tasks
from hub.channels import Channel
from hub.redis import SharedRedis

CHANNEL = "runs"
MORE, UNWANTED = "more", "unwanted"
# How long is waited before the database is looked at: without Redis; and with it, where a look
# makes good for what somebody could not say.
LOOK_S, HEARD_LOOK_S = 0.25, 1.0


class Bell:
    """Rings when there is something to look at. Nothing is lost between a look and the wait, if
    `silence` comes before the look."""

    def __init__(self, channel: Channel) -> None:
        self._channel, self._rung = channel, asyncio.Event()

    @property
    def has_rung(self) -> bool:
        """Since the last silence."""
        return self._rung.is_set()

    def ring(self) -> None:
        self._rung.set()

    def silence(self) -> None:
        self._rung.clear()

    async def wait(self, look_s: float = LOOK_S) -> None:
        """Until it rings, or it is time to look all the same: after `look_s` without Redis."""
        try:
            async with asyncio.timeout(HEARD_LOOK_S if self._channel.is_heard else look_s):
                await self._rung.wait()
        except TimeoutError:
            return


class News:
    """Of all replicas, those of this one as well; without Redis there are none."""

    def __init__(self, redis: SharedRedis | None) -> None:
        self._channel = Channel(redis, CHANNEL)
        self._is_told = redis is not None
        self._bells: dict[str, set[Bell]] = {}
        self.unwanted = Bell(self._channel)
        self._written: set[str] = set()
        self._telling, self._is_telling = Tasks(), False

    @contextmanager
    def of(self, run_id: str) -> Iterator[Bell]:
        """Rings for one run, for as long as the block lasts."""
        bell = Bell(self._channel)
        self._bells.setdefault(run_id, set()).add(bell)
        try:
            yield bell
        finally:
            self._bells[run_id].discard(bell)
            if not self._bells[run_id]:
                del self._bells[run_id]

    def tell_more(self, run_ids: Collection[str]) -> None:
        """Once it is committed. Waits for nothing."""
        if not self._is_told or not run_ids:
            return
        self._written.update(run_ids)
        if not self._is_telling:
            self._is_telling = True
            self._telling.start(self._tell(), name="news of runs")

    async def tell_unwanted(self, run_id: str) -> None:
        """Once it is committed."""
        await self._channel.say(f"{UNWANTED} {run_id}")

    async def listen(self) -> None:
        """Until it is cancelled."""
        await self._channel.listen(self._heard, self._missed)

    async def close(self) -> None:
        await self._telling.close()

    async def _tell(self) -> None:
        try:
            while self._written:
                written, self._written = self._written, set()
                await self._channel.say(" ".join((MORE, *written)))
        finally:
            self._is_telling = False

    def _heard(self, words: str) -> None:
        kind, *run_ids = words.split()
        if kind == UNWANTED:
            self.unwanted.ring()
        for run_id in run_ids:
            for bell in self._bells.get(run_id, ()):
                bell.ring()

    def _missed(self) -> None:
        self.unwanted.ring()
        for bells in self._bells.values():
            for bell in bells:
                bell.ring()


class TellingPen(Pen):
    """Writes as another pen does, and tells."""

    def __init__(self, pen: Pen, news: News) -> None:
        self._pen, self._news = pen, news

    async def save(self, rows: Sequence[tuple[Run, Chunk]]) -> set[str]:
        held = await self._pen.save(rows)
        self._news.tell_more(held)
        return held

    async def end(
        self, run: Run, job: Job, ending: Ending, live: LiveRun | None, ended_at: str
    ) -> tuple[Run, Chunk | None]:
        done = await self._pen.end(run, job, ending, live, ended_at)
        self._news.tell_more((run.id,))
        return done
