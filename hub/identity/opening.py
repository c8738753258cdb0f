"""People and the sessions of their browsers."""

from dataclasses import dataclass
from datetime import timedelta

from hub.audit import routes as audit_routes
from hub.core import Area, Core
from hub.guard import Cookie
from hub.identity import routes
from hub.identity.passwords import Passwords
from hub.identity.principals import TokenSeam
from hub.identity.revocations import Revocations
from hub.identity.service import LocalAccounts
from hub.identity.sessions import SessionService
from hub.users import routes as user_routes
from hub.users.service import UserService


@dataclass(frozen=True, slots=True)
class People:
    area: Area
    cookie: Cookie
    revocations: Revocations
    tokens: TokenSeam
    sessions: SessionService
    local: LocalAccounts
    users: UserService


async def open_people(core: Core) -> People:
    """Accounts of this hub, whoever vouches for them."""
    settings = core.settings
    cookie = Cookie(settings.is_secure)
    revocations, tokens = Revocations(core.clock, core.redis), TokenSeam()
    sessions = SessionService(
        core.database,
        core.clock,
        core.new_id,
        core.new_secret,
        revocations,
        unused=timedelta(hours=settings.session_hours),
        at_all=timedelta(days=settings.session_days),
    )
    local = LocalAccounts(
        core.database,
        Passwords(),
        sessions,
        core.audit,
        core.seal,
        core.clock,
        core.new_id,
        core.new_secret,
    )
    users = UserService(core.database, core.audit, revocations, core.clock)
    area = Area(
        blueprints=(
            routes.routes(local, sessions, users, cookie),
            user_routes.routes(users, local),
            audit_routes.routes(core.audit),
        ),
        loops={"revocations": revocations.listen},
    )
    return People(area, cookie, revocations, tokens, sessions, local, users)
