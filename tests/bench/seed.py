"""A data folder with many conversations, whose words are distributed as words are."""

import itertools
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from platformdirs import user_cache_path

from agent.migrations import VERSIONS, migrate
from agent.shared.clock import rfc3339

SEED = 20_260_101
FORMAT = 1  # raise it when what is written here changes
WORDS = 30_000
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
KNOWN = (
    "the a to of and in is it on for with nozzle layer filament temperature print bed speed petg "
    "pla retraction stringing supports cooling warping extrusion infill bridge fan adhesion seam"
)
SYLLABLES = (
    "ba be bi bo bu da de di do du fa fe fi ga ge go ka ke ki ko la le li lo lu ma me mi mo na ne "
    "ni no pa pe po ra re ri ro sa se si so ta te ti to va ve vi wa wo za zu"
)
MESSAGE = (
    "INSERT INTO message (id, conversation_id, parent_id, role, content, thinking, images, model,"
    " provider, status, created_at, run_id, usage, sources, trimmed, problem)"
    " VALUES (?, ?, ?, ?, ?, '', '[]', ?, ?, 'complete', ?, NULL, NULL, '[]', 0, NULL)"
)
CONVERSATION = (
    "INSERT INTO conversation (id, title, title_is_automatic, model, system, created_at,"
    " updated_at, archived, pinned, active_message_id, message_count, deleted_at)"
    " VALUES (?, ?, 1, 'bench:latest', NULL, ?, ?, ?, ?, ?, ?, ?)"
)


class Language:
    """Words by rank; the word of rank r comes with a chance of 1/r (Zipf)."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        known, parts = KNOWN.split(), SYLLABLES.split()
        made = ("".join(p) for n in (2, 3) for p in itertools.product(parts, repeat=n))
        others = [word for word in itertools.islice(made, 5 * WORDS) if word not in known]
        self.words = known + chance.sample(others, WORDS - len(known))
        weights = itertools.accumulate(1 / rank for rank in range(1, WORDS + 1))
        self._weights = list(weights)

    def text(self, words: int) -> str:
        said = self._chance.choices(self.words, cum_weights=self._weights, k=words)
        return " ".join(said) + "."


def data_folder(conversations: int, messages: int) -> Path:
    """The folder, made at the first call and kept for later ones."""
    name = f"conversations-{conversations}-{messages}-{VERSIONS[-1]}-{FORMAT}"
    folder: Path = user_cache_path("orca-agents-bench") / name
    if not (folder / ".complete").exists():
        print(f"writing {messages:,} messages (once; it takes minutes)", flush=True)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in folder.glob("agent.db*"):
            old.unlink()
        file = folder / "agent.db"
        migrate(file, now=BEGAN)
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA cache_size=-200000")
            _write(connection, conversations, messages // conversations)
            connection.execute("PRAGMA optimize")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (folder / ".complete").touch()
    return folder


def language() -> Language:
    """The words that the folder was written with."""
    return Language(random.Random(SEED))


def _write(connection: sqlite3.Connection, conversations: int, each: int) -> None:
    chance = random.Random(SEED)
    said = Language(chance)
    for start in range(0, conversations, 200):
        connection.execute("BEGIN")
        for number in range(start, min(start + 200, conversations)):
            conversation, rows = _conversation(number, each, chance, said)
            connection.execute(CONVERSATION, conversation)
            connection.executemany(MESSAGE, rows)
        connection.execute("COMMIT")


def _conversation(
    number: int, each: int, chance: random.Random, said: Language
) -> tuple[tuple[object, ...], list[tuple[object, ...]]]:
    began = BEGAN + timedelta(minutes=47 * number)
    ids = _ids(began, chance)
    key, parent = next(ids), None
    rows: list[tuple[object, ...]] = []
    for turn in range(each):
        is_question = turn % 2 == 0
        words = chance.randint(6, 40) if is_question else chance.randint(30, 180)
        at = rfc3339(began + timedelta(seconds=20 * turn))
        by = (None, None) if is_question else ("bench:latest", "ollama")
        role = "user" if is_question else "assistant"
        message_id = next(ids)
        rows.append((message_id, key, parent, role, said.text(words), *by, at))
        parent = message_id
    updated = rfc3339(began + timedelta(seconds=20 * each))
    archived, pinned = chance.random() < 0.1, chance.random() < 0.002
    deleted = updated if chance.random() < 0.02 else None
    title = said.text(chance.randint(3, 8)).capitalize()
    head = (key, title, rfc3339(began), updated, archived, pinned, parent, each, deleted)
    return head, rows


def _ids(moment: datetime, chance: random.Random) -> Iterator[str]:
    """UUIDv7, rising."""
    start = int(moment.timestamp() * 1000)
    for count in itertools.count():
        value = (start + count) << 80 | 0x7 << 76 | chance.getrandbits(12) << 64
        yield str(UUID(int=value | 0b10 << 62 | chance.getrandbits(62)))
