"""The HTTP side: the application, its wall, every blueprint, and what it says of itself."""

from collections.abc import Callable, Mapping, Sequence

from quart import Blueprint, Quart

from agent import guard, health, openapi, pages
from agent.access import routes as access_routes
from agent.access.limits import RateLimit
from agent.access.service import AccessService
from agent.chat import routes as chat_routes
from agent.compat import ollama_errors, ollama_routes, openai_routes
from agent.guide import routes as guide_routes
from agent.health import Health
from agent.images import routes as image_routes
from agent.inference import backend_routes, batch_routes, use_routes
from agent.inference import routes as inference_routes
from agent.inference.openai_api import errors as openai_errors
from agent.models import routes as model_routes
from agent.runs import routes as run_routes
from agent.runtime import routes as runtime_routes
from agent.shared import problems
from agent.shared.folders import data_dir_warning
from agent.shared.tasks import Tasks
from agent.shared.webapp import WebApp
from agent.slicer.printhost import speaking
from agent.telemetry import routes as telemetry_routes
from agent.telemetry.sources import BackendFacts, Metrics, RunFacts, Sources
from agent.version import program_version
from agent.wiring.answers import Answers
from agent.wiring.core import Core
from agent.wiring.servers import Servers
from agent.wiring.talking import Talking

MAX_BODY_BYTES = 256 * 1024 * 1024


def open_door(
    core: Core,
    servers: Servers,
    answers: Answers,
    talking: Talking,
    access: AccessService,
    streams: Tasks,
    others: Sequence[Blueprint],
    team: Callable[[], Mapping[str, object] | None],
) -> Quart:
    """`others` are the blueprints of parts that bring their own, `team` how the hub stands."""
    settings = core.settings
    app = _app()
    problems.install(
        app,
        {
            openai_errors.PATH: openai_errors.spoken,
            ollama_errors.PATH: ollama_errors.spoken,
            speaking.PATH: speaking.spoken,
        },
    )
    per_minute = settings.requests_per_minute
    rate = RateLimit(per_minute) if per_minute else None
    guard.install(app, access, port=settings.port, rate=rate)
    for blueprint in (
        health.routes(_health(core, servers, answers, team)),
        access_routes.routes(access, port=settings.port),
        run_routes.routes(core.runs),
        *_of_models(core, servers, talking),
        *_of_answers(core, servers, answers, talking, streams),
        *others,
        pages.routes(access, port=settings.port),
    ):
        app.register_blueprint(blueprint)
    openapi.install(app, version=program_version(), port=settings.port)
    return app


def _of_models(core: Core, servers: Servers, talking: Talking) -> list[Blueprint]:
    backends = servers.backends
    return [
        backend_routes.routes(servers.registry, core.clock),
        model_routes.upkeep_routes(talking.upkeep, talking.pulls, core.runs),
        model_routes.routes(servers.models),
        model_routes.profile_routes(servers.profiles),
        runtime_routes.routes(servers.runtime, lambda: [one.to_json() for one in backends]),
    ]


def _of_answers(
    core: Core, servers: Servers, answers: Answers, talking: Talking, streams: Tasks
) -> list[Blueprint]:
    metrics = _metrics(core, servers, answers)
    return [
        chat_routes.routes(talking.conversations, talking.asking, talking.transfer, core.runs),
        image_routes.routes(answers.images),
        inference_routes.routes([servers.queues.text, servers.queues.vision]),
        use_routes.routes(answers.service, streams),
        batch_routes.routes(answers.batches),
        guide_routes.routes(answers.guide),
        telemetry_routes.routes(answers.telemetry, metrics, core.clock),
        openai_routes.routes(answers.compat, core.clock),
        ollama_routes.routes(answers.compat, core.clock),
    ]


def _health(
    core: Core,
    servers: Servers,
    answers: Answers,
    team: Callable[[], Mapping[str, object] | None],
) -> Health:
    return Health(
        database=core.database,
        backend=servers.ollama,
        backends=servers.backends,
        models=servers.models,
        queue=servers.queues.text,
        guide=answers.guide,
        version=program_version(),
        started_at=core.clock(),
        data_dir_warning=data_dir_warning(core.settings.data_dir),
        is_paused=lambda: servers.backends.is_paused,
        team=team,
    )


def _metrics(core: Core, servers: Servers, answers: Answers) -> Metrics:
    def backends() -> list[BackendFacts]:
        return [
            BackendFacts(
                one.name, one.provider.kind, one.state.is_up, one.breaker.state, one.in_flight
            )
            for one in servers.backends
        ]

    return Metrics(
        Sources(
            answers.telemetry.tallies,
            program_version(),
            core.settings.database_file,
            queues=lambda: [servers.queues.text.state, servers.queues.vision.state],
            backends=backends,
            runs=lambda: RunFacts(len(core.runs), core.runs.ended),
            images=answers.images.stats,
            answer_cache=answers.cache.stats,
        )
    )


def _app() -> WebApp:
    app = WebApp("agent")
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        BODY_TIMEOUT=300,
        RESPONSE_TIMEOUT=60,
        PROVIDE_AUTOMATIC_OPTIONS=False,
    )
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # `//` is an address that there is not, and no page about it
    return app
