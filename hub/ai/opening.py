"""Models for the team."""

from dataclasses import dataclass

from hub.core import Area, Core
from hub.identity.opening import People
from hub.limits.opening import Limits


@dataclass(frozen=True, slots=True)
class Ai:
    area: Area


async def open_ai(core: Core, people: People, limits: Limits) -> Ai:
    """Nothing yet."""
    return Ai(Area())
