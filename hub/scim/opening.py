"""People and groups as an identity provider sends them."""

from dataclasses import dataclass

from hub.core import Area, Core
from hub.groups.opening import Groups
from hub.identity.opening import People
from hub.scim import routes, token_routes
from hub.scim.groups import ScimGroups
from hub.scim.service import ScimPeople
from hub.scim.tokens import PREFIX, ScimTokenService


@dataclass(frozen=True, slots=True)
class Scim:
    area: Area


async def open_scim(core: Core, people: People, groups: Groups) -> Scim:
    """Sent as `Authorization: Bearer ohs_...`."""
    given = core.settings.scim_token
    tokens = ScimTokenService(
        core.database,
        core.audit,
        people.revocations,
        core.clock,
        core.new_id,
        core.new_secret,
        of_settings=given.get_secret_value() if given else None,
    )
    base = f"{core.settings.origin}{routes.ROOT}"
    parts = (core.database, core.audit, people.revocations, core.clock, core.new_id)
    blueprint = routes.routes(ScimPeople(*parts, base=base), ScimGroups(*parts, base=base), base)
    area = Area(
        blueprints=(blueprint, token_routes.routes(tokens)),
        bearers={PREFIX: tokens.who},
        dialects={routes.ROOT: routes.spoken},
    )
    return Scim(area)
