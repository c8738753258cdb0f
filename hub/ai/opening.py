"""Models for the team."""

from dataclasses import dataclass

from hub.ai.service import AiService
from hub.core import Area, Core
from hub.identity.opening import People
from hub.limits.opening import Limits


@dataclass(frozen=True, slots=True)
class Ai:
    """`service` is what conversations and artefacts ask; they register what their runs are for."""

    area: Area
    service: AiService


async def open_ai(core: Core, people: People, limits: Limits) -> Ai:
    """Providers, routes and policy, and the runs that ask them."""
    return Ai(Area(), AiService())
