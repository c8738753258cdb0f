"""A print host for the slicer: takes files for printers, holds what should be looked at first,
and hands the rest on."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.rules import Run
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.database import Database
from agent.shared.errors import Conflict, Invalid, NotFound, OrcaError
from agent.shared.problems import describe
from agent.shared.tasks import Tasks
from agent.slicer.files.service import Beside, FileService
from agent.slicer.files.store import SlicerFiles
from agent.slicer.printers.rules import is_printable
from agent.slicer.printhost.checking import MoveReader, Read
from agent.slicer.printhost.rules import (
    DEFAULT_PRINTER,
    OFFERED,
    OPEN,
    REJECTABLE,
    Hold,
    Job,
    JobSource,
    JobState,
    Target,
    first_state,
    held_because,
)
from agent.slicer.printhost.store import Jobs
from agent.slicer.rules import SlicerFile

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outlet:
    """The printers, as far as a print host knows them.

    `find` raises NotFound. `launch` sets a run going that sends the file of a job in the state
    `waiting`, and writes the states `forwarding` and those behind it to the table of jobs."""

    find: Callable[[str], Awaitable[Target]]
    launch: Callable[[Job, SlicerFile], Awaitable[Run]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What comes with a file. It is known only once the file has come: a form may end with it."""

    wants_print: bool = False
    plate: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that is not done with, and its file without settings."""

    job: Job
    file: SlicerFile
    printer_name: str


class PrintHost:
    """Acknowledged jobs survive: after a crash those that were on their way are offered again,
    and those whose moves were being read are read once more."""

    def __init__(
        self,
        database: Database,
        files: FileService,
        outlet: Outlet,
        read: MoveReader,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._database, self._files, self._outlet, self._read = database, files, outlet, read
        self._clock, self._new_id = clock, new_id
        self._tasks = Tasks()

    async def open(self) -> None:
        """To be called before anything is sent."""
        async with self._database.writing() as connection:
            count = await Jobs(connection).interrupt(self._now())
        if count:
            log.warning("%d files were on their way to printers when the agent last ended", count)

    async def check_again(self) -> None:
        """Goes on with the checks that the end of the agent cut off."""
        async with self._database.reading() as connection:
            jobs = await Jobs(connection).in_states([JobState.CHECKING])
        for job in reversed(jobs):
            self._tasks.start(self._check(job), name=f"check job {job.id}")

    async def close(self) -> None:
        """Waits a moment for what is being handed on."""
        await self._tasks.close()

    async def printer(self, printer_id: str) -> Target:
        """Raises NotFound."""
        if printer_id == DEFAULT_PRINTER:
            return Target(DEFAULT_PRINTER, "no printer", hold="never")
        return await self._outlet.find(printer_id)

    async def receive(
        self,
        chunks: AsyncIterator[bytes],
        name: str,
        printer_id: str,
        *,
        source: JobSource,
        wanted: Callable[[], Wanted],
    ) -> tuple[Job, SlicerFile]:
        """Takes a file in for a printer; on return both are kept, and it is being checked, held
        or on its way.

        Raises NotFound for the printer, Invalid for what it does not print, NoSpace where too
        much waits, and what FileService.receive does."""
        target, jobs = await self.printer(printer_id), list[Job]()
        await self._files.check_room()

        async def write(connection: AsyncConnection, file: SlicerFile) -> None:
            _refuse_what_is_not_printed(file, target)
            jobs.append(self._job(file, target, wanted(), source))
            await Jobs(connection).add(jobs[0])

        async def then(file: SlicerFile) -> None:
            jobs[0] = await self._go(jobs[0], file)

        beside = Beside(write, then)
        file = await self._files.receive(chunks, name, source=source, beside=beside)
        return jobs[0], file

    async def send(self, file_id: str, printer_id: str, *, wants_print: bool) -> Job:
        """Sends a file that is here: who clicks has seen the report, so that it is not held. One
        that is on its way there already is not sent, or printed, twice.

        Raises NotFound, Invalid for what printers do not print, or Conflict for a file that is
        not whole."""
        target, file = await self.printer(printer_id), await self._files.get(file_id)
        _refuse_what_is_not_printed(file, target)
        self._files.path_of(file)
        job = self._job(file, replace(target, hold="never"), Wanted(wants_print), "panel")
        return await self._tasks.to_the_end(self._begin(job, file), name=f"send job {job.id}")

    async def start(self, printer_id: str, name: str) -> Job:
        """Has a file printed that was uploaded here before. Raises NotFound."""
        target = await self.printer(printer_id)
        return await self._tasks.to_the_end(self._start(target, name), name="start an upload")

    async def waiting(self, before: str | None, limit: int) -> list[Waiting]:
        """Jobs that are not done with, newest first: held, on their way, or to be tried again."""
        async with self._database.reading() as connection:
            jobs = await Jobs(connection).in_states(OPEN, before, limit)
        files = await self._files.several([job.file_id for job in jobs])
        names = {one: await self._name_of(one) for one in {job.printer for job in jobs}}
        return [
            Waiting(job, files[job.file_id], names[job.printer])
            for job in jobs
            if job.file_id in files
        ]

    async def get(self, job_id: str) -> Job:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            job = await Jobs(connection).find(job_id)
        if job is None:
            raise NotFound("no-such-job", "There is no file waiting with this id.")
        return job

    async def release(self, job_id: str, *, wants_print: bool | None = None) -> Job:
        """Sends what was held, or tries again; `wants_print` changes what the slicer wanted.

        Raises NotFound, or Conflict if it is neither."""
        releasing = self._release(job_id, wants_print=wants_print)
        return await self._tasks.to_the_end(releasing, name=f"send job {job_id}")

    async def reject(self, job_id: str) -> Job:
        """Puts it away; the file stays in the history. Raises as `release`."""
        refusal = "It cannot be rejected: it is {}."
        return await self._change(job_id, JobState.REJECTED, refusal, only_from=REJECTABLE)

    # --- inside -----------------------------------------------------------------------------

    async def _start(self, target: Target, name: str) -> Job:
        # All in one transaction: who asks twice at a time is answered by the same job.
        async with self._database.writing() as connection:
            jobs = Jobs(connection)
            found = await jobs.latest_called(target.id, name)
            if found is None:
                raise NotFound("no-such-upload", f"There is no file {name} for this printer.")
            if found.wants_print:
                return found
            if found.state in (*REJECTABLE, JobState.RECEIVED):
                await jobs.want_print(found.id)
                return replace(found, wants_print=True)
            kept = await SlicerFiles(connection).find(found.file_id)
            if kept is None:
                raise NotFound("no-such-upload", f"There is no file {name} for this printer.")
            wanted = Wanted(wants_print=True, plate=found.plate)
            job = self._job(kept[0], target, wanted, found.source, is_read=kept[1])
            await jobs.add(job)
        return await self._go(job, kept[0])

    async def _begin(self, job: Job, file: SlicerFile) -> Job:
        async with self._database.writing() as connection:
            jobs = Jobs(connection)
            before = await jobs.on_its_way(job.file_id, job.printer)
            if before and before.wants_print == job.wants_print:
                return before  # a second click
            await jobs.add(job)
        return await self._go(job, file)

    async def _release(self, job_id: str, *, wants_print: bool | None) -> Job:
        refusal = "It cannot be sent now: it is {}."
        job = await self._change(job_id, JobState.WAITING, refusal, wants_print=wants_print)
        return await self._go(job, await self._files.get(job.file_id))

    def _job(
        self,
        file: SlicerFile,
        target: Target,
        wanted: Wanted,
        source: JobSource,
        *,
        is_read: bool = False,
    ) -> Job:
        reason = held_because(file.findings, target.hold) if is_read else None
        now = self._now()
        return Job(
            self._new_id(),
            file.id,
            target.id,
            wanted.wants_print,
            source,
            first_state(target, reason, is_read=is_read),
            now,
            now,
            wanted.plate,
            reason,
        )

    async def _go(self, job: Job, file: SlicerFile) -> Job:
        if job.state is JobState.CHECKING:
            self._tasks.start(self._check(job), name=f"check job {job.id}")
        if job.state is not JobState.WAITING:
            return job
        try:
            run = await self._outlet.launch(job, file)
        except OrcaError as err:
            async with self._database.writing() as connection:
                await Jobs(connection).change(
                    job.id, JobState.FAILED, self._now(), problem=describe(err)
                )
            return await self.get(job.id)
        return replace(job, state=JobState.FORWARDING, run_id=run.id)

    async def _check(self, job: Job) -> None:
        """Has every move read; then the job is held, or goes on."""
        try:
            seen, read = await self._files.see(job.file_id), Read(is_whole=True)
            if not seen.is_analysed:
                ended = await self._read(
                    job.file_id, seen.file.name, lambda run: self._reading(job.id, run)
                )
                if ended is None:
                    return  # the next start reads it again
                read = ended
            await self._judge(job.id, await self._files.get(job.file_id), read)
        except NotFound:
            log.info("a file was thrown away while it was checked")
        except OrcaError as err:
            log.error("a file for a printer stays unchecked until the next start: %s", err.detail)

    async def _reading(self, job_id: str, run: Run) -> None:
        state = JobState.CHECKING
        async with self._database.writing() as connection:
            await Jobs(connection).change(
                job_id, state, self._now(), run_id=run.id, only_from=[state]
            )

    async def _judge(self, job_id: str, file: SlicerFile, read: Read) -> None:
        hold = await self._hold_of((await self.get(job_id)).printer)
        reason = held_because(file.findings, hold, is_read=read.is_whole)
        async with self._database.writing() as connection:
            jobs = Jobs(connection)
            is_mine = await jobs.change(
                job_id,
                JobState.HELD if reason else JobState.WAITING,
                self._now(),
                reason=reason,
                problem=read.problem if reason else None,
                only_from=[JobState.CHECKING],
            )
            job = await jobs.find(job_id)
        if is_mine and job:  # nobody rejected it meanwhile
            await self._go(job, file)

    async def _hold_of(self, printer_id: str) -> Hold:
        try:
            return (await self.printer(printer_id)).hold
        except NotFound:
            return "blocking"

    async def _change(
        self,
        job_id: str,
        state: JobState,
        refusal: str,
        *,
        only_from: Iterable[JobState] = OFFERED,
        wants_print: bool | None = None,
    ) -> Job:
        async with self._database.writing() as connection:
            jobs = Jobs(connection)
            has_changed = await jobs.change(job_id, state, self._now(), only_from=only_from)
            if has_changed and wants_print is not None:
                await jobs.want_print(job_id, wants_print=wants_print)
            job = await jobs.find(job_id)
        if job is None:
            raise NotFound("no-such-job", "There is no file waiting with this id.")
        if not has_changed:
            raise Conflict("job-not-held", refusal.format(job.state.value), state=job.state.value)
        return job

    async def _name_of(self, printer_id: str) -> str:
        try:
            return (await self.printer(printer_id)).name
        except NotFound:
            return "a printer that was removed"

    def _now(self) -> str:
        return rfc3339(self._clock())


def _refuse_what_is_not_printed(file: SlicerFile, target: Target) -> None:
    """Raises Invalid."""
    is_gcode = file.kind == "gcode" and is_printable(file.name)
    if target.id != DEFAULT_PRINTER and not is_gcode:
        raise Invalid(
            "not-printable",
            f"{target.name} takes G-code (.gcode), and {file.name} is none. Export the plate as "
            "G-code and send that.",
        )
