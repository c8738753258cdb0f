"""Signing in with Okta and other identity providers."""

from dataclasses import dataclass

from hub.core import Area, Core
from hub.groups.opening import Groups
from hub.identity.opening import People
from hub.oidc import routes
from hub.oidc.methods import Methods


@dataclass(frozen=True, slots=True)
class Oidc:
    area: Area


async def open_oidc(core: Core, people: People, groups: Groups) -> Oidc:
    """Without a provider in the settings only the list of ways in is of use."""
    methods = Methods(core.database, core.settings)
    return Oidc(Area(blueprints=(routes.routes(methods),)))
