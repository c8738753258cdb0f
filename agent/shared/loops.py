"""Loops that shall never end: what breaks one is told, and it begins anew after a while."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass

from agent.shared.errors import Unavailable

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _State:
    pause_s: float = FIRST_PAUSE_S
    failed_s: float | None = None


class Loops:
    """Runs each by its name. One that fails keeps nothing else from working."""

    def __init__(self, loops: Mapping[str, Callable[[], Coroutine[None, None, None]]]) -> None:
        self._loops = dict(loops)
        self._states = {name: _State() for name in loops}

    def coroutines(self) -> dict[str, Coroutine[None, None, None]]:
        """To be run side by side, until they are cancelled."""
        return {name: self._keep_up(name) for name in self._loops}

    @property
    def failing(self) -> list[str]:
        """Those that broke, and have not run for as long again as they were waited for."""
        return [name for name, state in self._states.items() if self._is_failing(state)]

    async def check(self) -> None:
        """For readiness. Raises Unavailable `loop-fails`."""
        if names := self.failing:
            raise Unavailable(
                "loop-fails",
                f"Background work fails again and again: {', '.join(names)}. The log says why.",
            )

    async def _keep_up(self, name: str) -> None:
        state = self._states[name]
        while True:
            began_s = _now_s()
            try:
                await self._loops[name]()
            except Exception:  # the outermost loop of background work
                if _now_s() - began_s > LONGEST_PAUSE_S:
                    state.pause_s = FIRST_PAUSE_S
                log.exception("the loop %s broke, and begins anew in %.0f s", name, state.pause_s)
            else:
                return
            state.failed_s = _now_s()
            await asyncio.sleep(state.pause_s)
            state.pause_s = min(state.pause_s * 2, LONGEST_PAUSE_S)

    def _is_failing(self, state: _State) -> bool:
        # It waits for the pause; then it has to hold for as long.
        return state.failed_s is not None and _now_s() - state.failed_s < state.pause_s * 2


def _now_s() -> float:
    return asyncio.get_running_loop().time()
