"""Sends a file to a printer, and has it printed there once.

The file is stored first, found there whole, and only then started, as a step of its own. Each
step is written down before it is taken. Where an answer is lost the printer is asked what
became of it; nothing is started a second time unless a person says so."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run, RunState
from agent.runs.service import RunService
from agent.runs.store import Runs
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.database import Database
from agent.shared.errors import Conflict, Invalid, OrcaError
from agent.slicer.printers.failures import LOST_ANSWER, NOT_TAKEN
from agent.slicer.printers.hosts import PrinterServer
from agent.slicer.printers.registry import Patience, PrinterRegistry
from agent.slicer.printers.rules import (
    Activity,
    Print,
    Printer,
    Sent,
    Step,
    Stored,
    has_taken_it,
    is_printable,
    is_stored,
    name_on_printer,
    retry_after_s,
)
from agent.slicer.printers.sending import Source
from agent.slicer.printers.store import Prints, Sents
from agent.slicer.printhost.rules import Job, JobState
from agent.slicer.printhost.store import Jobs
from agent.slicer.rules import SlicerFile

TELL_EVERY_S = 0.25
LEAST_TRIES = 3  # an upload may take longer than the patience with a printer
LOOKS = 5  # for a file that was stored, or for a print that was ordered
# It said no, and does nothing then.
REFUSED = {"printer-refuses", "printer-key-refused", "not-on-printer", "printer-file-kind"}
NEXT = {
    RunState.DONE: JobState.FORWARDED,
    RunState.FAILED: JobState.FAILED,
    RunState.CANCELLED: JobState.INTERRUPTED,
    RunState.INTERRUPTED: JobState.INTERRUPTED,
}

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """What forwarding works with. `has_begun` is told when a print was started."""

    database: Database
    runs: RunService
    registry: PrinterRegistry
    path_of: Callable[[SlicerFile], Path]
    has_begun: Callable[[], None]
    clock: Clock
    new_id: NewId

    @property
    def patience(self) -> Patience:
        return self.registry.patience

    def now(self) -> str:
        return rfc3339(self.clock())


class Forwarder:
    """Starts the runs that send files to printers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def launch(self, job: Job, file: SlicerFile) -> Run:
        """The run that sends the file of a job. The job may have been tried before.

        Raises NotFound for the printer, Conflict for a file that is not whole, and Invalid for
        one that printers do not print."""
        parts = self._parts
        printer = parts.registry.get(job.printer)
        if not is_printable(file.name):
            raise Invalid(
                "not-printable",
                f"{file.name} is a project, and printers print G-code. Slice it and send that.",
            )
        path = parts.path_of(file)
        run = Run(parts.new_id(), "forward", RunState.QUEUED, parts.now())
        async with parts.database.writing() as connection:
            await Runs(connection).add(run)
            await Jobs(connection).change(job.id, JobState.FORWARDING, parts.now(), run_id=run.id)
            sent = await Sents(connection).find(job.id)
        if sent is None or sent.printer_id != printer.id:
            sent = Sent(job.id, printer.id)
        parts.runs.launch(run, Forwarding(parts, job, file, printer, path, sent))
        return run


class Forwarding:
    """One file on its way to one printer. Implements Job of the runs."""

    def __init__(
        self,
        parts: Parts,
        job: Job,
        file: SlicerFile,
        printer: Printer,
        path: Path,
        sent: Sent,
    ) -> None:
        self._parts, self._job, self._file = parts, job, file
        self._printer, self._path, self._sent = printer, path, sent
        self._told_at = -TELL_EVERY_S

    async def work(self, live: LiveRun) -> object:
        """Stores, looks, starts. Cancelling it closes the connection."""
        live.mark_started()
        live.emit("started", self._about())
        lock = self._parts.registry.taking(self._printer)
        if lock.locked():
            self._tell(live, "waiting", detail=f"{self._printer.name} is taking another file.")
        async with lock:  # or a file of the same name could come between storing and starting
            host = await self._parts.registry.host(self._printer)
            if not await self._was_started(live, host):
                await self._check_ready(live, host)
                path = await self._patiently(
                    live, lambda: host.path_of(name_on_printer(self._file.name))
                )
                await self._store(live, host, path)
                if self._job.wants_print:
                    await self._start(live, host)
        return self._about()

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        """What became of the job; a print that began is watched from now on."""
        now = self._parts.now()
        await Jobs(connection).change(
            self._job.id, NEXT[ending.state], now, run_id=run.id, problem=ending.problem
        )
        if ending.state is not RunState.DONE:
            return {**self._about(), **({"problem": ending.problem} if ending.problem else {})}
        if self._job.wants_print and self._sent.step is not Step.STARTED:
            await Sents(connection).save(replace(self._sent, step=Step.STARTED), now)
            await Prints(connection).add(
                Print(
                    self._parts.new_id(),
                    self._file.id,
                    self._printer.name,
                    self._printer.id,
                    self._job.id,
                    self._sent.path,
                    self._sent.mark,
                    started_at=now,
                )
            )
            self._parts.has_begun()
        return {"result": self._about()}

    # --- the steps --------------------------------------------------------------------------

    async def _was_started(self, live: LiveRun, host: PrinterServer) -> bool:
        """Whether an earlier try had the print started. Raises Conflict where nobody can tell."""
        step = self._sent.step
        if step is Step.STARTED:
            return True
        if step not in (Step.STARTING, Step.UNCLEAR):
            return False
        self._tell(live, "checking")
        await self._patiently(live, host.report)
        if await self._has_taken_it(host, looks=1 if step is Step.UNCLEAR else LOOKS):
            return True
        if step is Step.STARTING:
            await self._note(Step.UNCLEAR)
            raise self._unclear()
        await self._note(Step.STORED)  # a person was told, and says: once more
        return False

    async def _check_ready(self, live: LiveRun, host: PrinterServer) -> None:
        """Raises Conflict for a printer that could not start a print now."""
        self._tell(live, "checking")
        report = await self._patiently(live, host.report)
        if not self._job.wants_print or report.activity is Activity.IDLE:
            return
        name, words = self._printer.name, report.detail or report.activity.value
        if report.activity in (Activity.PRINTING, Activity.PAUSED, Activity.BUSY):
            raise Conflict(
                "printer-busy",
                f"{name} is at work ({words}). Send the file again when it is done, or send it "
                "without printing it.",
            )
        raise Conflict(
            "printer-not-operational",
            f"{name} could not print now ({words}). Send the file again when it can.",
        )

    async def _store(self, live: LiveRun, host: PrinterServer, path: str) -> None:
        """On return the whole file is on the printer. Storing it twice does no harm."""
        before = await self._patiently(live, lambda: host.find(path))
        size = self._file.size_bytes
        if self._sent.step is Step.STORED and before == Stored(path, size, self._sent.stamp):
            return
        await self._note(Step.UPLOADING, path=path)

        async def upload() -> None:
            try:
                await host.upload(self._source(live), path)
            except OrcaError as err:
                if err.code not in LOST_ANSWER:
                    raise
                if not is_stored(await host.find(path), before, size):
                    raise

        await self._patiently(live, upload)
        self._tell(live, "verifying", size)
        for look in range(LOOKS):
            found = await self._patiently(live, lambda: host.find(path))
            if found is not None and found.size_bytes == size:
                await self._note(Step.STORED, stamp=found.stamp)
                return
            await self._pause(look)
        raise Conflict(
            "printer-file-differs",
            f"{self._printer.name} took the file, but has not the whole of it. It was not "
            "started. Look whether its storage is full, and send the file again.",
        )

    async def _start(self, live: LiveRun, host: PrinterServer) -> None:
        """Gives the order once. Raises Conflict where nobody can tell whether it was heard."""
        path = self._sent.path
        await self._check_ready(live, host)
        mark = await self._patiently(live, lambda: host.mark(path))
        self._tell(live, "starting", self._file.size_bytes)
        await self._note(Step.STARTING, mark=mark)
        try:
            await host.start(path)
        except OrcaError as err:
            if err.code == "printer-unreachable":  # the order never left
                await self._note(Step.STORED)
                raise
            is_refused = err.code in REFUSED
            if await self._has_taken_it(host, looks=1 if is_refused else LOOKS):
                return
            if is_refused:
                await self._note(Step.STORED)
                raise
            await self._note(Step.UNCLEAR)
            raise self._unclear() from None

    async def _has_taken_it(self, host: PrinterServer, *, looks: int) -> bool:
        """Whether the printer prints the file, or has printed it since the order was given."""
        for look in range(looks):
            try:
                report, mark = await host.report(), await host.mark(self._sent.path)
            except OrcaError:
                pass
            else:
                if has_taken_it(report, self._sent.path, self._sent.mark, mark):
                    return True
            if look + 1 < looks:
                await self._pause(look)
        return False

    # --- around them ------------------------------------------------------------------------

    async def _patiently(self, live: LiveRun, ask: Callable[[], Awaitable[T]]) -> T:
        """Asks again while the printer cannot be reached. Only for what may be done twice."""
        loop = asyncio.get_running_loop()
        until, attempt = 0.0, 1
        while True:
            try:
                return await ask()
            except OrcaError as err:
                if err.code not in LOST_ANSWER and err.code not in NOT_TAKEN:
                    raise
                attempt += 1
                wait_s = retry_after_s(attempt)
                until = until or loop.time() + self._parts.patience.retry_s
                if attempt > LEAST_TRIES and loop.time() + wait_s > until:
                    raise
                self._tell(live, "waiting", detail=err.detail)
                await asyncio.sleep(wait_s)

    async def _pause(self, look: int) -> None:
        """Before the next look, longer each time, and never as long as an answer may take."""
        await asyncio.sleep(min(retry_after_s(look + 2), self._parts.patience.answer_s / LOOKS))

    def _source(self, live: LiveRun) -> Source:
        self._tell(live, "uploading")
        return Source(
            self._path,
            self._file.size_bytes,
            lambda done: self._tell_bytes(live, done),
            self._file.sha256,
        )

    def _tell_bytes(self, live: LiveRun, done: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told_at >= TELL_EVERY_S or done == self._file.size_bytes:
            self._told_at = now
            self._tell(live, "uploading", done)

    def _tell(self, live: LiveRun, status: str, completed: int = 0, *, detail: str = "") -> None:
        told = {"status": status, "completed": completed, "total": self._file.size_bytes}
        live.emit("progress", {**told, "detail": detail} if detail else told)

    async def _note(self, step: Step, **changes: str) -> None:
        """Written down, and committed, before the step is taken."""
        self._sent = replace(self._sent, step=step, **changes)
        async with self._parts.database.writing() as connection:
            await Sents(connection).save(self._sent, self._parts.now())

    def _unclear(self) -> Conflict:
        return Conflict(
            "start-unclear",
            f"{self._printer.name} has the file, but did not say whether it began to print. Look "
            "at the printer. If it stands still, send the file again.",
        )

    def _about(self) -> dict[str, object]:
        return {
            "job": self._job.id,
            "file": self._file.id,
            "name": self._file.name,
            "printer": self._printer.name,
            "print": self._job.wants_print,
        }
