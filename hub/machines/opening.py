"""Computers with an agent, and tokens of people."""

from dataclasses import dataclass

from hub.core import Area, Core
from hub.identity.opening import People


@dataclass(frozen=True, slots=True)
class Machines:
    area: Area


async def open_machines(core: Core, people: People) -> Machines:
    """Nothing yet."""
    return Machines(Area())
