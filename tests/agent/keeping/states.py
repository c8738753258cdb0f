"""Data folders in a known state, made without an agent, and what state one is in."""

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.keeping.archive import Plan, make_backup
from agent.keeping.folder import Backups
from agent.keeping.rules import Wanted
from agent.keeping.watching import Watch
from agent.migrations import migrate

NOW = datetime(2026, 1, 31, 9, 5, tzinfo=UTC)
TEXT = NOW.isoformat()
OPEN = (
    "INSERT INTO conversation (id, title, title_is_automatic, created_at, updated_at, archived,"
    " pinned, message_count) VALUES (?, ?, 0, ?, ?, 0, 0, 0)"
)
SHOW = (
    "INSERT INTO image (sha256, mime, width, height, size_bytes, created_at, touched_at)"
    " VALUES (?, 'image/png', 1, 1, ?, ?, ?)"
)
SLICED = (
    "INSERT INTO slicer_file (id, name, kind, size_bytes, created_at, source, is_whole, facts,"
    " settings, findings) VALUES (?, ?, 'gcode', 3, ?, 'panel', 1, '{}', '[{},{}]', '[]')"
)
JOB = (
    "INSERT INTO slicer_job (id, file_id, printer, wants_print, source, state, created_at,"
    " changed_at) VALUES (?, ?, 'p', 1, 'panel', ?, ?, ?)"
)
TOKEN = "INSERT INTO token (id, name, hash, scopes, created_at) VALUES (?, ?, ?, '[]', ?)"


@dataclass(frozen=True, slots=True)
class State:
    """What a folder holds. `is_whole`: the database is sound and every picture in it is there."""

    titles: tuple[str, ...]
    settings: str | None
    tokens: tuple[str, ...]
    is_whole: bool


def folder_with(folder: Path, name: str, *, files: tuple[str, ...] = ()) -> Path:
    """A data folder whose every part says `name`."""
    folder.mkdir(parents=True, mode=0o700)
    migrate(folder / "agent.db", now=NOW)
    picture = f"picture of {name}".encode()
    sha256 = hashlib.sha256(picture).hexdigest()
    at = folder / "images" / sha256[:2]
    at.mkdir(parents=True)
    (at / sha256).write_bytes(picture)
    (folder / "agent.toml").write_text(f"# {name}\nanswer_tokens = 1024\n", "utf-8")
    with closing(sqlite3.connect(folder / "agent.db")) as opened, opened:
        opened.execute("PRAGMA journal_mode=WAL").fetchone()
        opened.execute(OPEN, (f"id of {name}", name, TEXT, TEXT))
        opened.execute(SHOW, (sha256, len(picture), TEXT, TEXT))
        opened.execute(TOKEN, (f"t-{name}", name, f"hash of {name}", TEXT))
        for file_id in files:
            (folder / "slicer").mkdir(exist_ok=True)
            (folder / "slicer" / f"{file_id}.gcode").write_bytes(b"G28")
            opened.execute(SLICED, (file_id, f"{name}.gcode", TEXT))
            opened.execute(JOB, (f"job {file_id}", file_id, "waiting", TEXT, TEXT))
    return folder


def backed_up(folder: Path, *, files: bool = False) -> Path:
    """A backup of the folder, in it."""
    backups = Backups(folder)
    plan = Plan(folder, "asked", Wanted(files=files), "1.0")
    name, _ = make_backup(backups, plan, NOW, Watch())
    return backups.path / name


def state_of(folder: Path) -> State:
    """Looked at with nothing of the product."""
    with closing(sqlite3.connect(folder / "agent.db")) as opened:
        titles = tuple(row[0] for row in opened.execute("SELECT title FROM conversation"))
        tokens = tuple(row[0] for row in opened.execute("SELECT name FROM token"))
        pictures = [row[0] for row in opened.execute("SELECT sha256 FROM image")]
        (verdict,) = opened.execute("PRAGMA integrity_check").fetchone()
    are_there = all((folder / "images" / one[:2] / one).is_file() for one in pictures)
    settings = folder / "agent.toml"
    text = settings.read_text("utf-8").partition("\n")[0] if settings.exists() else None
    return State(titles, text, tokens, verdict == "ok" and are_there)


OLD = State(("old",), "# old", ("old",), is_whole=True)
NEW = State(("new",), "# new", ("old",), is_whole=True)  # who is let in stays so
