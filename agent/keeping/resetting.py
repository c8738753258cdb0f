"""Throws away what a person names, where no agent runs. What was cut off can be done again."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from agent.keeping import own
from agent.keeping.applying import apply_pending
from agent.keeping.rules import DATABASE, FILES, IMAGES, SETTINGS
from agent.keeping.snapshot import unusable
from agent.keeping.staging import DONE, READY
from agent.keeping.words import forget_words, known_of
from agent.migrations import VERSIONS
from agent.migrations.looking import schema_in
from agent.shared.disk import settle_folder, unwritable
from agent.shared.errors import Conflict, NotFound

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
    "conversations": (IMAGES, "images.db", "images.db-wal", "images.db-shm", "chat-history"),
    "files": (FILES,),
    "settings": (SETTINGS,),
    "tokens": ("token", "agent.json"),
}
OLD_LOG_FIRST = (f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal")


def keys_in(data_dir: Path) -> list[str]:
    """The names of the keys of model servers and printers, of a restore that waits, too. None of
    a database that cannot be read."""
    names = set()
    for database in (data_dir / DATABASE, data_dir / READY / DATABASE):
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as opened,
        ):
            for kind in known_of(opened, ("backend", "printer")):
                rows = opened.execute(f"SELECT id FROM {kind}")  # noqa: S608 - names of ours
                names |= {f"{kind} {row[0]}" for row in rows}
    return sorted(names)


def check_folder(data_dir: Path) -> None:
    """Raises NotFound for a folder that never was an agent's, and Unavailable for one with the
    database of another program: nothing there is ours to throw away."""
    if not own.is_data_folder(data_dir):
        raise NotFound(
            "no-data-folder",
            f"{data_dir} is no data folder of Orca Agents, so nothing was changed. "
            "`orca-agent doctor` names the one in use.",
        )
    with suppress(Conflict, sqlite3.Error):  # newer, or damaged, but ours
        schema_in(data_dir / DATABASE, VERSIONS[-1])


def reset(data_dir: Path, parts: Iterable[Part], *, version: str, now: datetime) -> list[str]:
    """The names of what everything left because it is not ours. Keys are the caller's.

    Raises NotFound, NoSpace and Unavailable; what went is gone then, too."""
    wanted = set(parts)
    check_folder(data_dir)
    try:
        if "all" in wanted:
            return _remove_all(data_dir)
        # A restore that waits would bring back what goes here.
        apply_pending(data_dir, version=version, now=now)
        _clear_tables(data_dir / DATABASE, [table for part in wanted for table in TABLES[part]])
        for part in wanted:
            for name in BESIDE[part]:
                if name in own.FOLDERS:
                    own.remove_from(data_dir / name)
                else:
                    own.remove(data_dir / name)
        settle_folder(data_dir)
    except OSError as err:
        raise unwritable(err, "The rest of the reset") from err
    return []


def _clear_tables(database: Path, tables: list[str]) -> None:
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(database, timeout=10)) as opened:
            opened.execute("PRAGMA foreign_keys=ON")
            with opened:
                for table in known_of(opened, tables):
                    opened.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
            opened.isolation_level = None
            forget_words(opened)
            opened.execute("VACUUM")  # nothing of it stays in the file either
            opened.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as err:
        raise unusable(err, database.name) from err


def _remove_all(data_dir: Path) -> list[str]:
    if (data_dir / READY).is_dir():  # in one step, so that no start finds half of it
        own.remove(data_dir / DONE)
        (data_dir / READY).replace(data_dir / DONE)
    for name in OLD_LOG_FIRST:  # a log without its database would become that of the next one
        own.remove(data_dir / name)
    left = own.remove_own(data_dir)
    settle_folder(data_dir)
    return left
