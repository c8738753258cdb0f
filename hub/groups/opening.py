"""Groups of people."""

from dataclasses import dataclass

from hub.core import Area, Core
from hub.groups import routes
from hub.groups.service import GroupService
from hub.identity.opening import People


@dataclass(frozen=True, slots=True)
class Groups:
    area: Area
    service: GroupService


async def open_groups(core: Core, people: People) -> Groups:
    """Kept by an Administrator, or by identity providers."""
    service = GroupService(core.database, core.audit, people.revocations, core.clock, core.new_id)
    return Groups(Area(blueprints=(routes.routes(service),)), service)
