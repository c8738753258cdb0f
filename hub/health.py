"""Whether the hub lives, and whether it can do its work."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from quart import Blueprint, Response, g

from agent.shared.clock import Clock, rfc3339
from agent.shared.errors import OrcaError
from agent.shared.web import Out, gives, json
from hub.access import public

PATIENCE_S, FRESH_S = 4.0, 1.0


class LiveOut(Out):
    status: str


class ReadyOut(Out):
    """Strangers see `status` alone."""

    status: str
    parts: dict[str, dict[str, object]] | None = None


@dataclass(slots=True)
class Part:
    """Something that the hub stands on. `check` raises an OrcaError while it does not hold.
    `examine` looks at this moment, and says in a sentence what it has found; `fix` is what to do
    where it raises, and `is_wrong` whether the hub must not be left so, though it works."""

    name: str
    check: Callable[[], Awaitable[object]]
    is_needed: bool = True
    examine: Callable[[], Awaitable[str]] | None = None
    fix: str = ""
    is_wrong: bool = False
    last_success_at: str | None = None
    problem: str | None = None


class Health:
    """Tells of the last success, which says more than that a process is there."""

    def __init__(self, parts: list[Part], clock: Clock) -> None:
        self._parts, self._clock = parts, clock
        self._looking, self._looked_at = asyncio.Lock(), float("-inf")

    async def look(self) -> str:
        """`ready`, `degraded` where something is away that the hub can do without, or `broken`.
        Whoever asks again within a second gets the same answer."""
        async with self._looking:
            now_s = time.monotonic()
            if now_s - self._looked_at >= FRESH_S:
                await asyncio.gather(*(self._look_at(part) for part in self._parts))
                self._looked_at = now_s
        failed = [part for part in self._parts if part.problem]
        if any(part.is_needed for part in failed):
            return "broken"
        return "degraded" if failed else "ready"

    async def _look_at(self, part: Part) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await part.check()
        except OrcaError as err:
            part.problem = err.detail
        except TimeoutError:
            part.problem = "It does not answer in time."
        else:
            part.problem, part.last_success_at = None, rfc3339(self._clock())

    def details(self) -> dict[str, dict[str, object]]:
        return {
            part.name: {
                "is_well": part.problem is None,
                "last_success_at": part.last_success_at,
                "problem": part.problem,
            }
            for part in self._parts
        }


def routes(health: Health) -> Blueprint:
    bp = Blueprint("health", __name__, url_prefix="/api/v1/health")

    @bp.get("/live")
    @public
    @gives(LiveOut)
    async def live() -> Response:
        """The process answers."""
        return json({"status": "live"})

    @bp.get("/ready")
    @public
    @gives(ReadyOut)
    async def ready() -> Response:
        """The hub can do its work; 503 where it cannot. Details for Administrators."""
        status = await health.look()
        who = g.get("principal")
        said: dict[str, object] = {"status": status}
        if who is not None and who.is_administrator:
            said["parts"] = health.details()
        return json(said, 503 if status == "broken" else 200)

    return bp
