"""Unpacks a backup beside what is there, checks all of it, and makes it ready to be put in place.

`restore-part` is being unpacked and means nothing; `restore-ready` is whole, and the next start
puts it in place (agent/keeping/applying.py)."""

import json
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from agent.keeping.folder import is_made_here
from agent.keeping.foreign_settings import SettingsCheck, settle_settings
from agent.keeping.rules import DATABASE, IMAGES, SETTINGS, file_member, image_member
from agent.keeping.snapshot import schema_of
from agent.keeping.unpacking import opened_backup, unpack
from agent.keeping.watching import Watch
from agent.migrations import VERSIONS, migrate
from agent.shared import wire
from agent.shared.clock import rfc3339
from agent.shared.disk import check_room, files_in, settle_file, settle_folder, unwritable
from agent.shared.errors import Conflict, Invalid, Unavailable

PART, READY, DONE = "restore-part", "restore-ready", "restore-done"
JOURNAL = "restore.json"
SQLITE = b"SQLite format 3\0"
MARGIN_BYTES = 32 << 20
# What goes on by itself must not do so from a state of long ago: no old print, no old bill. (All
# other runs are ended by the start itself.)
STILL = (
    """UPDATE slicer_job SET state = 'interrupted'
    WHERE state IN ('checking', 'waiting', 'forwarding')""",
    "DELETE FROM token",
    "DELETE FROM page_session",
)
BATCHES = """
SELECT run.id, coalesce(max(run_segment.last_seq), 0) + 1
FROM run LEFT JOIN run_segment ON run_segment.run_id = run.id
WHERE kind = 'batch' AND state IN ('queued', 'running') GROUP BY run.id
"""


def stage(
    file: Path, data_dir: Path, now: datetime, check_settings: SettingsCheck, watch: Watch
) -> None:
    """On return the restore happens with the next start, whatever comes in between.

    Raises Invalid, Conflict, NoSpace, Unavailable, Stopped; nothing has changed then."""
    part = data_dir / PART
    try:
        if is_database(file):
            _stage_copy(file, data_dir, now, watch)
            return
        with opened_backup(file) as (_, manifest):
            check_room(data_dir, _needed(data_dir, manifest.size_bytes), "The restore")
        clear(data_dir)
        part.mkdir(mode=0o700)
        unpack(file, lambda name: _open(part / name), watch)
        _settle_database(part / DATABASE, file.name, now, watch)
        is_own = is_made_here(file, data_dir)
        here = data_dir / SETTINGS
        note = settle_settings(part / SETTINGS, here, check_settings, is_own=is_own)
        _make_ready(data_dir, file.name, now, note, watch)
    except OSError as err:
        raise unwritable(err, "The restored state") from err
    finally:
        shutil.rmtree(part, ignore_errors=True)


def is_database(file: Path) -> bool:
    """A copy of a database by itself, such as those that are made before a change of the schema."""
    with file.open("rb") as source:
        return source.read(len(SQLITE)) == SQLITE


def is_pending(data_dir: Path) -> bool:
    """Whether the next start has something to put in place."""
    return (data_dir / READY).is_dir()


def clear(data_dir: Path) -> None:
    """Forgets what was unpacked and not put in place. A restore that has begun is refused.

    Raises Conflict."""
    if (data_dir / READY / "applying").exists():
        raise Conflict(
            "restore-unfinished", "An earlier restore is not finished: start the agent first."
        )
    for name in (READY, PART, DONE):
        shutil.rmtree(data_dir / name, ignore_errors=True)


def _stage_copy(file: Path, data_dir: Path, now: datetime, watch: Watch) -> None:
    size = file.stat().st_size
    check_room(data_dir, _needed(data_dir, size), "The restore")
    clear(data_dir)
    (data_dir / PART).mkdir(mode=0o700)
    with _open(data_dir / PART / DATABASE) as target, file.open("rb") as source:
        shutil.copyfileobj(source, target, 1 << 20)
    _settle_database(data_dir / PART / DATABASE, file.name, now, watch)
    _make_ready(data_dir, file.name, now, None, watch)


def _make_ready(data_dir: Path, name: str, now: datetime, note: str | None, watch: Watch) -> None:
    part = data_dir / PART
    _note(part / JOURNAL, name, now, note)
    for folder in {path.parent for path, _ in files_in(part)} | {part}:
        settle_folder(folder)
    watch("ready", 1, 1)
    part.replace(data_dir / READY)
    settle_folder(data_dir)


def _needed(data_dir: Path, new_bytes: int) -> int:
    """Of the new state, of its database once more while it is brought up to date, and of the
    backup of the old state."""
    old = sum(size for name in (IMAGES, DATABASE) for size in _sizes(data_dir / name))
    return 2 * new_bytes + 2 * old + MARGIN_BYTES


def _sizes(path: Path) -> list[int]:
    if path.is_dir():
        return [size for _, size in files_in(path)]
    return [path.stat().st_size] if path.exists() else []


def _open(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    return path.open("wb")


def _settle_database(database: Path, name: str, now: datetime, watch: Watch) -> None:
    """Brings it to the schema of today, and lets nothing in it go on by itself."""
    try:
        schema = schema_of(database)
        if schema is None or not schema.isdecimal():
            raise _foreign(name)
        if schema not in VERSIONS:
            raise Conflict(
                "newer-backup",
                f"{name} was made by a newer version of Orca Agents (schema {schema}, this one "
                f"knows {VERSIONS[-1]}). Update the program first.",
            )
        with closing(sqlite3.connect(database)) as opened:
            opened.execute("PRAGMA trusted_schema=OFF")
            verdict = str(opened.execute("PRAGMA quick_check(1)").fetchone()[0])
        if verdict != "ok":
            raise Invalid("bad-backup", f"{name} holds a database that is damaged ({verdict}).")
        watch.check()
        migrate(database, now=now)
        _check_is_ours(database, name, now)
        _check_names(database, name)
        _still(database, now)
    except Unavailable:
        raise _foreign(name) from None
    except sqlite3.Error as err:
        raise Invalid("bad-backup", f"{name} holds a database that is damaged ({err}).") from err
    settle_file(database)


def _check_is_ours(database: Path, name: str, now: datetime) -> None:
    """Tables, indexes and triggers are those of this version, and no others. Raises Invalid."""
    fresh = database.with_name("fresh.db")
    try:
        migrate(fresh, now=now)
        if _schema(fresh) != _schema(database):
            raise _foreign(name)
    finally:
        fresh.unlink(missing_ok=True)


def _check_names(database: Path, name: str) -> None:
    """What names a file names one of ours: no row leads out of the folder. Raises Invalid."""
    with closing(sqlite3.connect(database)) as opened:
        pictures = (image_member(row[0]) for row in opened.execute("SELECT sha256 FROM image"))
        rows = opened.execute("SELECT id, kind FROM slicer_file")
        if None in pictures or None in (file_member(*row) for row in rows):
            raise Invalid("bad-backup", f"{name} holds a database that names files of others.")


def _foreign(name: str) -> Invalid:
    return Invalid("bad-backup", f"{name} holds a database that is not of Orca Agents.")


def _schema(database: Path) -> list[tuple[object, ...]]:
    query = (
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' "
        "ESCAPE '\\' ORDER BY type, name"
    )
    with closing(sqlite3.connect(database)) as opened:
        return opened.execute(query).fetchall()


def _still(database: Path, now: datetime) -> None:
    with closing(sqlite3.connect(database)) as opened:
        opened.execute("PRAGMA journal_mode=DELETE").fetchone()
        with opened:
            for run_id, seq in opened.execute(BATCHES).fetchall():
                closing_event = wire.encode(seq, "interrupted", {})
                row = (run_id, seq, seq, closing_event)
                opened.execute("INSERT INTO run_segment VALUES (?, ?, ?, ?)", row)
                opened.execute(
                    "UPDATE run SET state = 'interrupted', ended_at = ?, last_seq = ? WHERE id = ?",
                    (rfc3339(now), seq, run_id),
                )
            for statement in STILL:
                opened.execute(statement)


def _note(journal: Path, name: str, now: datetime, note: str | None) -> None:
    journal.touch(mode=0o600)
    with suppress(FileNotFoundError):
        shutil.rmtree(journal.parent / "backups")  # of the migration
    said = {"name": name, "at": rfc3339(now), "note": note}
    journal.write_text(json.dumps(said), "utf-8")
    settle_file(journal)
