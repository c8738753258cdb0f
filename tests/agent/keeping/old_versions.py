"""Data folders and backups as earlier versions of the schema left them."""

import hashlib
import json
import sqlite3
import zipfile
from contextlib import closing
from importlib import import_module
from pathlib import Path

from agent.migrations import ALEMBIC_TABLE, VERSIONS
from tests.agent.keeping.states import OPEN, TEXT

FOLDER = Path(__file__).parents[3] / "agent" / "migrations" / "versions"


def database_of_version(file: Path, version: str) -> Path:
    """With a conversation in it, and a question."""
    names = sorted(path.stem for path in FOLDER.glob("0*.py"))
    with closing(sqlite3.connect(file)) as opened, opened:
        opened.execute("PRAGMA journal_mode=WAL").fetchone()
        for name in names[: VERSIONS.index(version) + 1]:
            for statement in import_module(f"agent.migrations.versions.{name}").STATEMENTS:
                opened.execute(statement)
        opened.execute(ALEMBIC_TABLE)
        opened.execute("INSERT INTO alembic_version VALUES (?)", (version,))
        opened.execute(OPEN, ("c", f"of {version}", TEXT, TEXT))
        opened.execute(
            "INSERT INTO message (id, conversation_id, role, content, thinking, images, status,"
            " created_at, sources, trimmed) VALUES ('m', 'c', 'user', 'Why?', '', '[]',"
            " 'complete', ?, '[]', 0)",
            (TEXT,),
        )
    return file


def backup_of_version(folder: Path, version: str) -> Path:
    """As that version would have written it."""
    folder.mkdir()
    data = database_of_version(folder / "agent.db", version).read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    about = {
        "format": "orca-agents.backup",
        "format_version": 1,
        "version": "0.0.1",
        "schema": version,
        "created_at": TEXT,
        "reason": "asked",
        "serial": 1,
        "members": {"agent.db": {"size_bytes": len(data), "sha256": sha256}},
        "lost_images": 0,
    }
    backup = folder / f"of-{version}.zip"
    with zipfile.ZipFile(backup, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("agent.db", data)
        archive.writestr("manifest.json", json.dumps(about))
    return backup
