"""Computers with an agent, and tokens of people."""

from dataclasses import dataclass
from datetime import timedelta

from hub.core import Area, Core
from hub.identity.opening import People
from hub.machines import token_routes
from hub.machines.tokens import TokenService


@dataclass(frozen=True, slots=True)
class Machines:
    area: Area
    tokens: TokenService


def open_tokens(core: Core) -> TokenService:
    """What people's programs and machines carry."""
    return TokenService(
        core.database,
        core.audit,
        core.seal,
        core.clock,
        core.new_id,
        core.new_secret,
        access=timedelta(minutes=core.settings.access_minutes),
        unused=timedelta(days=core.settings.refresh_days),
    )


async def open_machines(core: Core, people: People) -> Machines:
    """Machines sign in through the hub; what they carry are its own tokens."""
    tokens = open_tokens(core)
    known = token_routes.bearer(tokens)
    area = Area(
        blueprints=(token_routes.routes(tokens),),
        bearers={"oht_": known, "ohm_": known},
    )
    return Machines(area, tokens)
