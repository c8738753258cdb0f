"""How much anybody may ask: rates, quotas, what it cost."""

from dataclasses import dataclass

from hub.core import Area, Core
from hub.identity.opening import People


@dataclass(frozen=True, slots=True)
class Limits:
    area: Area


async def open_limits(core: Core, people: People) -> Limits:
    """Nothing yet."""
    return Limits(Area())
