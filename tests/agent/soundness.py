"""Whether a database file is sound, and its indexes hold what the tables hold."""

import sqlite3
from contextlib import closing
from pathlib import Path

INDEXES = {"message_fts": ("message", "content"), "conversation_fts": ("conversation", "title")}
TOKENS = "tokenize='unicode61 remove_diacritics 2'"


def faults(database: Path) -> list[str]:
    """What is wrong with a database; empty if nothing is."""
    with closing(sqlite3.connect(database)) as connection:
        checks = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        found = [text for text in checks if text != "ok"]
        found += [str(row) for row in connection.execute("PRAGMA foreign_key_check")]
        for index, (table, column) in INDEXES.items():
            found += _differences(connection, index, table, column)
        connection.rollback()
    return found


def _differences(connection: sqlite3.Connection, index: str, table: str, column: str) -> list[str]:
    """Compares each place of each word with an index that is made anew."""
    connection.executescript(
        f"""
        INSERT INTO {index} ({index}) VALUES ('integrity-check');
        CREATE VIRTUAL TABLE temp.new_{index} USING fts5 (text, {TOKENS});
        INSERT INTO temp.new_{index} (rowid, text)
          SELECT number, {column} FROM {table} WHERE {column} <> '';
        CREATE VIRTUAL TABLE temp.words_{index} USING fts5vocab (main, {index}, instance);
        CREATE VIRTUAL TABLE temp.new_words_{index} USING fts5vocab (temp, new_{index}, instance);
        """  # noqa: S608 - our own names
    )
    old, new = (
        set(connection.execute(f'SELECT term, doc, "offset" FROM temp.{words}_{index}'))  # noqa: S608 - our own names
        for words in ("words", "new_words")
    )
    return [f"{index}: {place}" for place in sorted(old ^ new)[:5]]
