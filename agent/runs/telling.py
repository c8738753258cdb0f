"""What is written down together with the event that tells of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.live import LiveRun
from agent.runs.rules import Chunk
from agent.runs.store import Runs
from agent.shared import wire
from agent.shared.databases import Databases


@asynccontextmanager
async def telling(
    database: Databases, live: LiveRun, event: str, data: object
) -> AsyncIterator[AsyncConnection]:
    """What the block writes and the event are committed together; then readers see the event."""
    chunk: Chunk | None = None
    async with live.saving:
        try:
            async with database.writing() as connection:
                yield connection
                seq = live.ring.last_seq + 1
                chunk = Chunk(seq, seq, wire.encode(seq, event, data))
                rows = [one for one in (live.ring.unsaved(), chunk) if one]
                await Runs(connection).append([(live.run.id, one) for one in rows])
        except asyncio.CancelledError:
            # Perhaps amidst the commit, which goes on without the one who waits for it.
            if chunk and await _is_saved(database, live, chunk):
                _show(live, chunk)
            raise
        _show(live, chunk)


async def _is_saved(database: Databases, live: LiveRun, chunk: Chunk) -> bool:
    async with database.reading() as connection:
        return await Runs(connection).last_seq(live.run.id) >= chunk.last


def _show(live: LiveRun, chunk: Chunk) -> None:
    live.publish(chunk)
    live.ring.mark_saved(chunk.last)
