"""The one place that knows which part of the hub needs which. Read it to know the program; each
area's opening.py holds how it is built."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from quart import Quart

from agent.shared import problems
from agent.shared.clock import Clock, NewId, NewSecret, random_id, random_secret, system_clock
from agent.shared.loops import Loops
from agent.shared.tasks import running
from agent.shared.webapp import WebApp
from hub import guard, health, openapi, sealed
from hub.ai.opening import open_ai
from hub.artefacts.opening import open_artefacts
from hub.audit.service import AuditService
from hub.chat.opening import open_chat
from hub.console.opening import open_console
from hub.core import Area, Core
from hub.database import open_database
from hub.groups.opening import open_groups
from hub.guard import Guard
from hub.health import Health, Part
from hub.identity.opening import People, open_people
from hub.identity.service import LocalAccounts
from hub.jobs.finding import Kind
from hub.jobs.opening import JobParts, open_jobs
from hub.jobs.service import Jobs
from hub.keys.opening import open_keys
from hub.limits.opening import open_limits
from hub.machines.opening import open_machines
from hub.oidc.opening import open_oidc
from hub.operation.opening import Operation, open_operation
from hub.redis import SharedRedis
from hub.scim.opening import open_scim
from hub.sealing import Seal, secret_of
from hub.settings import Settings
from hub.users.service import UserService

MISTAKE = "The hub made a mistake. Its log has the details, by the id of this request."
MAX_BODY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Hub:
    """The running program, as far as the server around it, the commands and tests need it."""

    app: Quart
    core: Core
    local: LocalAccounts
    users: UserService
    jobs: JobParts
    first_link: Callable[[], Awaitable[str | None]]
    end_streams: Callable[[], Awaitable[None]]
    parts: list[Part]


@asynccontextmanager
async def open_hub(
    settings: Settings,
    *,
    kind: Kind = "hub",
    clock: Clock = system_clock,
    new_id: NewId = random_id,
    new_secret: NewSecret = random_secret,
) -> AsyncIterator[Hub]:
    """Builds every part, runs the background loops, and closes all of it when the block ends. Of
    the loops a `worker` runs that of the jobs alone, and a `command` none.

    `settings.port` is the port that the server listens on. Raises Conflict or Unavailable if the
    database or the data folder cannot be used."""
    async with AsyncExitStack() as stack:
        core = await _open_core(settings, stack, clock, new_id, new_secret)
        people = await open_people(core)
        jobs = await open_jobs(core, kind)
        areas = await _open_areas(core, people, jobs, kind)
        at_work = {"hub": areas, "worker": [jobs.area], "command": []}[kind]
        loops = Loops({name: loop for area in at_work for name, loop in area.loops.items()})
        parts = [*_stood_on(core, areas), Part("loops", loops.check, is_needed=False)]
        operation = await open_operation(core, jobs, areas, parts)
        areas.append(operation.area)
        app = _app(core, people, areas, parts, operation)
        if kind != "command":  # what it refuses would leave these as a group of errors
            await stack.enter_async_context(running(**loops.coroutines()))

        async def first_link() -> str | None:
            secret = await people.local.first_link()
            return secret and f"{settings.origin}/first#{secret}"

        async def end_streams() -> None:
            for area in areas:
                for end in area.endings:
                    await end()

        yield Hub(app, core, people.local, people.users, jobs, first_link, end_streams, parts)


async def _open_core(
    settings: Settings, stack: AsyncExitStack, clock: Clock, new_id: NewId, new_secret: NewSecret
) -> Core:
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    given = settings.secret_key.get_secret_value() if settings.secret_key else None
    seal = Seal(secret_of(settings.data_dir, given))
    database = await stack.enter_async_context(open_database(settings))
    redis = SharedRedis(settings.redis_url.get_secret_value()) if settings.redis_url else None
    if redis is not None:
        stack.push_async_callback(redis.close)
    audit = AuditService(database, clock)
    jobs = Jobs(database, clock, new_id, audit)
    return Core(settings, clock, new_id, new_secret, stack, database, redis, seal, audit, jobs)


async def _open_areas(core: Core, people: People, jobs: JobParts, kind: Kind) -> list[Area]:
    groups = await open_groups(core, people)
    limits = await open_limits(core, people)
    keys = await open_keys(core, people)
    oidc = await open_oidc(core, people, groups)
    scim = await open_scim(core, people, groups)
    machines = await open_machines(core, people)
    ai = await open_ai(core, people, limits, kind)
    artefacts = await open_artefacts(core, ai)
    chat = await open_chat(core, ai, artefacts)
    console = await open_console(core, people)
    parts = (people, groups, limits, jobs, keys, oidc, scim, machines, ai, chat, artefacts)
    return [*(part.area for part in parts), console.area]


def _app(
    core: Core, people: People, areas: Iterable[Area], parts: list[Part], operation: Operation
) -> Quart:
    settings = core.settings
    app = WebApp("hub")
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        BODY_TIMEOUT=300,
        RESPONSE_TIMEOUT=60,
        PROVIDE_AUTOMATIC_OPTIONS=False,
    )
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # `//` is an address that there is not, and no page about it
    dialects = {below: one for area in areas for below, one in area.dialects.items()}
    problems.install(app, dialects, mistake=MISTAKE, realm="orca-hub", docs="/api/v1/docs")
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    door = Guard(
        app,
        people.sessions,
        people.known,
        people.cookie,
        origin=settings.origin,
        port=settings.port,
        new_id=core.new_id,
        metrics_token=token,
        bearers={prefix: one for area in areas for prefix, one in area.bearers.items()},
        doors=[one for area in areas for one in area.doors],
        lent=operation.lent,
    )
    operation.before_guard(app)
    guard.install(app, door, is_secure=settings.is_secure)
    operation.behind_guard(app)
    app.register_blueprint(health.routes(Health(parts, core.clock)))
    for area in areas:
        for blueprint in area.blueprints:
            app.register_blueprint(blueprint)
    openapi.install(app, people.cookie)
    return app


def _stood_on(core: Core, areas: Iterable[Area]) -> list[Part]:
    parts = [Part("database", core.database.check), sealed.part(core.database, core.seal)]
    if core.redis is not None:
        parts.append(Part("redis", core.redis.check, is_needed=False))
    return [*parts, *(part for area in areas for part in area.health)]
