"""Shrunk pictures in a file of their own, which may be deleted at any time.

In the agent's database their megabytes would go through the write-ahead log before every saved
token, into each copy that is made of it, and through each backup. Here nothing is lost with the
file, so it is written without waiting for the disk, and begun anew when it is damaged."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from agent.images.rules import Variant, is_current, surplus
from agent.shared.clock import Clock

log = logging.getLogger(__name__)

VERSION = 1
SCHEMA = f"""
PRAGMA page_size = 16384;
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
PRAGMA foreign_keys = ON;
PRAGMA journal_size_limit = 16777216;
PRAGMA cache_size = -1000;
CREATE TABLE IF NOT EXISTS variant (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, mime TEXT NOT NULL, width INTEGER NOT NULL,
  height INTEGER NOT NULL, size_bytes INTEGER NOT NULL, turn INTEGER NOT NULL, used_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS variant_by_turn ON variant (turn, size_bytes);
CREATE INDEX IF NOT EXISTS variant_by_use ON variant (used_at);
CREATE TABLE IF NOT EXISTS content (
  id INTEGER PRIMARY KEY REFERENCES variant (id) ON DELETE CASCADE, data BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS origin (
  sha256 TEXT NOT NULL, how TEXT NOT NULL, size_bytes INTEGER NOT NULL,
  variant INTEGER NOT NULL REFERENCES variant (id) ON DELETE CASCADE,
  PRIMARY KEY (sha256, how)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS origin_of_variant ON origin (variant);
PRAGMA user_version = {VERSION};
"""
FIND = """
SELECT v.id, v.used_at, c.data, v.mime, v.width, v.height, o.size_bytes
FROM origin o JOIN variant v ON v.id = o.variant JOIN content c ON c.id = v.id
WHERE o.sha256 = ? AND o.how = ?
"""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """A variant, and how many bytes its original has."""

    variant: Variant
    original_bytes: int


class VariantCache:
    """Least recently used go first; never more bytes than the limit; safe from any thread.

    Every method blocks for a moment. None fails: without a usable file nothing is found."""

    def __init__(self, file: Path, *, limit_bytes: int, age: timedelta, clock: Clock) -> None:
        self._file, self.limit_bytes, self._clock = file, limit_bytes, clock
        self._age_s = age.total_seconds()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._total = self._turn = 0
        self._is_usable = True
        self.evicted = 0

    def find(self, sha256: str, how: str) -> Found | None:
        """What was made of this original in this way, within the last hour or what is set."""

        def look(connection: sqlite3.Connection) -> Found | None:
            now = self._now()
            row = connection.execute(FIND, (sha256, how)).fetchone()
            if row is None or not is_current(row[1], now, self._age_s):
                return None
            self._touch(connection, row[0], now)
            return Found(Variant(*row[2:6]), row[6])

        return self._do(look, None)

    def keep(self, sha256: str, how: str, pixels: str, found: Found) -> None:
        """`pixels` is the hash of the decoded picture: whatever files show the same share it."""

        def put(connection: sqlite3.Connection) -> None:
            variant, now, key = found.variant, self._now(), f"{pixels} {how}"
            size = len(variant.data)
            if size > self.limit_bytes:
                return
            row = connection.execute("SELECT id FROM variant WHERE key = ?", (key,)).fetchone()
            if row is None:
                values = (key, variant.mime, variant.width, variant.height, size, now)
                (row,) = connection.execute(
                    "INSERT INTO variant (key, mime, width, height, size_bytes, used_at, turn)"
                    " VALUES (?, ?, ?, ?, ?, ?, 0) RETURNING id",
                    values,
                ).fetchall()
                connection.execute("INSERT INTO content VALUES (?, ?)", (row[0], variant.data))
                self._total += size
            self._touch(connection, row[0], now)
            connection.execute(
                "INSERT OR REPLACE INTO origin VALUES (?, ?, ?, ?)",
                (sha256, how, found.original_bytes, row[0]),
            )
            oldest_first = connection.execute("SELECT id, size_bytes FROM variant ORDER BY turn")
            gone = surplus(oldest_first, self._total, self.limit_bytes)
            oldest_first.close()
            self._remove(connection, gone)
            self.evicted += len(gone)

        self._do(put, None)

    def forget(self, originals: Iterable[str]) -> None:
        """These pictures are no longer kept: nothing made of them alone stays either."""

        def drop(connection: sqlite3.Connection) -> None:
            for sha256 in originals:
                connection.execute("DELETE FROM origin WHERE sha256 = ?", (sha256,))
            rows = connection.execute(
                "SELECT id FROM variant v WHERE NOT EXISTS"
                " (SELECT 1 FROM origin o WHERE o.variant = v.id)"
            ).fetchall()
            self._remove(connection, [row[0] for row in rows])

        self._do(drop, None)

    def expire(self) -> None:
        """Lets go of what is too old, and gives the disk back what that took."""

        def drop(connection: sqlite3.Connection) -> None:
            now = self._now()
            rows = connection.execute(
                "SELECT id FROM variant WHERE used_at <= ? OR used_at > ?",
                (now - self._age_s, now + 1),
            ).fetchall()
            self._remove(connection, [row[0] for row in rows])
            self.evicted += len(rows)
            connection.commit()
            # A script, since `execute` would take one step of it, which frees one page.
            connection.executescript("PRAGMA incremental_vacuum")

        if self._file.exists():
            self._do(drop, None)

    def empty(self) -> None:
        """Begins anew, with an empty file."""
        with self._lock:
            self._shut()
            self._remove_files()

    def totals(self) -> tuple[int, int]:
        """How many variants there are, and their bytes."""

        def count(connection: sqlite3.Connection) -> tuple[int, int]:
            (number,) = connection.execute("SELECT count(*) FROM variant").fetchone()
            return number, self._total

        return self._do(count, (0, 0)) if self._file.exists() else (0, 0)

    def close(self) -> None:
        """Lets go of the file. A later call opens it again."""
        with self._lock:
            self._shut()

    def _touch(self, connection: sqlite3.Connection, number: int, now: float) -> None:
        self._turn += 1
        connection.execute(
            "UPDATE variant SET turn = ?, used_at = ? WHERE id = ?", (self._turn, now, number)
        )

    def _remove(self, connection: sqlite3.Connection, numbers: list[int]) -> None:
        for number in numbers:
            rows = connection.execute(
                "DELETE FROM variant WHERE id = ? RETURNING size_bytes", (number,)
            ).fetchall()
            self._total -= sum(size for (size,) in rows)

    def _do(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        with self._lock:
            try:
                connection = self._connection or self._open()
                with connection:
                    done = work(connection)
            except (sqlite3.Error, OSError) as err:
                self._give_up(err)
                return otherwise
            self._is_usable = True
            return done

    def _open(self) -> sqlite3.Connection:
        self._file.touch(mode=0o600)
        connection = sqlite3.connect(self._file, check_same_thread=False, timeout=1)
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version not in {0, VERSION}:
                raise sqlite3.DatabaseError("written by another version")
            connection.executescript(SCHEMA)
            self._total, self._turn = connection.execute(
                "SELECT coalesce(sum(size_bytes), 0), coalesce(max(turn), 0) FROM variant"
            ).fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _give_up(self, err: sqlite3.Error | OSError) -> None:
        """A full disk or a damaged file costs time, and nothing else."""
        if self._is_usable:
            log.warning("shrunk pictures are not kept for now: %s", err)
        self._is_usable = False
        self._shut()
        if isinstance(err, sqlite3.DatabaseError) and not isinstance(err, sqlite3.OperationalError):
            self._remove_files()

    def _remove_files(self) -> None:
        for ending in ("", "-wal", "-shm"):
            self._file.with_name(self._file.name + ending).unlink(missing_ok=True)

    def _shut(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _now(self) -> float:
        return self._clock().timestamp()
