"""Backup and restore where no agent runs: for the one who holds the folder's lock. Blocks."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from agent.keeping.applying import Restored, apply_pending
from agent.keeping.archive import Plan, make_backup
from agent.keeping.folder import Backups
from agent.keeping.foreign_settings import SettingsCheck
from agent.keeping.rules import Reason, Wanted
from agent.keeping.staging import stage
from agent.keeping.watching import Watch
from agent.shared import folders
from agent.shared.disk import settle_folder, unwritable
from agent.shared.errors import Conflict, Unavailable

CHUNK_BYTES = 1 << 20


@contextmanager
def alone_in(data_dir: Path, lock_name: str) -> Iterator[None]:
    """Nobody else uses the folder while the block lasts. Raises Conflict and Unavailable."""
    try:
        folders.prepare(data_dir)
        lock = FileLock(data_dir / lock_name, timeout=0, mode=0o600)
        lock.acquire()
    except Timeout:
        raise Conflict(
            "data-folder-busy",
            f"Another process uses the data folder {data_dir}. Stop the agent first: "
            "`orca-agent stop`.",
        ) from None
    except OSError as err:
        raise Unavailable("data-unwritable", folders.unusable(data_dir, err)) from err
    try:
        yield
    finally:
        lock.release()


def back_up_here(
    data_dir: Path, reason: Reason, wanted: Wanted, version: str, now: datetime, watch: Watch
) -> str:
    """Its name. What an unfinished restore left is finished first. Raises as `make_backup`."""
    apply_pending(data_dir, version=version, now=now, watch=watch)
    name, _ = make_backup(Backups(data_dir), Plan(data_dir, reason, wanted, version), now, watch)
    return name


def restore_here(
    file: Path,
    data_dir: Path,
    check_settings: SettingsCheck,
    version: str,
    now: Callable[[], datetime],
    watch: Watch,
) -> Restored:
    """All of it, or nothing: `problem` says why nothing was changed. Raises as `stage`."""
    apply_pending(data_dir, version=version, now=now(), watch=watch)
    stage(file, data_dir, now(), check_settings, watch)
    restored = apply_pending(data_dir, version=version, now=now(), watch=watch)
    if restored is None:
        raise Unavailable("restore-lost", "The unpacked backup is gone: somebody removed it.")
    return restored


def copy_out(backup: Path, target: Path) -> Path:
    """A copy elsewhere: into a folder, or under a name of its own that nobody has yet.

    It has its name once it is whole. Raises Conflict, NoSpace, Unavailable."""
    place = target / backup.name if target.is_dir() else target
    if place.exists():
        raise Conflict("file-exists", f"{place} exists already, and is left as it is.")
    draft: Path | None = None
    try:
        with (
            backup.open("rb") as source,
            tempfile.NamedTemporaryFile(dir=place.parent, prefix=".orca-", delete=False) as out,
        ):
            draft = Path(out.name)
            while chunk := source.read(CHUNK_BYTES):
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(place)
        settle_folder(place.parent)
    except OSError as err:
        if draft:
            draft.unlink(missing_ok=True)
        raise unwritable(err, f"{place.name}") from err
    return place
