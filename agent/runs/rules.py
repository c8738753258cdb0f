"""What a run is, which events it has, and how they lie in memory and in the database."""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

RunKind = Literal["chat", "pull", "batch", "analysis", "forward", "backup", "restore"]
RING_BYTES = 1 << 20


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


ALIVE = (RunState.QUEUED, RunState.RUNNING)
CLOSING_EVENT = {
    RunState.DONE: "done",
    RunState.CANCELLED: "cancelled",
    RunState.INTERRUPTED: "interrupted",
    RunState.FAILED: "error",
}


@dataclass(frozen=True, slots=True)
class Run:
    """One piece of work that goes on when nobody watches. Times are RFC 3339."""

    id: str
    kind: RunKind
    state: RunState
    created_at: str
    conversation_id: str | None = None
    message_id: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    last_seq: int = 0
    problem: dict[str, object] | None = None

    @property
    def is_alive(self) -> bool:
        return self.state in ALIVE


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run's work came to its end, before that is written down."""

    state: RunState
    result: object = None
    problem: dict[str, object] | None = None


class Chunk(NamedTuple):
    """Events `first` to `last` as one piece of encoded text: what arrived together."""

    first: int
    last: int
    payload: bytes


def after(chunk: Chunk, seq: int) -> bytes:
    """The part of a chunk behind event `seq`."""
    if seq < chunk.first:
        return chunk.payload
    if seq >= chunk.last:
        return b""
    # A raw line end cannot stand inside JSON data, so that this finds the event and nothing else.
    return chunk.payload[chunk.payload.index(b"\n\nid: %d\n" % (seq + 1)) + 2 :]


class Ring:
    """The latest events, `limit_bytes` of them at the most, but never fewer than are unsaved."""

    def __init__(self, limit_bytes: int = RING_BYTES, *, last_seq: int = 0) -> None:
        self._chunks: deque[Chunk] = deque()
        self._limit_bytes, self._size_bytes = limit_bytes, 0
        self.last_seq = last_seq
        self.saved_seq = last_seq

    def add(self, chunk: Chunk) -> None:
        """Takes the next chunk: its first event follows on the last one."""
        self._chunks.append(chunk)
        self._size_bytes += len(chunk.payload)
        self.last_seq = chunk.last
        self._shrink()

    def since(self, seq: int) -> bytes | None:
        """All events behind `seq`, or None if some of them are no longer here."""
        if seq >= self.last_seq:
            return b""
        if not self._chunks or seq + 1 < self._chunks[0].first:
            return None
        start = self._index_of(seq + 1)
        parts = [after(self._chunks[start], seq)]
        parts += [self._chunks[i].payload for i in range(start + 1, len(self._chunks))]
        return b"".join(parts)

    def unsaved(self) -> Chunk | None:
        """What no database has yet, as one chunk."""
        if self.saved_seq >= self.last_seq:
            return None
        start = self._index_of(self.saved_seq + 1)
        chunks = [self._chunks[i] for i in range(start, len(self._chunks))]
        return Chunk(chunks[0].first, self.last_seq, b"".join(c.payload for c in chunks))

    def mark_saved(self, seq: int) -> None:
        """Events up to `seq` may be forgotten here."""
        self.saved_seq = max(self.saved_seq, seq)
        self._shrink()

    def _index_of(self, seq: int) -> int:
        # Readers are nearly always at the end; a deque is slow to index in its middle.
        if self._chunks[-1].first <= seq:
            return len(self._chunks) - 1
        return bisect_left(self._chunks, seq, key=lambda chunk: chunk.last)

    def _shrink(self) -> None:
        while (
            self._size_bytes > self._limit_bytes
            and len(self._chunks) > 1
            and self._chunks[0].last <= self.saved_seq
        ):
            self._size_bytes -= len(self._chunks.popleft().payload)
