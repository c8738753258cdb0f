"""The index of words, written anew: it keeps those of what was deleted for as long as it likes."""

import sqlite3
from collections.abc import Iterable

MESSAGES = (
    "INSERT INTO message_fts (message_fts) VALUES ('delete-all')",
    (
        "INSERT INTO message_fts (rowid, content)"
        " SELECT number, content FROM message WHERE content <> ''"
    ),
)
TITLES = (
    "INSERT INTO conversation_fts (conversation_fts) VALUES ('delete-all')",
    (
        "INSERT INTO conversation_fts (rowid, title)"
        " SELECT number, title FROM conversation WHERE title <> ''"
    ),
)
REWRITTEN = {"message_fts": MESSAGES, "conversation_fts": TITLES}


def forget_words(connection: sqlite3.Connection) -> None:
    """Before a VACUUM, which removes the pages that this frees. Raises sqlite3.Error."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for table in known_of(connection, REWRITTEN):
            for statement in REWRITTEN[table]:
                connection.execute(statement)


def known_of(connection: sqlite3.Connection, tables: Iterable[str]) -> list[str]:
    """Those that the schema of the file has: an older one has fewer."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    names = {row[0] for row in rows}
    return [table for table in tables if table in names]
