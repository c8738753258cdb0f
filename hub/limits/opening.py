"""How much anybody may ask: rates, quotas, what it cost."""

from dataclasses import dataclass

from hub.core import Area, Core
from hub.identity.opening import People
from hub.limits.quotas import Quotas


@dataclass(frozen=True, slots=True)
class Limits:
    area: Area
    quotas: Quotas


async def open_limits(core: Core, people: People) -> Limits:
    """Quotas are asked by whoever calls a model."""
    return Limits(Area(), Quotas(core.clock, core.new_id))
