"""People and the sessions of their browsers."""

from dataclasses import dataclass
from datetime import timedelta

from agent.shared.clock import rfc3339
from hub.audit import routes as audit_routes
from hub.core import Area, Core
from hub.guard import Cookie
from hub.identity import own_routes, routes
from hub.identity.guessing import Guesses
from hub.identity.known_browsers import KnownBrowsers
from hub.identity.lasting import Lasting
from hub.identity.passwords import Passwords
from hub.identity.proving import Proving
from hub.identity.recovery_store import Recovery
from hub.identity.revocations import Revocations
from hub.identity.second_step import SecondStep
from hub.identity.service import Doors, LocalAccounts
from hub.identity.sessions import SessionService
from hub.identity.tokens import TokenSeam
from hub.jobs.running import Job, Result
from hub.users import recovery_routes
from hub.users import routes as user_routes
from hub.users.service import UserService


@dataclass(frozen=True, slots=True)
class People:
    area: Area
    cookie: Cookie
    revocations: Revocations
    tokens: TokenSeam
    known: KnownBrowsers
    proving: Proving
    lasting: Lasting
    sessions: SessionService
    local: LocalAccounts
    users: UserService


async def open_people(core: Core) -> People:
    """Accounts of this hub, whoever vouches for them."""
    settings = core.settings
    cookie = Cookie(settings.is_secure)
    revocations, tokens = Revocations(core.clock, core.redis), TokenSeam()
    sessions = _sessions(core, revocations)
    proving, lasting = Proving(tokens, core.clock, settings.local_login), Lasting()
    second_step = SecondStep(
        core.database, core.audit, core.seal, revocations, proving, core.clock, core.new_secret
    )
    guesses, known = Guesses(core.database, core.clock), KnownBrowsers(core.seal, core.new_secret)
    doors = Doors(
        Passwords(),
        guesses,
        second_step,
        known,
        proving,
        sessions,
        tokens,
        revocations,
        settings.local_login,
    )
    local = LocalAccounts(
        core.database, doors, core.audit, core.seal, core.clock, core.new_id, core.new_secret
    )
    _forget_old(core, sessions, guesses)
    users = UserService(core.database, core.audit, revocations, proving, core.clock)
    area = Area(
        blueprints=(
            routes.routes(local, sessions, tokens, known, cookie),
            own_routes.routes(local, second_step, sessions, cookie),
            user_routes.routes(users, local, second_step),
            recovery_routes.routes(users, local, second_step, sessions, settings.origin),
            audit_routes.routes(core.audit),
        ),
        loops={"revocations": revocations.listen},
    )
    return People(
        area, cookie, revocations, tokens, known, proving, lasting, sessions, local, users
    )


def _sessions(core: Core, revocations: Revocations) -> SessionService:
    return SessionService(
        core.database,
        core.audit,
        core.clock,
        core.new_id,
        core.new_secret,
        revocations,
        unused=timedelta(hours=core.settings.session_hours),
        at_all=timedelta(days=core.settings.session_days),
    )


def _forget_old(core: Core, sessions: SessionService, guesses: Guesses) -> None:
    """What has ended by itself, once an hour."""

    async def forget(_job: Job) -> Result:
        gone = await sessions.forget_old()
        await guesses.forget_old()
        async with core.database.writing() as connection:
            await Recovery(connection).forget(rfc3339(core.clock()))
        return {"sessions": gone}

    core.jobs.every("people.forget", timedelta(hours=1), forget)
