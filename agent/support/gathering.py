"""What the report is made of, from the data folder alone: also where no agent runs. Blocks."""

import getpass
import platform
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

from agent.support.cleaning import Cleaner
from agent.support.log_lines import Entry, page

MOST_NAMES = 5000
NAMES = (
    "SELECT name FROM slicer_file ORDER BY id DESC LIMIT ?",
    "SELECT name FROM printer LIMIT ?",
    "SELECT name FROM backend LIMIT ?",
    "SELECT name FROM token LIMIT ?",
    "SELECT title FROM conversation ORDER BY number DESC LIMIT ?",
)
COUNTED = {
    "conversations": "SELECT count(*) FROM conversation WHERE deleted_at IS NULL",
    "messages": "SELECT count(*) FROM message",
    "pictures": "SELECT count(*) FROM image",
    "sliced files": "SELECT count(*) FROM slicer_file",
    "printers": "SELECT count(*) FROM printer",
    "added model servers": "SELECT count(*) FROM backend",
    "runs alive": "SELECT count(*) FROM run WHERE state IN ('queued', 'running')",
}
LOG_ENTRIES = 40


def cleaner_for(data_dir: Path, database: Path, texts: Iterable[str]) -> Cleaner:
    """One that knows what the user called things. `texts`: more of their words."""
    names = [*texts, *_names(database)]
    with suppress(OSError, KeyError, ImportError):
        user = getpass.getuser()
        return Cleaner(
            home=Path.home(),
            data_dir=data_dir,
            people=(user, Path.home().name, platform.node()),
            names=names,
        )
    return Cleaner(home=data_dir, data_dir=data_dir, people=(), names=names)


def counts(database: Path) -> dict[str, int]:
    """How many things there are; nothing where the database cannot be read."""
    found = {}
    for name, query in COUNTED.items():
        for (number,) in _rows(database, query):
            found[name] = int(str(number))
    return found


def problems(log_dir: Path) -> list[Entry]:
    """The latest warnings and errors of the log."""
    found, _ = page(log_dir, level="warning", words="", cursor=None, limit=LOG_ENTRIES)
    return found


def _names(database: Path) -> list[str]:
    names: list[str] = []
    for query in NAMES:
        for (name,) in _rows(database, query, MOST_NAMES):
            names += _with_stem(str(name or ""))
    return names


def _with_stem(name: str) -> Iterable[str]:
    return (name, Path(name).stem) if "." in name else (name,)


def _rows(database: Path, query: str, *values: int) -> list[tuple[object, ...]]:
    try:
        uri = f"{database.as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=2)) as opened:
            return opened.execute(query, values).fetchall()
    except sqlite3.Error:
        return []
