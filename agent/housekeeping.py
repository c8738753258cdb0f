"""What is thrown away when its time has come, a little at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from agent.shared.errors import OrcaError

log = logging.getLogger(__name__)

FIRST_AFTER_S = 60.0
EVERY_S = 3600.0


async def housekeeping(*chores: Callable[[], Awaitable[object]]) -> None:
    """Runs every chore soon after the start and then each hour. One that fails is tried again
    the next time."""
    await asyncio.sleep(FIRST_AFTER_S)
    while True:
        for chore in chores:
            try:
                await chore()
            except OrcaError as err:
                log.warning("clearing out was put off: %s", err.detail)
        await asyncio.sleep(EVERY_S)
