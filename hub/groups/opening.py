"""Groups of people."""

from dataclasses import dataclass

from hub.core import Area, Core
from hub.identity.opening import People


@dataclass(frozen=True, slots=True)
class Groups:
    area: Area


async def open_groups(core: Core, people: People) -> Groups:
    """Nothing yet."""
    return Groups(Area())
