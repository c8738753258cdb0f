"""A generation is a run, not a request: it goes on when its readers leave."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import replace
from datetime import timedelta

from agent.runs.jobs import Job, Recovery
from agent.runs.launching import Launching
from agent.runs.live import LiveRun
from agent.runs.owning import TakenError, Unwritten
from agent.runs.pen import Pen
from agent.runs.rules import ALIVE, CLOSING_EVENT, Chunk, Ending, Run, RunKind, RunState, after
from agent.runs.store import Runs
from agent.shared import wire
from agent.shared.clock import Clock, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import NotFound, OrcaError
from agent.shared.patience import patience
from agent.shared.problems import describe, document
from agent.shared.tasks import Tasks

log = logging.getLogger(__name__)

SAVE_EVERY_S = 0.2  # and with the saving itself no more than the quarter second that is promised
KEEP_ALIVE_S = 15.0
RETRY_SAVING_S = 2.0
KEEP_EVENTS = timedelta(days=7)
MISTAKE = "The agent made a mistake. `orca-agent logs` has the details."


class RunService:
    """Starts runs, lets readers follow them, ends them, and remembers what they said."""

    def __init__(
        self,
        database: Databases,
        clock: Clock,
        *,
        keep_alive_s: float = KEEP_ALIVE_S,
        pen: Pen | None = None,
        mistake: str = MISTAKE,
        tries: int = 1,
    ) -> None:
        """Without a `pen` every run of the database is this program's. `mistake` is what is said
        of an error that nobody thought of. A run that cannot be saved fails after so many
        `tries`."""
        self._database, self._clock, self._keep_alive_s = database, clock, keep_alive_s
        self._pen, self._mistake, self._tries = pen or Pen(database), mistake, tries
        self._live: dict[str, LiveRun] = {}
        self.ended: Counter[str] = Counter()  # since the start, by state
        self._tasks = Tasks()
        self._is_saving_well = True
        self._is_closing = False

    def __len__(self) -> int:
        return len(self._live)

    def live(self, run_id: str) -> LiveRun | None:
        """The run in memory, if it has not ended."""
        return self._live.get(run_id)

    def unsaved(self, run_id: str) -> str | None:
        """Why the end of a run could not be saved, which is tried again; None if it was saved,
        or has not come."""
        live = self._live.get(run_id)
        problem = live.run.problem if live and live.has_ended else None
        return str(problem["detail"]) if problem else None

    def launch(self, run: Run, job: Job, *, survives: bool = False, last_seq: int = 0) -> LiveRun:
        """Sets a run going that was added to the database, and committed, by the caller.

        One that `survives` does not end with the agent: `resume` sets it going again. It tells
        what happens by `telling` alone, so that nobody sees what a crash would take back."""
        live = LiveRun(run, self._clock, survives=survives, last_seq=last_seq)
        self._keep(live)
        self._set_going(live, job)
        return live

    def launching(self) -> Launching:
        """For runs that the caller adds and commits while they are under way."""

        def set_going(run: Run, job: Job) -> LiveRun:
            live = LiveRun(run, self._clock)
            self._set_going(live, job)
            return live

        return Launching(self._database, set_going, self._keep)

    def _keep(self, live: LiveRun) -> None:
        self._live[live.run.id] = live
        live.kept.set()
        if self._is_closing:
            self._stop(live, RunState.INTERRUPTED)

    def _set_going(self, live: LiveRun, job: Job) -> None:
        live.task = self._tasks.start(self._drive(live, job), name=f"run {live.run.id}")

    async def get(self, run_id: str) -> Run:
        """Raises NotFound."""
        if live := self._live.get(run_id):
            return _now(live)
        async with self._database.reading() as connection:
            if run := await Runs(connection).find(run_id):
                return run
        raise NotFound("no-such-run", "There is no run with this id.")

    async def latest(self, state: str | None, before: str | None, limit: int) -> list[Run]:
        """Newest first, `limit` at the most, older than the id `before`."""
        if state in ALIVE:
            runs = sorted(map(_now, self._live.values()), key=lambda r: r.id, reverse=True)
            return [r for r in runs if r.state == state and (not before or r.id < before)][:limit]
        async with self._database.reading() as connection:
            runs = await Runs(connection).latest(state, before, limit)
        return [_now(live) if (live := self._live.get(run.id)) else run for run in runs]

    async def cancel(self, run_id: str) -> Run:
        """Stops a run and waits until that is written down. An ended run is left as it is."""
        live = self._live.get(run_id)
        if live is not None:
            self._stop(live, RunState.CANCELLED)
            while not live.has_ended:
                await live.wait_for_more(live.ring.last_seq)
            return _now(live)
        return await self.get(run_id)

    async def cancel_all_of(self, conversation_id: str) -> None:
        """Stops every run of a conversation, waiting ones too."""
        for live in list(self._live.values()):
            if live.run.conversation_id == conversation_id:
                await self.cancel(live.run.id)

    async def events(self, run_id: str, after_seq: int = 0) -> AsyncGenerator[bytes, None]:
        """Every event behind `after_seq` once and in order, encoded; ends with the run.

        Raises NotFound before the first item. What a slow reader missed in memory is read from
        the database. A comment is sent when nothing happens for a while. Of a run that was lost
        to another program the end is missing: that stands in the database alone."""
        live = self._live.get(run_id)
        if live is None:
            run = await self.get(run_id)
            async with aclosing(self._stored(run, after_seq)) as stored:
                async for part in stored:
                    yield part
            return
        seq = after_seq
        with patience(live.wake) as silence:
            while True:
                if (payload := live.ring.since(seq)) is None:
                    for chunk in await self._segments(run_id, seq):
                        yield after(chunk, seq)
                        await asyncio.sleep(0)  # a source without a pause would starve all others
                        seq = chunk.last
                    continue
                seq = max(seq, live.ring.last_seq)
                if payload:
                    yield payload
                if live.has_ended and seq >= live.ring.last_seq:
                    return
                silence.begin(self._keep_alive_s)
                while live.ring.last_seq <= seq and not (live.has_ended or silence.is_over):
                    await live.wait_for_change()
                if silence.is_over:
                    yield wire.COMMENT
                silence.end()

    async def recover(
        self, recoveries: Mapping[str, Recovery], alive: Sequence[Run] | None = None
    ) -> int:
        """Marks what a crash cut off as interrupted and keeps its text; says how many. Kinds of
        runs that are not in `recoveries` are left to `resume`. `alive` are those to look at,
        which are this program's; else they are all of them."""
        if alive is None:
            async with self._database.reading() as connection:
                alive = await Runs(connection).alive()
        ended = 0
        for run in [one for one in alive if one.kind in recoveries]:
            async with self._database.reading() as connection:
                chunks = await Runs(connection).segments(run.id, 0, limit=1_000_000)
            events = [event for chunk in chunks for event in wire.decode(chunk.payload)]
            last_seq = chunks[-1].last if chunks else 0
            job = recoveries[run.kind](run, events)
            ended += await self._end_cut_off(replace(run, last_seq=last_seq), job)
        if ended:
            log.warning("runs that were cut off by the end of their program: %d", ended)
        return ended

    async def _end_cut_off(self, run: Run, job: Job) -> bool:
        """One that cannot be concluded keeps nobody from ending the others. False if it had ended
        meanwhile."""
        try:
            await self._end(run, job, Ending(RunState.INTERRUPTED))
        except TakenError:
            return False
        except OrcaError:
            raise
        except Exception:  # as in _conclude
            log.exception("run %s cannot be concluded", run.id)
            with suppress(TakenError):
                await self._end(run, Unwritten(), Ending(RunState.INTERRUPTED))
        return True

    async def resume(self, kind: RunKind, job_of: Callable[[Run], Job]) -> int:
        """Sets the runs of a kind going again that were alive when the agent last ended; says how
        many. Their readers go on where they were."""
        async with self._database.reading() as connection:
            runs = Runs(connection)
            found = [
                (run, await runs.last_seq(run.id)) for run in await runs.alive() if run.kind == kind
            ]
        for run, last_seq in found:
            self.launch(run, job_of(run), survives=True, last_seq=last_seq)
        if found:
            log.info("%d runs go on that the end of the agent cut off", len(found))
        return len(found)

    async def run(self) -> None:
        """Writes the events of live runs to the database, all runs in one transaction."""
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            try:
                await self.save()
            except OrcaError as err:
                if self._is_saving_well:
                    log.error("events cannot be saved: %s", err.detail)
                self._is_saving_well = False
            else:
                self._is_saving_well = True

    async def save(self) -> None:
        """Saves what has happened so far. Raises NoSpace or Unavailable; nothing is lost then."""
        if self._live:  # to the end, also when the one who waits for it is cancelled
            await self._tasks.to_the_end(self._save(), name="saving")

    async def _save(self) -> None:
        ready = [live for live in self._live.values() if _can_be_saved(live)]
        async with AsyncExitStack() as stack:
            for live in ready:
                await stack.enter_async_context(live.saving)
            # One that somebody else waited for may have been written down meanwhile.
            found = [(live, live.ring.unsaved()) for live in ready if not live.has_ended]
            pending = [(live, chunk) for live, chunk in found if chunk]
            if not pending:
                return
            held = await self._pen.save([(live.run, chunk) for live, chunk in pending])
            for live, chunk in pending:
                if live.run.id in held:
                    live.ring.mark_saved(chunk.last)
                else:
                    self._stop(live, RunState.INTERRUPTED)

    async def forget_old_events(self) -> int:
        """Deletes the events of runs that ended over seven days ago; says of how many runs."""
        limit, forgotten = rfc3339(self._clock() - KEEP_EVENTS), 0
        while True:
            async with self._database.writing() as connection:
                some = await Runs(connection).forget_events(limit)
            forgotten += some
            if not some:
                return forgotten

    async def close(self, *, grace_s: float = 2.0) -> None:
        """Ends every run as interrupted, tells its readers, and waits for both. Those that
        survive are left as they are."""
        self._is_closing = True
        for live in list(self._live.values()):
            self._stop(live, RunState.INTERRUPTED)
        try:
            async with asyncio.timeout(grace_s):
                for live in list(self._live.values()):
                    while not live.has_ended:
                        await live.wait_for_more(live.ring.last_seq)
        except TimeoutError:
            log.error("%d runs did not end in time", len(self._live))
        await self._tasks.close()

    def _stop(self, live: LiveRun, state: RunState) -> None:
        if live.stop is None:
            live.stop = state
            # A task that is cancelled before its first step never takes one.
            if live.has_begun and live.task is not None:
                live.task.cancel()

    async def _drive(self, live: LiveRun, job: Job) -> None:
        live.has_begun = True
        ending = Ending(live.stop) if live.stop else await self._outcome(live, job)
        if live.is_void:
            return
        await live.kept.wait()
        live.stop = live.stop or ending.state  # from here on nothing can stop it
        if live.survives and ending.state is RunState.INTERRUPTED:
            self._forget(live)
        else:
            await self._conclude(live, job, ending)

    async def _outcome(self, live: LiveRun, job: Job) -> Ending:
        try:
            return Ending(RunState.DONE, await job.work(live))
        except asyncio.CancelledError:
            return Ending(live.stop or RunState.INTERRUPTED)
        except OrcaError as err:
            return Ending(RunState.FAILED, problem=describe(err))
        except Exception:  # the outermost loop of a run
            log.exception("run %s failed", live.run.id)
            return Ending(RunState.FAILED, problem=document("internal", 500, self._mistake))

    async def _conclude(self, live: LiveRun, job: Job, ending: Ending) -> None:
        tries = 0
        while True:
            try:
                async with live.saving:
                    live.run = await self._end(live.run, job, ending, live)
            except TakenError:
                live.is_lost = True
                break
            except OrcaError as err:
                tries += 1
                if tries >= self._tries and not live.has_ended:
                    log.error("run %s cannot be saved: %s", live.run.id, err.detail)
                    ending = self._tell_failed(live, describe(err))
                is_over = tries >= self._tries
                await asyncio.sleep(RETRY_SAVING_S if is_over else 0.05 * min(2**tries, 40))
            except Exception:  # the other half of the outermost loop
                log.exception("run %s cannot be concluded", live.run.id)
                ending = self._tell_failed(live, document("internal", 500, self._mistake))
                if isinstance(job, Unwritten):
                    break
                job = Unwritten()
            else:
                break
        self._forget(live)

    def _tell_failed(self, live: LiveRun, problem: dict[str, object]) -> Ending:
        """What readers are told now is what will be written down, once that works."""
        ending = Ending(RunState.FAILED, problem=problem)
        if not live.has_ended:
            live.run = replace(live.run, state=ending.state, problem=ending.problem)
            live.has_ended = True
            live.emit(CLOSING_EVENT[ending.state], {"problem": ending.problem})
        return ending

    def _forget(self, live: LiveRun) -> None:
        self._live.pop(live.run.id, None)
        live.has_ended = True
        live.wake()

    async def _end(self, run: Run, job: Job, ending: Ending, live: LiveRun | None = None) -> Run:
        """Everything that a run leaves behind is written down; then its readers see it."""
        ended_at = rfc3339(self._clock())
        ended, closing = await self._pen.end(run, job, ending, live, ended_at)
        self.ended[ending.state.value] += 1
        if live:
            live.ring.mark_saved(ended.last_seq)
            if closing:
                live.publish(closing)
        return ended

    async def _segments(self, run_id: str, after_seq: int) -> list[Chunk]:
        async with self._database.reading() as connection:
            return await Runs(connection).segments(run_id, after_seq)

    async def _stored(self, run: Run, after_seq: int) -> AsyncGenerator[bytes, None]:
        if after_seq > run.last_seq or (
            after_seq == run.last_seq and run.state is RunState.INTERRUPTED
        ):
            # A crash took the last events that this reader saw, and their numbers went to others:
            # the closing event gets a number that is new to the reader.
            for chunk in await self._segments(run.id, run.last_seq - 1):
                closing = next(wire.decode(after(chunk, run.last_seq - 1)))
                yield wire.encode(after_seq + 1, closing.name, closing.data)
            return
        seq = after_seq
        while chunks := await self._segments(run.id, seq):
            for chunk in chunks:
                yield after(chunk, seq)
                await asyncio.sleep(0)  # a source without a pause would starve all others
                seq = chunk.last


def _now(live: LiveRun) -> Run:
    return replace(live.run, last_seq=live.ring.last_seq)


def _can_be_saved(live: LiveRun) -> bool:
    is_free = not (live.has_ended or live.saving.locked())
    return is_free and live.ring.saved_seq < live.ring.last_seq
