"""Signing in with Okta and other identity providers."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from agent.shared.clock import rfc3339
from agent.shared.errors import Unavailable
from hub.audit.store import Wanted
from hub.core import Area, Concern, Core, Reading
from hub.groups.opening import Groups
from hub.health import Part
from hub.identity.opening import People
from hub.oidc import routes
from hub.oidc.logins import LastLogins
from hub.oidc.methods import Methods, alias_of, name_of
from hub.oidc.people import UNCLEAR, RoleMapping, Vouched
from hub.oidc.provider import ProviderClient
from hub.oidc.rechecking import Rechecking
from hub.oidc.refreshing import Refreshing
from hub.oidc.rules import roles_of
from hub.oidc.shared import SharedDocuments
from hub.oidc.sign_in import SignIn
from hub.oidc.signing_out import SigningOut
from hub.oidc.store import Once
from hub.oidc.upkeep import add_upkeep
from hub.oidc.wire import Provider
from hub.settings import Settings

LOOK_EVERY_S = 60.0
CONCERNED_FOR = timedelta(days=7)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Oidc:
    area: Area


async def open_oidc(core: Core, people: People, groups: Groups) -> Oidc:
    """Without a provider in the settings only the list of ways in is of use."""
    settings, cookie = core.settings, people.cookie
    client = None
    if settings.oidc_issuer:
        shared = SharedDocuments(core.database, settings.oidc_issuer)
        client = ProviderClient(_provider(settings), shared, core.clock)
        add_upkeep(core, client, shared)
        core.stack.push_async_callback(client.close)
    around = routes.around_routes(
        Methods(core.database, settings),
        LastLogins(core.database),
        SigningOut(core, people, client),
        cookie,
    )
    if client is None:
        return Oidc(Area((routes.sign_in_routes(None, cookie, settings.origin), around)))
    mapping = RoleMapping(
        settings.oidc_groups_claim, roles_of(settings.oidc_groups), settings.oidc_preset == "okta"
    )
    vouched = Vouched(
        mapping, groups.service, people.revocations, core.audit, core.clock, core.new_id
    )
    back = f"{settings.origin}/api/v1/auth/{alias_of(settings)}/callback"
    sign_in = SignIn(core, people, client, vouched, redirect_uri=back)
    refreshing = Refreshing(core, people, client, vouched, sign_in)
    core.stack.push_async_callback(refreshing.close)
    people.lasting.only_if(Rechecking(settings, name_of(settings), core.clock))
    area = Area(
        blueprints=(routes.sign_in_routes(sign_in, cookie, settings.origin), around),
        doors=(refreshing,),
        health=(Part("oidc", client.check, is_needed=False),),
        readings=(lambda: _readings(vouched),),
        concerns=(lambda: _concerns(core),),
        loops={"oidc": lambda: _keep_at_hand(core, client)},
    )
    return Oidc(area)


async def _readings(vouched: Vouched) -> list[Reading]:
    said = "Sign-ins of which the provider did not say the groups so that they can be read."
    return [
        Reading(
            "oidc_groups_unclear", said, vouched.unclear[found], {"found": found}, is_counter=True
        )
        for found in ("missing", "odd")
    ]


async def _concerns(core: Core) -> list[Concern]:
    since = rfc3339(core.clock() - CONCERNED_FOR)
    count = await core.audit.count(Wanted(action=UNCLEAR, since=since))
    said = "Groups were missing in sign-ins, or could not be read: nobody's role was changed."
    return [Concern("groups-unclear", count, said)] if count else []


def _provider(settings: Settings) -> Provider:
    secret = settings.oidc_client_secret
    return Provider(
        name=name_of(settings),
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=secret.get_secret_value() if secret else "",
        ca_file=settings.oidc_ca_file,
    )


async def _keep_at_hand(core: Core, client: ProviderClient) -> None:
    """The provider's keys as another replica was told them, or before they are old; and nothing of
    attempts that are over."""
    is_well = True
    while True:
        try:
            await client.adopt()
            await client.check()
            is_well = True
        except Unavailable as err:
            if is_well:
                log.warning("the identity provider is away: %s", err.code)
            is_well = False
        try:
            async with core.database.writing() as connection:
                await Once(connection).forget(rfc3339(core.clock()))
        except Unavailable:
            log.warning("what was used once could not be cleared away")
        await asyncio.sleep(LOOK_EVERY_S)
