"""Backups while the agent runs: made when asked and by the calendar, taken in, brought back."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.keeping.applying import Restored, last_restore
from agent.keeping.archive import Plan, make_backup
from agent.keeping.folder import Backups
from agent.keeping.foreign_settings import SettingsCheck
from agent.keeping.incoming import take_in
from agent.keeping.jobs import BackingUp, Restoring
from agent.keeping.rules import Stored, Wanted, is_due
from agent.keeping.staging import clear, stage
from agent.keeping.watching import Tell, Watch, watched
from agent.runs.jobs import Job
from agent.runs.rules import Run, RunKind, RunState
from agent.runs.service import RunService
from agent.runs.store import Runs
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.database import Database
from agent.shared.errors import Conflict, NotFound, OrcaError
from agent.shared.tasks import Tasks

FIRST_AFTER_S = 300.0
LOOK_EVERY_S = 3600.0
HOLDS_SOMETHING = "SELECT EXISTS (SELECT 1 FROM conversation) OR EXISTS (SELECT 1 FROM printer)"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What backups need. `restart` opens the program anew; None where nobody can, and a restore
    waits for the next start. `check_settings` says why a file of settings cannot be used."""

    data_dir: Path
    database: Database
    runs: RunService
    check_settings: SettingsCheck
    restart: Callable[[], None] | None
    version: str
    every_days: int
    keep: int


class KeepingService:
    """One backup or restore at a time; who asks for another meanwhile is told so."""

    def __init__(self, parts: Parts, clock: Clock, new_id: NewId) -> None:
        self._parts, self._clock, self._new_id = parts, clock, new_id
        self._backups = Backups(parts.data_dir)
        self._working, self._tasks = asyncio.Lock(), Tasks()
        self._asked: str | None = None  # the latest run
        self._is_launching = False

    async def list_all(self) -> list[Stored]:
        """Newest first."""
        found = await asyncio.to_thread(self._backups.all)
        return sorted(found, key=_made_at, reverse=True)

    async def last_restore(self) -> Restored | None:
        return await asyncio.to_thread(last_restore, self._parts.data_dir)

    async def file(self, name: str) -> Path:
        """Where a backup lies. Raises NotFound."""
        return await asyncio.to_thread(self._backups.file, name)

    async def delete(self, name: str) -> None:
        """Raises NotFound, and Conflict while it is being restored."""
        self._check_free()
        await asyncio.to_thread(self._backups.remove, name)

    async def back_up(self, wanted: Wanted) -> Run:
        """Makes one, as a run. Raises Conflict while another works."""
        plan = Plan(self._parts.data_dir, "asked", wanted, self._parts.version)
        return await self._launch("backup", BackingUp(self._made(plan)))

    async def restore(self, name: str) -> Run:
        """Checks a backup and makes it ready, as a run; then the agent starts anew with it.

        Raises NotFound, and Conflict while another works."""
        file = await self.file(name)

        async def staged(tell: Tell) -> None:
            def work(watch: Watch) -> None:
                data_dir, check = self._parts.data_dir, self._parts.check_settings
                stage(file, data_dir, self._clock(), check, watch)

            async with self._working:
                try:
                    await watched(work, tell)
                except asyncio.CancelledError:
                    # It may have been ready in the very moment in which it was called off.
                    await asyncio.to_thread(clear, self._parts.data_dir)
                    raise

        run = await self._launch("restore", Restoring(name, staged, self._parts.restart))
        self._tasks.start(self._restart_after(run.id), name="restart for a restore")
        return run

    async def receive(self, chunks: AsyncIterator[bytes]) -> Stored:
        """Keeps a backup from elsewhere, checked. Raises Invalid, Conflict, NoSpace, TooLarge."""
        self._check_free()
        async with self._working:
            name = await take_in(self._backups, chunks, self._clock)
        return await asyncio.to_thread(self._backups.find, name)

    async def run(self) -> None:
        """Makes the automatic ones."""
        await asyncio.sleep(FIRST_AFTER_S)
        while True:
            try:
                await self.keep_automatically()
            except Exception:  # the outermost loop of the calendar
                log.exception("the automatic backup was not made")
            await asyncio.sleep(LOOK_EVERY_S)

    async def keep_automatically(self) -> str | None:
        """Makes one if it is due, and lets go of those that are too many; says its name."""
        parts = self._parts
        stored = await asyncio.to_thread(self._backups.all)
        if self._is_busy or not is_due(stored, parts.every_days, self._clock()):
            return None
        plan = Plan(parts.data_dir, "automatic", Wanted(images=False), parts.version)
        try:
            if not await self._holds_something():
                return None  # a database that lost everything must not push good backups out
            name, _ = await self._made(plan)(lambda _status, _completed, _total: None)
        except OrcaError as err:
            log.warning("the automatic backup was not made: %s", err.detail)
            return None
        gone = await asyncio.to_thread(self._backups.prune, parts.keep)
        log.info("the automatic backup %s was made, %d older ones went", name, len(gone))
        return name

    async def close(self) -> None:
        await self._tasks.close()

    # --- inside -----------------------------------------------------------------------------

    def _made(self, plan: Plan) -> Callable[[Tell], Awaitable[tuple[str, int]]]:
        async def made(tell: Tell) -> tuple[str, int]:
            def work(watch: Watch) -> tuple[str, int]:
                return make_backup(self._backups, plan, self._clock(), watch)

            async with self._working:
                return await watched(work, tell)

        return made

    async def _holds_something(self) -> bool:
        async with self._parts.database.reading() as connection:
            return bool((await connection.exec_driver_sql(HOLDS_SOMETHING)).scalar_one())

    @property
    def _is_busy(self) -> bool:
        is_alive = self._asked is not None and self._parts.runs.live(self._asked) is not None
        return is_alive or self._is_launching or self._working.locked()

    def _check_free(self) -> None:
        """Raises Conflict."""
        if self._is_busy:
            raise Conflict(
                "backup-busy", "A backup or restore is at work. Wait for its end, or cancel it."
            )

    async def _launch(self, kind: RunKind, job: Job) -> Run:
        self._check_free()
        run = Run(self._new_id(), kind, RunState.QUEUED, rfc3339(self._clock()))
        self._is_launching = True  # here, so that the next one sees it
        try:
            async with self._parts.database.writing() as connection:
                await Runs(connection).add(run)
            self._asked = run.id
            return self._parts.runs.launch(run, job).run
        finally:
            self._is_launching = False

    async def _restart_after(self, run_id: str) -> None:
        """Once the run is written down as done, and its readers know."""
        if live := self._parts.runs.live(run_id):
            while not live.has_ended:
                await live.wait_for_more(live.ring.last_seq)
        with suppress(NotFound):
            run = await self._parts.runs.get(run_id)
            if run.state is RunState.DONE and self._parts.restart:
                log.warning("starting anew to restore a backup")
                self._parts.restart()


def _made_at(stored: Stored) -> tuple[str, str]:
    return (stored.manifest.created_at if stored.manifest else "", stored.name)
