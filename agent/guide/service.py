"""The built-in print guide: its entries, and a search that needs no model."""

import sqlite3
import threading
from importlib.resources import files
from importlib.resources.abc import Traversable

from agent.guide.documents import Entry, parse_entry, passages_of
from agent.guide.german import in_english
from agent.guide.rules import MAX_QUESTION, Found, Hit, Passage, found, rank, terms
from agent.shared.errors import NotFound

_SCHEMA = """
CREATE VIRTUAL TABLE passage
USING fts5(core, title, tags, keys, text, tokenize = 'porter unicode61')
"""
# The first number ranks; the others are above 0 if the head or the core holds the term.
_FIND = """
SELECT rowid, -bm25(passage, 2.0, 6.0, 5.0, 3.0, 1.0), -bm25(passage, 1.0, 1.0, 1.0, 1.0, 0.0),
       -bm25(passage, 1.0, 0.0, 0.0, 0.0, 0.0)
FROM passage WHERE passage MATCH ?
"""
KNOWN_TERMS = 4096
_INSERT = "INSERT INTO passage(rowid, core, title, tags, keys, text) VALUES (?, ?, ?, ?, ?, ?)"


class Guide:
    """Searches the entries. Safe to use from any thread; builds its index at the first search."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries
        self._by_ref = {entry.ref: entry for entry in entries}
        self._places = [
            (number, text)
            for number, entry in enumerate(entries)
            for text in passages_of(entry.text)
        ]
        self._related = [
            tuple(self._by_ref[ref].title for ref in entry.see if ref in self._by_ref)
            for entry in entries
        ]
        self._lock = threading.Lock()
        self._index: sqlite3.Connection | None = None
        self._known: dict[str, Found] = {}  # by expression: bm25 takes 0.1 ms a term

    @classmethod
    def open(cls) -> "Guide":
        """Reads the entries that come with the program. Raises EntryError."""
        return cls(read_entries(files("agent.guide") / "entries"))

    def close(self) -> None:
        """Releases the index. A later search builds it again."""
        with self._lock:
            if self._index is not None:
                self._index.close()
                self._index = None

    @property
    def count(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> list[Entry]:
        """All entries, by topic and title."""
        return list(self._entries)

    def entry(self, ref: str) -> Entry:
        """The entry called `ref`, such as `guide/stringing`. Raises NotFound."""
        try:
            return self._by_ref[ref]
        except KeyError:
            raise NotFound("no-such-entry", f"The guide has no entry {ref!r}.") from None

    def search(self, query: str, *, limit: int = 5) -> list[Passage]:
        """The best passage of up to `limit` entries that fit `query`, best first; else nothing."""
        wanted = terms(in_english(query[:MAX_QUESTION]))
        if not wanted or limit < 1:
            return []
        with self._lock:
            by_term = {term: self._found(term.match) for term in wanted}
        return [self._passage(*best) for best in rank(by_term, self.count, limit=limit)]

    def _built(self) -> sqlite3.Connection:
        if self._index is None:
            # One lock guards it, so the thread that opened it does not matter.
            index = sqlite3.connect(":memory:", check_same_thread=False)
            index.execute(_SCHEMA)
            index.executemany(
                _INSERT,
                [(row, *self._columns(n), text) for row, (n, text) in enumerate(self._places)],
            )
            index.commit()
            self._index = index
        return self._index

    def _columns(self, number: int) -> tuple[str, str, str, str]:
        entry = self._entries[number]
        core = "; ".join(tag for tag in entry.tags if " " not in tag)
        tags = "; ".join(entry.tags).replace("+", " plus")
        return core, entry.title.replace("+", " plus"), tags, "; ".join(entry.keys)

    def _found(self, match: str) -> Found:
        """The index never changes, and bm25 adds up over terms: so each is asked for once."""
        if (known := self._known.get(match)) is None:
            if len(self._known) >= KNOWN_TERMS:
                del self._known[next(iter(self._known))]
            known = self._known[match] = found(
                Hit(row, self._places[row][0], score, head > 0, core > 0)
                for row, score, head, core in self._built().execute(_FIND, (match,))
            )
        return known

    def _passage(self, row: int, score: float) -> Passage:
        number, text = self._places[row]
        entry = self._entries[number]
        related = self._related[number]
        return Passage(entry.ref, entry.title, entry.topic, text, score, entry.tags, related)


def read_entries(folder: Traversable) -> list[Entry]:
    """Every `<topic>/<slug>.md` in `folder`, by topic and title. Raises EntryError."""
    entries = [
        parse_entry(file.name.removesuffix(".md"), file.read_text("utf-8"))
        for topic in folder.iterdir()
        if topic.is_dir()
        for file in topic.iterdir()
        if file.name.endswith(".md")
    ]
    return sorted(entries, key=lambda entry: (entry.topic, entry.title))
