"""The one place that knows which part of the hub needs which. Read it to know the program."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from quart import Quart

from agent.shared import bodies, problems
from agent.shared.clock import Clock, NewId, NewSecret, random_id, random_secret, system_clock
from agent.shared.databases import Databases
from hub import guard, health
from hub.audit import routes as audit_routes
from hub.audit.service import AuditService
from hub.database import open_database
from hub.guard import Cookie, Guard
from hub.health import Health, Part
from hub.identity import routes as identity_routes
from hub.identity.passwords import Passwords
from hub.identity.service import LocalAccounts
from hub.identity.sessions import SessionService
from hub.sealing import Seal, secret_of
from hub.settings import Settings
from hub.users import routes as user_routes
from hub.users.service import UserService

MAX_BODY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Hub:
    """The running program, as far as the server around it, the commands and tests need it."""

    app: Quart
    local: LocalAccounts
    users: UserService
    first_link: Callable[[], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class _Parts:
    settings: Settings
    database: Databases
    audit: AuditService
    sessions: SessionService
    local: LocalAccounts
    users: UserService


@asynccontextmanager
async def open_hub(
    settings: Settings,
    *,
    clock: Clock = system_clock,
    new_id: NewId = random_id,
    new_secret: NewSecret = random_secret,
) -> AsyncIterator[Hub]:
    """Builds every part and closes all of it when the block ends.

    `settings.port` is the port that the server listens on. Raises Conflict or Unavailable if the
    database or the data folder cannot be used."""
    async with AsyncExitStack() as stack:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        given = settings.secret_key.get_secret_value() if settings.secret_key else None
        seal = Seal(secret_of(settings.data_dir, given))
        database = await stack.enter_async_context(open_database(settings))
        audit = AuditService(database, clock)
        sessions = SessionService(
            database,
            clock,
            new_id,
            new_secret,
            unused=timedelta(hours=settings.session_hours),
            at_all=timedelta(days=settings.session_days),
        )
        local = LocalAccounts(
            database, Passwords(), sessions, audit, seal, clock, new_id, new_secret
        )
        users = UserService(database, audit, clock)
        parts = _Parts(settings, database, audit, sessions, local, users)

        async def first_link() -> str | None:
            secret = await local.first_link()
            return secret and f"{settings.origin}/first#{secret}"

        yield Hub(_app(parts, clock, new_id), local, users, first_link)


def _app(parts: _Parts, clock: Clock, new_id: NewId) -> Quart:
    settings = parts.settings
    app = Quart("hub", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        BODY_TIMEOUT=300,
        RESPONSE_TIMEOUT=60,
        PROVIDE_AUTOMATIC_OPTIONS=False,
    )
    app.url_map.strict_slashes = False
    bodies.install(app)
    problems.install(app)
    cookie = Cookie(settings.is_secure)
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    door = Guard(
        app,
        parts.sessions,
        cookie,
        origin=settings.origin,
        port=settings.port,
        new_id=new_id,
        metrics_token=token,
    )
    guard.install(app, door, is_secure=settings.is_secure)
    for blueprint in (
        health.routes(Health([Part("database", parts.database.check)], clock)),
        identity_routes.routes(parts.local, parts.sessions, parts.users, cookie),
        user_routes.routes(parts.users, parts.local),
        audit_routes.routes(parts.audit),
    ):
        app.register_blueprint(blueprint)
    return app
