"""The log for people who read it in a page, and as it goes on."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import asdict
from pathlib import Path

from agent.shared import wire
from agent.support.log_lines import Entry, Tail, page

POLL_S = 0.25
HEARTBEAT_S = 15.0


class LogService:
    """Reads the files of the log; whoever writes them knows nothing of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._closing = asyncio.Event()

    async def page(
        self, *, level: str, words: str, cursor: str | None, limit: int
    ) -> tuple[list[Entry], str | None]:
        """Newest first. Raises Malformed for a cursor that is not ours."""
        return await asyncio.to_thread(
            page, self._folder, level=level, words=words, cursor=cursor, limit=limit
        )

    async def follow(
        self, *, level: str, words: str, lines: int, after: int | None
    ) -> AsyncGenerator[bytes, None]:
        """Events `log`: what came behind the one numbered `after`, or the last `lines`; then each
        that is written."""
        tail = await asyncio.to_thread(Tail, self._folder)
        before = 500 if after is not None else lines
        entries: list[Entry] = []
        if before:
            found, _ = await self.page(level=level, words=words, cursor=None, limit=before)
            entries = [one for one in reversed(found) if after is None or one.number > after]
        seq, silent_s = after or 0, 0.0
        while True:
            numbered = []
            for entry in entries:
                seq = max(seq + 1, entry.number)
                numbered.append(wire.encode(seq, "log", asdict(entry)))
            if numbered:
                yield b"".join(numbered)
                silent_s = 0.0
            elif silent_s >= HEARTBEAT_S:
                yield wire.COMMENT
                silent_s = 0.0
            if await self._closed_within(POLL_S):
                return
            silent_s += POLL_S
            fresh = await asyncio.to_thread(tail.fresh)
            entries = [one for one in fresh if one.is_at_least(level) and one.has(words)]

    def end_streams(self) -> None:
        """Ends every reader's stream."""
        self._closing.set()

    async def _closed_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return False
        return True
