"""What the child writes: a file that it writes to itself, read along by the agent.

A pipe would end the child with its first line after the agent was killed; a file outlives it."""

import asyncio
import os
import shutil
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

from agent.shared import wire
from agent.shared.redaction import redacted

KEPT_LINES = 2000
LONGEST = 4000
ROTATE_BYTES = 5 * 1024 * 1024
OLDER_FILES = 2
SEEN_AGAIN_BYTES = 64 * 1024
PIECE_BYTES = 1 << 20
POLL_S = 0.2
HEARTBEAT_S = 15.0


class LogFile:
    """The last lines in memory, any number of readers, and a file that does not grow for ever."""

    def __init__(self, file: Path, *, rotate_bytes: int = ROTATE_BYTES) -> None:
        self.file = file
        self._rotate_bytes = rotate_bytes
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._last_seq, self._read_to, self._half = 0, -1, b""
        self._changed, self._reading = asyncio.Event(), asyncio.Lock()
        self._is_closed = False

    def open_for_child(self) -> int:
        """A descriptor that adds to the file. The caller closes it. Raises OSError."""
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, text: str) -> None:
        """Adds a line of the agent's own. Raises OSError."""
        descriptor = self.open_for_child()
        try:
            os.write(descriptor, f"orca-agent: {text}\n".encode())
        finally:
            os.close(descriptor)

    async def run(self) -> None:
        """Reads along until it is cancelled."""
        while True:
            if self._has_more():
                await self.catch_up()
            await asyncio.sleep(POLL_S)

    async def catch_up(self) -> None:
        """Takes what was written since the last time."""
        async with self._reading:
            lines = await asyncio.to_thread(self._new_lines)
        if lines:
            self._lines.extend(lines)
            self._last_seq += len(lines)
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()

    def last(self, count: int) -> list[str]:
        return list(self._lines)[-count:]

    async def follow(self, after: int | None, count: int) -> AsyncGenerator[bytes, None]:
        """Events: the lines behind number `after`, or the last `count`, and each that comes."""
        seq = self._last_seq - min(count, len(self._lines)) if after is None else after
        if seq > self._last_seq:  # a number of an agent before this one
            seq = 0
        while not self._is_closed:
            changed = self._changed
            first = self._last_seq - len(self._lines) + 1
            if seq < first - 1:
                yield wire.encode(first - 1, "skipped", {"lines": first - 1 - seq})
                seq = first - 1
            fresh = list(self._lines)[seq - self._last_seq :] if seq < self._last_seq else []
            if fresh:
                numbered = enumerate(fresh, seq + 1)
                yield b"".join(wire.encode(n, "log", {"line": line}) for n, line in numbered)
                seq += len(fresh)
                continue
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await changed.wait()
            except TimeoutError:
                yield wire.COMMENT

    def close(self) -> None:
        """Ends every reader's stream."""
        self._is_closed = True
        self._changed.set()

    def _has_more(self) -> bool:
        try:
            return os.stat(self.file).st_size != self._read_to  # noqa: PTH116 - no more than that
        except OSError:
            return False

    def _new_lines(self) -> list[str]:
        try:
            with self.file.open("rb") as source:
                size = os.fstat(source.fileno()).st_size
                if self._read_to < 0:
                    self._read_to = max(0, size - SEEN_AGAIN_BYTES)
                if size < self._read_to:  # somebody emptied it
                    self._read_to = 0
                source.seek(self._read_to)
                raw = source.read(PIECE_BYTES)
        except OSError:
            return []
        self._read_to += len(raw)
        *whole, self._half = (self._half + raw).split(b"\n")
        if len(self._half) > LONGEST:
            whole, self._half = [*whole, self._half], b""
        if self._read_to > self._rotate_bytes:
            self._rotate()
        return [redacted(line.decode("utf-8", "replace")[:LONGEST].rstrip("\r")) for line in whole]

    def _rotate(self) -> None:
        """Copies the file away and empties it: the child goes on writing at its end. What it
        writes in the instant between the two is only in the copy, or lost."""
        with suppress(OSError):
            for number in range(OLDER_FILES, 1, -1):
                younger = self._older(number - 1)
                if younger.exists():
                    younger.replace(self._older(number))
            copy = self._older(1)
            shutil.copyfile(self.file, copy)
            copy.chmod(0o600)
            os.truncate(self.file, 0)
            self._read_to = 0

    def _older(self, number: int) -> Path:
        return self.file.with_name(f"{self.file.name}.{number}")
