"""Computers with an agent, and tokens of people."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import rfc3339
from hub.core import Area, Core
from hub.identity.lasting import Lasting
from hub.identity.opening import People
from hub.identity.revocations import Revocations
from hub.jobs.running import Job, Result
from hub.machines import routes, token_routes
from hub.machines.connecting import Connecting
from hub.machines.devices import DeviceService
from hub.machines.service import MachineService
from hub.machines.store import Codes, Devices
from hub.machines.tokens import TokenService

REMEMBERED = timedelta(hours=1)  # so that a code that comes again is noticed


@dataclass(frozen=True, slots=True)
class Machines:
    area: Area
    tokens: TokenService


def open_tokens(
    core: Core, revocations: Revocations, lasting: Lasting | None = None
) -> TokenService:
    """What people's programs and machines carry. Without `lasting` nothing refuses them later."""
    return TokenService(
        core.database,
        core.audit,
        core.seal,
        core.clock,
        core.new_id,
        core.new_secret,
        revocations,
        lasting or Lasting(),
        access=timedelta(minutes=core.settings.access_minutes),
        unused=timedelta(days=core.settings.refresh_days),
    )


async def open_machines(core: Core, people: People) -> Machines:
    """Machines sign in through the hub; what they carry are its own tokens."""
    tokens = open_tokens(core, people.revocations, people.lasting)
    people.tokens.issuer = tokens
    machines = MachineService(core.database, core.audit, tokens, core.clock, core.new_id)
    origin = core.settings.origin
    connecting = Connecting(
        core.database, core.audit, machines, core.clock, core.new_secret, origin=origin
    )
    devices = DeviceService(
        core.database, core.audit, core.seal, machines, core.clock, core.new_secret
    )
    people.revocations.at_end_of_waiting(_end_waiting)
    add_upkeep(core, tokens)
    known = token_routes.bearer(tokens)
    area = Area(
        blueprints=(
            token_routes.routes(tokens, connecting, devices, origin=origin),
            routes.routes(machines),
        ),
        bearers={"oht_": known, "ohm_": known},
        dialects=dict.fromkeys(token_routes.OAUTH, token_routes.spoken),
    )
    return Machines(area, tokens)


async def _end_waiting(connection: AsyncConnection, account_id: str) -> None:
    await Codes(connection).end(account_id)
    await Devices(connection).end(account_id)


def add_upkeep(core: Core, tokens: TokenService) -> None:
    """What has ended by itself is forgotten."""

    async def forget_old(_: Job) -> Result:
        gone = await tokens.forget_old()
        before = rfc3339(core.clock() - REMEMBERED)
        async with core.database.writing() as connection:
            await Codes(connection).forget(before)
            await Devices(connection).forget(before)
        return {"tokens": gone}

    core.jobs.every("tokens.forget", timedelta(hours=1), forget_old)
