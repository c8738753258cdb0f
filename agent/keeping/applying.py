"""Puts a restored state in place, before anything is open. Killed at any point, the next start
goes on where this one was: what it finds is the old state or the new one, each as a whole.

1. The old state becomes a backup of its own.  Until here everything can be called off.
2. `applying` says that from here on there is only forward.
3. Pictures and files are moved in, then the settings, then, in one step, the database.
4. The folder gets another name, which ends it, and is removed."""

import json
import logging
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from agent.keeping.archive import Plan, make_backup
from agent.keeping.folder import Backups
from agent.keeping.rules import DATABASE, FILES, IMAGES, SETTINGS, Wanted
from agent.keeping.snapshot import unusable
from agent.keeping.staging import DONE, JOURNAL, PART, READY
from agent.keeping.watching import Watch
from agent.shared.clock import rfc3339
from agent.shared.disk import files_in, settle_file, settle_folder, unwritable
from agent.shared.errors import NoSpace, OrcaError, Unavailable

APPLYING = "applying"
LAST_FILE = "restored.json"
BESIDE = ("-wal", "-shm", "-journal")
Credentials = dict[str, list[dict[str, object]]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Restored:
    """How a restore ended. `problem` says why nothing was changed, `note` what was left out."""

    name: str
    at: str
    kept_as: str | None = None
    problem: str | None = None
    note: str | None = None


def apply_pending(
    data_dir: Path, *, version: str, now: datetime, watch: Watch | None = None
) -> Restored | None:
    """Blocking; to be called by the one who holds the lock of the folder, with no file open.

    None if there is nothing to do. Raises Unavailable or NoSpace if a restore that has begun
    cannot be finished now; to start again goes on with it."""
    for left in (data_dir / PART, *data_dir.glob(f"{DONE}*")):
        shutil.rmtree(left, ignore_errors=True)
    ready = data_dir / READY
    if not ready.is_dir():
        return None
    try:
        about = _read(ready / JOURNAL)
        kept_as = _read(ready / APPLYING).get("kept_as") if _has_begun(ready) else None
        if not _has_begun(ready):
            try:
                kept_as = _prepare(data_dir, ready, version, now, watch or Watch())
            except (OrcaError, OSError, sqlite3.Error) as err:
                return _called_off(data_dir, about, err, now)
        _move_in(data_dir, ready)
        kept = str(kept_as) if kept_as else None
        name, note = str(about.get("name", "")), about.get("note")
        restored = Restored(name, rfc3339(now), kept, None, str(note) if note else None)
        _finish(data_dir, ready, restored)
    except OSError as err:
        raise unwritable(err, "The rest of the restored state") from err
    log.warning("the backup %s was restored; what was there before is %s", name, kept)
    if note:
        log.warning("%s", note)
    return restored


def has_begun(data_dir: Path) -> bool:
    """Whether a restore is on its way that only goes forward from here."""
    return _has_begun(data_dir / READY)


def last_restore(data_dir: Path) -> Restored | None:
    """How the last one ended, if there was one."""
    said = _read(data_dir / LAST_FILE)
    if not isinstance(said.get("name"), str) or not isinstance(said.get("at"), str):
        return None
    texts = {name: str(said[name]) for name in Restored.__slots__ if said.get(name) is not None}
    return Restored(**texts)


# --- 1: what can be called off ----------------------------------------------------------------


def _prepare(data_dir: Path, ready: Path, version: str, now: datetime, watch: Watch) -> str | None:
    old, new = data_dir / DATABASE, ready / DATABASE
    if not new.is_file():
        raise Unavailable("restore-lost", "The unpacked backup is not whole any more.")
    kept_as = None
    if old.exists():
        kept_as = _kept_as(data_dir, old, new, version, now, watch)
    _say_which_files_are_gone(data_dir, ready)
    settle_file(new)
    draft = ready / f"{APPLYING}.draft"
    draft.write_text(json.dumps({"kept_as": kept_as}), "utf-8")
    settle_file(draft)
    draft.replace(ready / APPLYING)
    settle_folder(ready)
    return kept_as


class _DamagedError(Exception):
    """The old database cannot be read: it is kept as it is."""


def _kept_as(
    data_dir: Path, old: Path, new: Path, version: str, now: datetime, watch: Watch
) -> str:
    """The name under which the old state is kept: a backup, or the database as it is."""
    try:
        credentials, files = _read_old(old)
        _let_in(new, credentials)
        lost = files - frozenset(_files_of(new))
        plan = Plan(data_dir, "before-restore", Wanted(), version, only_files=lost)
        name, _ = make_backup(Backups(data_dir), plan, now, watch)
    except _DamagedError:
        return _set_aside(data_dir, now)
    except Unavailable as err:
        if err.code != "database-damaged":
            raise
        return _set_aside(data_dir, now)
    with closing(sqlite3.connect(old)) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return name


def _read_old(old: Path) -> tuple[Credentials, frozenset[str]]:
    """Who is let in, and which files there are. Raises _DamagedError."""
    try:
        with closing(sqlite3.connect(f"{old.as_uri()}?mode=ro", uri=True)) as opened:
            opened.row_factory = sqlite3.Row
            credentials = {
                table: [dict(row) for row in opened.execute(f"SELECT * FROM {table}")]  # noqa: S608 - names of ours
                for table in ("token", "page_session")
            }
            known = "SELECT 1 FROM sqlite_master WHERE name = 'slicer_file'"
            is_recent = opened.execute(known).fetchone() is not None
        return credentials, frozenset(_files_of(old) if is_recent else ())
    except sqlite3.Error as err:
        raise _DamagedError from err


def _let_in(new: Path, credentials: Credentials) -> None:
    """Who was let in before stays in, and nobody else: a backup knows of no credentials."""
    with closing(sqlite3.connect(new)) as opened, opened:
        for table, rows in credentials.items():
            known = {row[1] for row in opened.execute(f"PRAGMA table_info({table})")}
            opened.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
            for row in rows:
                names = [name for name in row if name in known]
                values = ", ".join(f":{name}" for name in names)
                opened.execute(
                    f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values})",  # noqa: S608 - likewise
                    row,
                )


def _files_of(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as opened:
        return [row[0] for row in opened.execute("SELECT id FROM slicer_file WHERE is_whole")]


def _say_which_files_are_gone(data_dir: Path, ready: Path) -> None:
    """A sliced file that is neither in the backup nor here is known by its settings alone."""
    with closing(sqlite3.connect(ready / DATABASE)) as opened:
        rows = opened.execute("SELECT id, kind FROM slicer_file WHERE is_whole").fetchall()
        gone = [
            (file_id,)
            for file_id, kind in rows
            if not any((at / FILES / f"{file_id}.{kind}").is_file() for at in (data_dir, ready))
        ]
        with opened:
            opened.executemany("UPDATE slicer_file SET is_whole = 0 WHERE id = ?", gone)


def _set_aside(data_dir: Path, now: datetime) -> str:
    """A copy of a damaged database, as it is, with what lies beside it."""
    folder = Backups(data_dir)
    folder.prepare()
    name = f"damaged-{now:%Y%m%d-%H%M%S}.db"
    for ending in ("", *BESIDE):
        source = data_dir / f"{DATABASE}{ending}"
        if source.exists():
            target = folder.path / f"{name}{ending}"
            shutil.copyfile(source, target)
            target.chmod(0o600)
            settle_file(target)
    settle_folder(folder.path)
    return name


def _called_off(
    data_dir: Path, about: dict[str, object], err: Exception, now: datetime
) -> Restored:
    if isinstance(err, sqlite3.Error):
        is_full = isinstance(told := unusable(err, DATABASE), NoSpace)
        err = told if is_full else Unavailable("restore-lost", "The unpacked backup is damaged.")
    elif isinstance(err, OSError):
        err = unwritable(err, "The backup of what is here")
    reason = err.detail if isinstance(err, OrcaError) else str(err)
    restored = Restored(str(about.get("name", "")), rfc3339(now), None, reason)
    log.error("the backup %s was not restored, nothing has changed: %s", restored.name, reason)
    _finish(data_dir, data_dir / READY, restored)
    return restored


# --- 3 and 4: only forward --------------------------------------------------------------------


def _move_in(data_dir: Path, ready: Path) -> None:
    for kind in (IMAGES, FILES):
        for source, _ in files_in(ready / kind):
            target = data_dir / source.relative_to(ready)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            source.replace(target)
        for folder in _folders(data_dir / kind):
            settle_folder(folder)
    if (ready / SETTINGS).exists():
        (ready / SETTINGS).replace(data_dir / SETTINGS)
    if (ready / DATABASE).exists():
        # The old log must be gone before the new file has the name that the log belongs to.
        for ending in BESIDE:
            (data_dir / f"{DATABASE}{ending}").unlink(missing_ok=True)
        settle_folder(data_dir)
        (ready / DATABASE).replace(data_dir / DATABASE)
    settle_folder(data_dir)


def _folders(folder: Path) -> list[Path]:
    return (
        [folder, *(path for path in folder.iterdir() if path.is_dir())] if folder.is_dir() else []
    )


def _finish(data_dir: Path, ready: Path, restored: Restored) -> None:
    said = {name: getattr(restored, name) for name in Restored.__slots__}
    draft = data_dir / f".{LAST_FILE}"
    with suppress(OSError):  # a full disk shall not keep the agent from starting
        draft.write_text(json.dumps(said), "utf-8")
        draft.replace(data_dir / LAST_FILE)
    done = _free_name(data_dir)
    ready.replace(done)
    settle_folder(data_dir)
    shutil.rmtree(done, ignore_errors=True)


def _free_name(data_dir: Path) -> Path:
    """Of a folder that is done with: an earlier one may be there that cannot be removed."""
    names = (data_dir / (f"{DONE}-{number}" if number > 1 else DONE) for number in count(1))
    return next(path for path in names if not os.path.lexists(path))


def _has_begun(ready: Path) -> bool:
    return (ready / APPLYING).exists()


def _read(file: Path) -> dict[str, object]:
    try:
        said = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
