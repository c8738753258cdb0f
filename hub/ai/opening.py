"""Models for the team."""

from dataclasses import dataclass, replace

from agent.images.rules import Shrink
from agent.images.service import ImageService, open_images
from agent.inference.backends import Backends
from agent.inference.fitting import Defaults
from agent.inference.inference import Inference
from agent.inference.openai_api import errors
from agent.inference.queue import Queue, Queues
from agent.runs.pen import Pen
from agent.runs.service import RunService
from agent.shared.errors import Conflict, Unavailable
from agent.shared.tasks import Tasks
from hub.ai import admin_routes, openai_routes, routes
from hub.ai.admin import PolicyService, ProviderService, Written
from hub.ai.asking import Asking
from hub.ai.catalogue import Catalogue
from hub.ai.choosing import Speed
from hub.ai.configuration import Configuration, nobody
from hub.ai.direct import Direct
from hub.ai.following import Following
from hub.ai.news import News, TellingPen
from hub.ai.pen import LanePen
from hub.ai.planning import KEEP_ALIVE, ModelDefaults, Planner
from hub.ai.prices import Prices
from hub.ai.replicas import Replica, Watch
from hub.ai.route_service import RouteService
from hub.ai.servers import Servers
from hub.ai.service import AiService
from hub.ai.specs import fixed_specs
from hub.ai.upkeep import add_upkeep, readings
from hub.core import Area, Core
from hub.health import Part
from hub.identity.opening import People
from hub.jobs.finding import Kind
from hub.limits.lanes import Lanes
from hub.limits.opening import Limits
from hub.postgres import PostgresDatabase
from hub.settings import BadSettings, Settings

SAVING_TRIES = 10  # some ten seconds, in which a database may come back
MISTAKE = "The hub made a mistake. Its log has the details."


@dataclass(frozen=True, slots=True)
class Ai:
    """`service` is what conversations and artefacts ask; they register what their runs are for.
    `runs` and `queues` are what is measured."""

    area: Area
    service: AiService
    following: Following
    runs: RunService
    queues: Queues
    providers: ProviderService


@dataclass(frozen=True, slots=True)
class _Asked:
    """The way to the models."""

    servers: Servers
    configuration: Configuration
    planner: Planner
    asking: Asking
    catalogue: Catalogue
    queues: Queues


async def open_ai(core: Core, people: People, limits: Limits, kind: Kind = "hub") -> Ai:
    """Providers, routes and policy, and the runs that ask them, which only a hub has."""
    asked = await _open_asking(core, limits)
    lanes = _lanes(core)
    news = News(core.redis)
    core.stack.push_async_callback(news.close)
    runs, replica = await _open_runs(core, lanes, kind, news)
    following = Following(core.database, runs, news)
    service = AiService(
        core.database,
        runs,
        asked.planner,
        asked.asking,
        following,
        replica_id=replica.id,
        lanes=lanes,
        clock=core.clock,
        new_id=core.new_id,
    )
    watch = Watch(
        replica,
        core.database,
        count=runs.__len__,
        is_here=service.is_here,
        recover=service.recover,
        cancel=runs.cancel,
        unwanted=news.unwanted,
    )
    area, providers = _area(core, asked, service, following, runs)
    loops = {
        "events of runs": runs.run,
        "life of this replica": watch.keep_beating,
        "unwanted runs": watch.keep_stopping,
        "news of runs": news.listen,
        "model servers": asked.configuration.run,
    }
    area = replace(area, loops=loops)
    return Ai(area, service, following, runs, asked.queues, providers)


def _area(
    core: Core, asked: _Asked, service: AiService, following: Following, runs: RunService
) -> tuple[Area, ProviderService]:
    written = Written(core.database, core.audit, asked.configuration, core.clock, core.new_id)
    parallel = core.settings.model_parallel
    providers = ProviderService(written, asked.servers, core.seal, parallel=parallel)
    routing, policy = RouteService(written), PolicyService(written)
    area = Area(
        blueprints=(
            *routes.routes(service, following, asked.catalogue),
            *admin_routes.routes(providers, routing, policy, asked.catalogue),
            openai_routes.routes(_open_direct(core, asked), core.clock),
        ),
        dialects={errors.PATH: errors.spoken},
        health=(_health(asked.servers),),
        readings=(readings(asked.servers, asked.queues, runs),),
        endings=(runs.close,),
    )
    return area, providers


def _lanes(core: Core) -> Lanes | None:
    if not isinstance(core.database, PostgresDatabase):
        return None
    lanes = Lanes(core.database)
    core.stack.push_async_callback(lanes.close)
    return lanes


async def _open_runs(
    core: Core, lanes: Lanes | None, kind: Kind, news: News
) -> tuple[RunService, Replica]:
    is_alone = core.settings.database_url is None
    replica = Replica(core.database, core.clock, core.new_id(), is_alone=is_alone)
    if kind == "hub":  # nothing else keeps beating, and others would take it for dead
        await replica.join()
        core.stack.push_async_callback(replica.leave)
    pen = LanePen(core.database, replica, lanes) if lanes else Pen(core.database, replica)
    told = TellingPen(pen, news)
    runs = RunService(core.database, core.clock, pen=told, mistake=MISTAKE, tries=SAVING_TRIES)
    core.stack.push_async_callback(runs.close)
    add_upkeep(core, runs)
    return runs, replica


def _open_direct(core: Core, asked: _Asked) -> Direct:
    settling = Tasks()
    core.stack.push_async_callback(settling.close)
    return Direct(asked.planner, asked.asking, asked.catalogue, settling)


async def _open_asking(core: Core, limits: Limits) -> _Asked:
    settings = core.settings
    queues = Queues(*(_queue(name, settings) for name in ("text", "vision")))
    backends = Backends(queues)
    core.stack.push_async_callback(backends.close)
    servers = Servers(
        backends, core.clock, first_token_s=settings.first_token_s, stall_s=settings.stall_s
    )
    core.stack.push_async_callback(servers.close)
    try:
        fixed = fixed_specs(settings)
    except BadSettings as err:
        raise Conflict("bad-settings", str(err)) from None
    configuration = Configuration(core.database, servers, core.seal, fixed)
    await configuration.look()
    speeds: dict[tuple[str, str], Speed] = {}
    planner = Planner(
        configuration,
        servers,
        await _open_images(core),
        Prices(limits.quotas.prices),
        speeds,
        _defaults(settings),
    )
    asking = Asking(Inference(backends, queues), limits.quotas, speeds)
    catalogue = Catalogue(configuration, planner, speeds)
    return _Asked(servers, configuration, planner, asking, catalogue, queues)


async def _open_images(core: Core) -> ImageService:
    """Shrinks what is sent along; nothing of it is kept but a cache."""
    return await core.stack.enter_async_context(
        open_images(
            core.database,
            core.settings.data_dir / "images",
            core.clock,
            cache_file=core.settings.data_dir / "images.cache",
            for_models=Shrink(max_edge=1536, max_bytes=1_500_000, format="jpeg", png_stays=True),
            cache_bytes=64 << 20,
        )
    )


def _queue(name: str, settings: Settings) -> Queue:
    return Queue(
        name, lanes={}, capacity=settings.model_waiting, wait_limit_s=settings.model_wait_s
    )


def _defaults(settings: Settings) -> ModelDefaults:
    chat = Defaults(settings.chat_context, settings.chat_answer, KEEP_ALIVE)
    code = Defaults(settings.code_context, settings.code_answer, KEEP_ALIVE)
    return ModelDefaults(
        {"chat": settings.default_model, "code": settings.code_model or settings.default_model},
        {"chat": chat, "code": code},
    )


def _health(servers: Servers) -> Part:
    async def check() -> None:
        if len(servers) and not servers.is_any_up():
            raise nobody()

    async def examine() -> str:
        await servers.look_at_all()
        up = servers.up()
        if not up:
            raise Unavailable("no-model-servers", "No model server is set.")
        if not any(up.values()):
            raise nobody()
        return f"{sum(up.values())} of {len(up)} answer."

    fix = "Add one in the console under Models, or see there why none answers."
    return Part("providers", check, is_needed=False, examine=examine, fix=fix)
