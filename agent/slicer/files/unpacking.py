"""A plate's G-code as a file of its own for a while, taken out of its project off the loop."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from agent.shared.errors import Unavailable
from agent.slicer.files.folder import Part
from agent.slicer.threemf.gcode import copy_plate


@asynccontextmanager
async def unpacked(
    project: Path, plate: int, part: Part, *, most: int, tell: Callable[[float], object]
) -> AsyncIterator[Path]:
    """`part` holds the G-code within the block, and is gone behind it whatever happens.

    Raises TooLarge, Invalid for a project that is spoilt, NoSpace and Unavailable."""
    try:
        await _copied(project, plate, part, most, tell)
        yield part.path
    finally:
        await asyncio.shield(asyncio.to_thread(part.discard))


async def _copied(
    project: Path, plate: int, part: Part, most: int, tell: Callable[[float], object]
) -> None:
    """Who is cancelled waits until the thread writes no more: it stops at its next block."""
    loop, is_left = asyncio.get_running_loop(), threading.Event()

    def copy() -> None:
        try:
            copy_plate(
                project,
                plate,
                lambda block: part.write([block]),
                most=most,
                tell=lambda share: loop.call_soon_threadsafe(tell, share),
                is_wanted=lambda: not is_left.is_set(),
            )
        except OSError as err:
            raise Unavailable(
                "analysis-failed", "The file cannot be read. Is it still there?"
            ) from err
        part.finish()

    copying = loop.run_in_executor(None, copy)
    try:
        await asyncio.shield(copying)
    finally:
        is_left.set()
        await asyncio.wait([copying])
        if copying.done() and not copying.cancelled():
            copying.exception()  # of who was cancelled, it is nobody's any more
