"""Writes a backup: one zip file that has its name only once it is whole and on the disk."""

import hashlib
import os
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from agent.keeping.folder import Backups
from agent.keeping.rules import (
    DATABASE,
    FILES,
    IMAGES,
    MANIFEST,
    MOST_MEMBERS,
    SETTINGS,
    SETTINGS_BYTES,
    Manifest,
    Member,
    Reason,
    Wanted,
    file_member,
    image_member,
    written,
)
from agent.keeping.snapshot import copy_database, schema_of
from agent.keeping.watching import Watch
from agent.shared.clock import rfc3339
from agent.shared.disk import check_room, settle_folder, unwritable
from agent.shared.errors import TooLarge

CHUNK_BYTES = 1 << 20
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say; no clock has a part in it
# Text shrinks to a tenth; what is packed already is not packed again.
PACKED = {".db": 1, ".toml": 3, ".json": 3, ".gcode": 1}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a backup is made of. `only_files`: of the sliced files these alone, by their id."""

    data_dir: Path
    reason: Reason
    wanted: Wanted
    version: str
    only_files: frozenset[str] | None = None


@dataclass(slots=True)
class _Making:
    """The state of one backup while it is written."""

    out: zipfile.ZipFile
    watch: Watch
    total: int
    done: int = 0
    members: dict[str, Member] = field(default_factory=dict)

    def add(self, name: str, file: Path, status: str) -> None:
        """Raises OSError and Stopped."""
        info = zipfile.ZipInfo(name, ZIP_EPOCH)
        level = PACKED.get(Path(name).suffix)
        info.compress_type = zipfile.ZIP_STORED if level is None else zipfile.ZIP_DEFLATED
        info._compresslevel = level  # type: ignore[attr-defined] # public later
        info.external_attr = 0o600 << 16
        digest, size = hashlib.sha256(), 0
        with file.open("rb") as source, self.out.open(info, "w", force_zip64=True) as target:
            while chunk := source.read(CHUNK_BYTES):
                target.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                self.watch(status, self.done + size, max(self.total, self.done + size))
        self.members[name] = Member(size, digest.hexdigest())
        self.done += size


def make_backup(backups: Backups, plan: Plan, now: datetime, watch: Watch) -> tuple[str, int]:
    """Its name and size. One at a time; the caller sees to that.

    Raises Stopped, NoSpace, Unavailable, TooLarge. What is not finished leaves no file."""
    backups.clear_drafts()
    database, draft = backups.draft("database"), backups.draft("zip")
    try:
        backups.prepare()
        source = plan.data_dir / DATABASE
        check_room(backups.path, 2 * _size(source), "A backup")
        copy_database(source, database, watch)
        wanted = list(_members(plan, database))
        total = sum(_size(file) for _, file in wanted)
        check_room(backups.path, total, "A backup")
        name = backups.new_name(now, plan.reason)
        manifest = Manifest(
            plan.version,
            schema_of(database) or "",
            rfc3339(now),
            plan.reason,
            backups.next_serial(),
        )
        _write(draft, wanted, manifest, watch, total)
        draft.replace(backups.path / name)
        settle_folder(backups.path)
    except OSError as err:
        raise unwritable(err, "The backup") from err
    finally:
        for file in (database, draft):
            file.unlink(missing_ok=True)
    return name, _size(backups.path / name)


def _write(
    draft: Path, wanted: list[tuple[str, Path]], manifest: Manifest, watch: Watch, total: int
) -> None:
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w+b") as opened:
        with zipfile.ZipFile(opened, "w", allowZip64=True) as out:
            making, lost = _Making(out, watch, total), 0
            for name, file in wanted:
                try:
                    making.add(name, file, _status(name))
                except FileNotFoundError:
                    lost += 1  # thrown away since the database was copied
            if len(making.members) > MOST_MEMBERS:
                raise TooLarge(
                    "backup-too-large",
                    f"A backup holds up to {MOST_MEMBERS} files. Leave out the sliced files.",
                )
            whole = replace(manifest, members=making.members, lost_images=lost)
            info = zipfile.ZipInfo(MANIFEST, ZIP_EPOCH)
            info.external_attr = 0o600 << 16
            out.writestr(info, written(whole), zipfile.ZIP_DEFLATED, 3)
        opened.flush()
        watch("writing", total, total)
        os.fsync(opened.fileno())


def _members(plan: Plan, database: Path) -> Iterator[tuple[str, Path]]:
    """What goes in, by name. Rows whose names lead elsewhere are none of ours.

    Raises TooLarge."""
    yield DATABASE, database
    settings = plan.data_dir / SETTINGS
    if settings.is_file():
        if _size(settings) > SETTINGS_BYTES:
            raise TooLarge(
                "settings-too-large",
                f"{SETTINGS} is larger than {SETTINGS_BYTES >> 20} MB, which no backup takes. "
                "Make it smaller, and try again.",
            )
        yield SETTINGS, settings
    with closing(sqlite3.connect(database)) as copy:
        if plan.wanted.images:
            for (sha256,) in copy.execute("SELECT sha256 FROM image ORDER BY sha256"):
                if name := image_member(sha256):
                    yield name, plan.data_dir / name
        if plan.wanted.files or plan.only_files is not None:
            for file_id, kind in copy.execute("SELECT id, kind FROM slicer_file ORDER BY id"):
                is_wanted = plan.only_files is None or file_id in plan.only_files
                if is_wanted and (name := file_member(file_id, kind)):
                    yield name, plan.data_dir / name


def _status(name: str) -> str:
    return {IMAGES: "images", FILES: "files"}.get(name.partition("/")[0], "database")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
