"""Throws away what a person names, where no agent runs. What was cut off can be done again."""

import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Literal

from agent.keeping.folder import FOLDER
from agent.keeping.rules import DATABASE, FILES, IMAGES, SETTINGS
from agent.keeping.snapshot import unusable
from agent.shared.disk import settle_folder, unwritable

Part = Literal["conversations", "files", "settings", "tokens", "all"]
# What goes with each, in words for the one who is asked.
SAYS: dict[Part, str] = {
    "conversations": "all conversations with their pictures, answers and batches",
    "files": "all sliced files, what was found in them, and their prints",
    "settings": "the settings, the added model servers and printers, and their keys",
    "tokens": "the token and everybody who is signed in",
    "all": "everything but the backups",
}
TABLES: dict[Part, tuple[str, ...]] = {
    "conversations": (
        *("conversation", "run", "image", "image_use", "answer", "advice"),
        *("message_evidence", "batch", "batch_item", "run_segment"),
    ),
    "files": ("slicer_job", "slicer_analysis", "print", "printer_sent", "advice", "slicer_file"),
    "settings": ("backend", "printer"),
    "tokens": ("token", "page_session"),
}
BESIDE: dict[Part, tuple[str, ...]] = {
    "conversations": (IMAGES, "images.db", "images.db-wal", "images.db-shm"),
    "files": (FILES,),
    "settings": (SETTINGS,),
    "tokens": ("token", "agent.json"),
}
KEPT = {FOLDER, "agent.lock"}
OLD_LOG_FIRST = (f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal")


def keys_in(database: Path) -> list[str]:
    """The names of the keys of model servers and printers. None where it cannot be read."""
    names = []
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as opened:
            for kind in ("backend", "printer"):
                rows = opened.execute(f"SELECT id FROM {kind}")  # noqa: S608 - names of ours
                names += [f"{kind} {row[0]}" for row in rows]
    except sqlite3.Error:
        return []
    return names


def reset(data_dir: Path, parts: Iterable[Part]) -> None:
    """Raises NoSpace and Unavailable; what went is gone then, too. Keys are the caller's."""
    wanted = set(parts)
    try:
        if "all" in wanted:
            _remove_all(data_dir)
            return
        _clear_tables(data_dir / DATABASE, [table for part in wanted for table in TABLES[part]])
        for part in wanted:
            for name in BESIDE[part]:
                _remove(data_dir / name)
        settle_folder(data_dir)
    except OSError as err:
        raise unwritable(err, "The rest of the reset") from err


def _clear_tables(database: Path, tables: list[str]) -> None:
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(database, timeout=10)) as opened:
            opened.execute("PRAGMA foreign_keys=ON")
            with opened:
                for table in tables:
                    opened.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
            opened.isolation_level = None
            opened.execute("VACUUM")  # nothing of it stays in the file either
            opened.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as err:
        raise unusable(err, database.name) from err


def _remove_all(data_dir: Path) -> None:
    for name in OLD_LOG_FIRST:  # a log without its database would become that of the next one
        _remove(data_dir / name)
    for path in sorted(data_dir.iterdir()):
        if path.name not in KEPT:
            _remove(path)
    settle_folder(data_dir)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
