"""How a part of the program asks for its end, or to be opened anew; who serves it obeys."""

import asyncio
from typing import Literal

Wish = Literal["stop", "restart"]


class Switch:
    """One for the whole life of the process. A stop is never taken back."""

    def __init__(self) -> None:
        self._wish: Wish | None = None
        self._changed = asyncio.Event()

    @property
    def wish(self) -> Wish | None:
        """What was asked for and has not been done yet."""
        return self._wish

    def stop(self) -> None:
        """Ends the program as a signal does."""
        self._wish = "stop"
        self._changed.set()

    def restart(self) -> None:
        """Opens the program anew in the same process, at the same address. What runs is cut off
        as at a stop."""
        if self._wish is None:
            self._wish = "restart"
            self._changed.set()

    async def asked(self) -> Wish:
        """Waits for a wish, and takes it up: a restart is forgotten then."""
        while (wish := self._wish) is None:
            self._changed.clear()
            await self._changed.wait()
        if wish == "restart":
            self._wish = None
        return wish
