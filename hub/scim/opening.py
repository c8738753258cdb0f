"""People and groups as an identity provider sends them."""

from dataclasses import dataclass

from hub.core import Area, Core
from hub.groups.opening import Groups
from hub.identity.opening import People


@dataclass(frozen=True, slots=True)
class Scim:
    area: Area


async def open_scim(core: Core, people: People, groups: Groups) -> Scim:
    """Nothing yet."""
    return Scim(Area())
