"""What is thrown away when its time has come, a little at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from agent.shared.errors import OrcaError

log = logging.getLogger(__name__)

FIRST_AFTER_S = 60.0
EVERY_S = 3600.0


class Housekeeping:
    """Does every chore soon after the start and then each hour."""

    def __init__(self, *chores: Callable[[], Awaitable[object]]) -> None:
        self._chores = chores

    async def run(self) -> None:
        await asyncio.sleep(FIRST_AFTER_S)
        while True:
            await self.tidy()
            await asyncio.sleep(EVERY_S)

    async def tidy(self) -> None:
        """One round. A chore that fails is tried again the next time."""
        for chore in self._chores:
            try:
                await chore()
            except OrcaError as err:
                log.warning("clearing out was put off: %s", err.detail)
