"""Sliced files: taken in, read, checked, and kept as a history that has its bounds."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.database import Database
from agent.shared.errors import Conflict, NoSpace, NotFound
from agent.shared.tasks import Tasks
from agent.slicer.files.failures import no_file
from agent.slicer.files.folder import Folder, Part
from agent.slicer.files.intake import Intake, written
from agent.slicer.files.reading import best, no_picture, picture
from agent.slicer.files.rules import safe_name, surplus
from agent.slicer.files.store import SlicerFiles
from agent.slicer.printers.rules import Print
from agent.slicer.printers.store import Prints
from agent.slicer.printhost.rules import ON_ITS_WAY, Job
from agent.slicer.printhost.store import Jobs
from agent.slicer.rules import SlicerFile

log = logging.getLogger(__name__)

JUST_NOW = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one file and of the history."""

    file_bytes: int
    keep_files: int
    keep_bytes: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A file with what became of it."""

    file: SlicerFile
    is_analysed: bool = False
    job: Job | None = None
    ended: Print | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """What is written in the transaction that keeps a file, and done after it."""

    write: Callable[[AsyncConnection, SlicerFile], Awaitable[None]]
    then: Callable[[SlicerFile], Awaitable[None]]


class FileService:
    """What `receive` returned is kept: neither a crash nor a full history takes it back at once."""

    def __init__(
        self, database: Database, folder: Path, bounds: Bounds, clock: Clock, new_id: NewId
    ) -> None:
        self._database, self._folder, self._bounds = database, Folder(folder), bounds
        self._intake = Intake(self._folder, clock)
        self._clock, self._new_id = clock, new_id
        self._tasks = Tasks()

    @property
    def limit_bytes(self) -> int:
        """Of one file."""
        return self._bounds.file_bytes

    async def open(self) -> None:
        """Removes what a crash left: files that nobody was told are here."""
        found = await asyncio.to_thread(self._folder.ids)
        parts = await asyncio.to_thread(self._folder.remove_parts)
        async with self._database.reading() as connection:
            kept = {one.id for one in await SlicerFiles(connection).kept()} if found else set()
        await asyncio.to_thread(self._folder.remove, found - kept)
        if cut := parts + len(found - kept):
            what = "upload was" if cut == 1 else "uploads were"
            log.warning("%d %s cut off when the agent last ended", cut, what)

    async def close(self) -> None:
        """Waits a moment for what is being kept."""
        await self._tasks.close()

    async def receive(
        self,
        chunks: AsyncIterator[bytes],
        name: str,
        *,
        source: str = "upload",
        beside: Beside | None = None,
    ) -> SlicerFile:
        """Writes the file as it comes, reads and checks it. On its return the file is kept.

        Raises Invalid for what is neither G-code nor 3MF, TooLarge, NoSpace or Unavailable; then
        nothing of it stays, and neither does it if the sender leaves before its end."""
        file_id = self._new_id()
        part = self._folder.begin(file_id)  # here, so that no one who leaves leaves it behind
        try:
            sha256 = await written(part, chunks, limit_bytes=self._bounds.file_bytes)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(part.discard))
            raise
        # From here on it is whole, and kept even if nobody waits for the answer any more.
        keeping = self._keep(part, file_id, name, sha256, source, beside)
        return await self._tasks.to_the_end(keeping, name=f"keep file {file_id}")

    async def check_room(self) -> None:
        """Whether one more that will wait can be taken in: what waits is never dropped, and so
        has a bound. Raises NoSpace `too-much-waits`."""
        async with self._database.reading() as connection:
            needed = await Jobs(connection).open_files()
            kept = await SlicerFiles(connection).kept() if needed else []
        waiting = sum(one.size_bytes for one in kept if one.id in needed)
        if waiting >= self._bounds.keep_bytes:
            raise NoSpace(
                "too-much-waits",
                f"Prints of {waiting >> 20:,} MB wait for a click already. Send or reject some on "
                "the panel's page Held prints, or raise slicer_keep_mb.",
            )

    async def note(
        self, path: Path, name: str, settings: Mapping[str, str], *, source: str
    ) -> SlicerFile:
        """Reads a file that lies elsewhere and soon will not: only its two ends are kept.
        `settings` stand in for those of a file that holds none. It goes on if the asker leaves.

        Raises NotFound, Invalid, NoSpace or Unavailable."""
        noting = self._note(path, name, settings, source)
        return await self._tasks.to_the_end(noting, name="note a file")

    async def get(self, file_id: str) -> SlicerFile:
        """With its settings. Raises NotFound."""
        return (await self.see(file_id)).file

    async def see(self, file_id: str) -> Seen:
        """The file, and what became of it. Raises NotFound."""
        async with self._database.reading() as connection:
            found = await SlicerFiles(connection).find(file_id)
            jobs = await Jobs(connection).latest_of([file_id])
            prints = await Prints(connection).ended([file_id])
        if found is None:
            raise no_file()
        return Seen(*found, jobs.get(file_id), prints.get(file_id))

    async def latest(self, before: str | None, limit: int) -> list[Seen]:
        """Newest first, older than the id `before`; without their settings."""
        async with self._database.reading() as connection:
            found = await SlicerFiles(connection).latest(before, limit)
            ids = [file.id for file, _ in found]
            jobs = await Jobs(connection).latest_of(ids)
            prints = await Prints(connection).ended(ids)
        return [Seen(*one, jobs.get(one[0].id), prints.get(one[0].id)) for one in found]

    async def several(self, file_ids: list[str]) -> dict[str, SlicerFile]:
        """Those of them that are here, without their settings."""
        async with self._database.reading() as connection:
            return await SlicerFiles(connection).several(file_ids)

    def path_of(self, file: SlicerFile) -> Path:
        """Where its bytes lie, of one that is whole. Raises Conflict."""
        if not file.is_whole:
            raise Conflict(
                "file-not-whole",
                f"Of {file.name} only the settings were kept when it was exported. Send the file "
                "itself, by the print host or from the panel.",
            )
        return self._folder.path(file.id, file.kind)

    def scratch(self, name: str) -> Part:
        """A file for a while, whose user discards it; the next start removes it after a crash.

        Raises NoSpace or Unavailable."""
        return self._folder.begin(name)

    async def thumbnail(self, file_id: str, max_edge: int, plate: int | None) -> bytes:
        """A picture of what it prints, as PNG. Raises NotFound, or Invalid for a broken one."""
        file = await self.get(file_id)
        wanted = best(file.facts.thumbnails, max_edge, plate)
        if wanted is None:
            raise no_picture()
        path = self._folder.path(file.id, file.kind)
        try:
            return await asyncio.to_thread(picture, path, file.kind, wanted, max_edge)
        except FileNotFoundError:
            raise no_picture() from None

    async def delete(self, file_id: str) -> None:
        """Raises NotFound, or Conflict while it is on its way to a printer."""
        async with self._database.writing() as connection:
            job = (await Jobs(connection).latest_of([file_id])).get(file_id)
            if job and job.state in ON_ITS_WAY:
                raise Conflict(
                    "file-in-use", "The file is on its way to a printer. Cancel that first."
                )
            gone = await SlicerFiles(connection).remove([file_id])
        if not gone:
            raise no_file()
        await asyncio.to_thread(self._folder.remove, gone)

    async def clear(self) -> int:
        """Throws away all files but those that still wait for something; says how many."""
        async with self._database.writing() as connection:
            files = SlicerFiles(connection)
            needed = await Jobs(connection).open_files()
            gone = await files.remove({one.id for one in await files.kept()} - needed)
        await asyncio.to_thread(self._folder.remove, gone)
        return len(gone)

    # --- inside -----------------------------------------------------------------------------

    async def _keep(
        self,
        part: Part,
        file_id: str,
        name: str,
        sha256: str,
        source: str,
        beside: Beside | None,
    ) -> SlicerFile:
        try:
            file = await asyncio.to_thread(self._intake.read, part, file_id, name, sha256, source)
            async with self._database.writing() as connection:
                files = SlicerFiles(connection)
                announced = await files.remove_announced(file, rfc3339(self._clock() - JUST_NOW))
                await files.add(file)
                if beside:
                    await beside.write(connection, file)
        except asyncio.CancelledError:
            raise  # the agent ends: the next start sees whether it was committed
        except BaseException:
            await asyncio.to_thread(self._undo, part, file_id)
            raise
        await asyncio.to_thread(self._folder.remove, announced)
        # Nobody waits for the disk: a power cut may take the last instants, kill -9 nothing.
        settling = asyncio.to_thread(self._folder.settle, self._folder.path(file_id, file.kind))
        self._tasks.start(settling, name=f"settle file {file_id}")
        await self._forget_surplus()
        if beside:
            await beside.then(file)
        return file

    async def _note(
        self, path: Path, name: str, settings: Mapping[str, str], source: str
    ) -> SlicerFile:
        file_id = self._new_id()
        try:
            file = await asyncio.to_thread(
                self._intake.read_elsewhere, path, file_id, name, settings, source
            )
        except (OSError, ValueError) as err:
            raise NotFound(
                "no-such-path", f"The file of {safe_name(name, 'gcode')} cannot be read there."
            ) from err
        async with self._database.writing() as connection:
            await SlicerFiles(connection).add(file)
        await self._forget_surplus()
        return file

    def _undo(self, part: Part, file_id: str) -> None:
        part.discard()
        self._folder.remove([file_id])

    async def _forget_surplus(self) -> None:
        async with self._database.reading() as connection:
            kept = await SlicerFiles(connection).kept()
            needed = await Jobs(connection).open_files()
        gone = surplus(
            kept,
            needed,
            most_files=self._bounds.keep_files,
            most_bytes=self._bounds.keep_bytes,
        )
        if gone:
            async with self._database.writing() as connection:
                # Somebody may have sent one of them to a printer meanwhile.
                needed = await Jobs(connection).open_files()
                gone = await SlicerFiles(connection).remove(set(gone) - needed)
            await asyncio.to_thread(self._folder.remove, gone)
