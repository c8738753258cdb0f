"""The one place that knows which part needs which. Read it to know the program."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from quart import Quart

from agent import guard, health, openapi, pages
from agent.access import routes as access_routes
from agent.access.limits import RateLimit
from agent.access.service import AccessService
from agent.chat import routes as chat_routes
from agent.chat.answering import CutOff, Parts
from agent.chat.asking import AskingService
from agent.chat.prompt import Limits
from agent.chat.service import ConversationService
from agent.chat.transfer import TransferService
from agent.compat import ollama_errors, ollama_routes, openai_errors, openai_routes
from agent.compat.service import CompatService
from agent.guide import routes as guide_routes
from agent.guide.service import Guide
from agent.health import Health
from agent.housekeeping import Housekeeping
from agent.images import routes as image_routes
from agent.images.rules import Shrink
from agent.images.service import open_images
from agent.inference import backend_routes, batch_routes, use_routes
from agent.inference import routes as inference_routes
from agent.inference.asked import Preparing
from agent.inference.backend import Backend
from agent.inference.backend import Limits as Lanes
from agent.inference.backends import Backends
from agent.inference.batch import BatchService
from agent.inference.batch import Parts as BatchParts
from agent.inference.cache import AnswerCache
from agent.inference.fitting import Defaults as AnswerDefaults
from agent.inference.inference import Inference
from agent.inference.ollama import Ollama
from agent.inference.queue import Queue, Queues
from agent.inference.registry import BackendService, Patience
from agent.inference.service import AnswerService
from agent.inference.wishes import batch_item
from agent.migrations import migrate
from agent.models import routes as model_routes
from agent.models.hardware import memory_in_reach
from agent.models.overrides import overrides_of
from agent.models.profiles import OWN_NAME, Profiles
from agent.models.pulling import CutOffPull, PullService
from agent.models.service import ModelService
from agent.models.upkeep import UpkeepService
from agent.runs import routes as run_routes
from agent.runs.service import RunService
from agent.runtime import routes as runtime_routes
from agent.runtime.rules import Pace, Sizing, memory_limit_bytes
from agent.runtime.service import Runtime
from agent.runtime.watch import Policy, Surroundings, Watch
from agent.settings import Settings
from agent.shared import problems
from agent.shared.clock import Clock, NewId, random_id, system_clock
from agent.shared.database import Database
from agent.shared.folders import data_dir_warning
from agent.shared.secrets import Secrets
from agent.shared.tasks import Tasks, running
from agent.telemetry import routes as telemetry_routes
from agent.telemetry.service import Telemetry
from agent.telemetry.sources import BackendFacts, Metrics, RunFacts, Sources
from agent.telemetry.tracing import tracing_to
from agent.version import program_version

MAX_BODY_BYTES = 256 * 1024 * 1024
QUEUE_WAIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Agent:
    """The running program, as far as the server around it and tests need it."""

    app: Quart
    runs: RunService
    telemetry: Telemetry
    backend: Backend
    new_link: Callable[[], Awaitable[str]]
    tidy: Callable[[], Awaitable[None]]
    default_model: Callable[[], str | None]
    runtime: Runtime
    end_streams: Callable[[], Awaitable[None]]


@asynccontextmanager
async def open_agent(  # noqa: PLR0915 - the wiring, read from top to bottom
    settings: Settings,
    *,
    clock: Clock = system_clock,
    new_id: NewId = random_id,
    pace: Pace = Pace(),  # noqa: B008 - frozen
) -> AsyncIterator[Agent]:
    """Builds every part, runs the background jobs, and closes all of it when the block ends.

    `settings.port` is the port that the server listens on. Raises Conflict, NoSpace or
    Unavailable if the data folder cannot be used."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    await asyncio.to_thread(migrate, settings.database_file, now=clock())
    async with AsyncExitStack() as stack:
        database = Database(settings.database_file)
        stack.push_async_callback(database.close)
        memory_bytes, _ = memory_in_reach()
        policy = Policy(
            manages=settings.manage_ollama == "auto",
            binary=settings.ollama_binary,
            memory_limit_bytes=memory_limit_bytes(memory_bytes, settings.ollama_memory_mb),
        )
        ollama = Ollama(
            settings.ollama_url,
            first_byte_s=settings.first_token_seconds,
            idle_s=settings.stall_seconds,
        )
        lanes = Lanes(settings.concurrent_chats, settings.concurrent_visions)
        backend = Backend(ollama, limits=lanes, clock=clock)

        def moved(url: str) -> None:
            ollama.move_to(url)
            backend.has_moved()

        runtime = Runtime(
            Watch(
                settings.ollama_url,
                settings.data_dir,
                settings.log_dir,
                policy,
                pace=pace,
                clock=clock,
                moved=moved,
            )
        )
        stack.push_async_callback(runtime.close)
        await runtime.prepare()
        backend.on_silence = runtime.stalled
        text, vision = (
            Queue(name, lanes={}, capacity=settings.waiting_chats, wait_limit_s=QUEUE_WAIT_S)
            for name in ("text", "vision")
        )
        queues = Queues(text, vision)
        backends = Backends(queues)
        servers = BackendService(
            database,
            backends,
            Secrets(settings.data_dir),
            Patience(settings.first_token_seconds, settings.stall_seconds),
            clock=clock,
            new_id=new_id,
        )
        profiles = Profiles(settings.data_dir / OWN_NAME, overrides_of(settings))
        models = ModelService(
            backends,
            default_model=settings.default_model,
            memory_bytes=memory_bytes,
            profiles=profiles,
        )

        async def context_tokens() -> int:
            """As set, else as the profile of this computer says."""
            found = await profiles.settle()
            return int(found.options["num_ctx"]) if found else settings.context_tokens

        guide = Guide.open()
        stack.callback(guide.close)
        images = await stack.enter_async_context(
            open_images(
                database,
                settings.image_dir,
                clock,
                cache_file=settings.image_cache_file,
                cache_bytes=settings.image_cache_mb << 20,
                cache_age=timedelta(minutes=settings.image_cache_minutes),
                decode_s=settings.image_seconds,
                for_models=Shrink(
                    settings.image_max_edge,
                    settings.image_max_bytes,
                    settings.image_format,
                    png_stays=True,
                ),
            )
        )
        access = AccessService(database, settings.data_dir, clock=clock, new_id=new_id)
        if tracing := tracing_to(settings.otlp_endpoint, program_version()):
            stack.push_async_callback(asyncio.to_thread, tracing.close)
        telemetry = Telemetry(
            database,
            clock,
            keep_days=settings.telemetry_days,
            logs_prompts=settings.log_prompts,
            export=tracing,
        )
        stack.push_async_callback(telemetry.close)

        runs = RunService(database, clock)
        limits = Limits(
            context_tokens=settings.context_tokens,
            answer_tokens=settings.answer_tokens,
            keep_alive=settings.keep_alive,
            uses_guide=settings.guide,
        )
        inference = Inference(backends, queues)
        cache = AnswerCache(
            database,
            clock,
            limit_bytes=settings.answer_cache_mb << 20,
            age=timedelta(hours=settings.answer_cache_hours),
        )
        await cache.open()
        stack.push_async_callback(cache.close)
        defaults = AnswerDefaults(
            settings.context_tokens,
            settings.answer_tokens,
            settings.keep_alive,
            uses_cache=settings.answer_cache,
        )
        preparing = Preparing(models, backends, images, defaults, context_tokens)
        answers = AnswerService(inference, preparing, models, cache, telemetry.measure)
        batches = BatchService(
            BatchParts(
                database,
                runs,
                answers,
                images,
                batch_item,
                places=lambda use: (vision if use == "vlm" else text).limit,
            ),
            clock,
            new_id,
        )
        streams = Tasks()
        stack.push_async_callback(streams.close)
        parts = Parts(
            database,
            backend,
            queues,
            inference,
            models,
            images,
            guide,
            limits,
            telemetry,
            context_tokens,
        )
        compat = CompatService(
            inference,
            backends,
            models,
            images,
            telemetry,
            defaults,
            context_tokens,
        )
        conversations = ConversationService(database, runs, clock, new_id)
        asking = AskingService(parts, runs, clock, new_id)
        transfer = TransferService(database, images, clock)
        pulls = PullService(backends, runs, database, clock, new_id)
        upkeep = UpkeepService(
            models,
            backends,
            pulls,
            named_by=conversations.count_naming,
            context_tokens=context_tokens,
            keep_alive=settings.keep_alive,
        )
        await runs.recover({"chat": CutOff, "pull": CutOffPull})
        stack.push_async_callback(runs.close)

        status = Health(
            database=database,
            backend=backend,
            models=models,
            queue=text,
            guide=guide,
            version=program_version(),
            started_at=clock(),
            data_dir_warning=data_dir_warning(settings.data_dir),
        )
        metrics = Metrics(
            Sources(
                telemetry.tallies,
                program_version(),
                settings.database_file,
                queues=lambda: [text.state, vision.state],
                backends=lambda: [
                    BackendFacts(
                        one.name,
                        one.provider.kind,
                        one.state.is_up,
                        one.breaker.state,
                        one.in_flight,
                    )
                    for one in backends
                ],
                runs=lambda: RunFacts(len(runs), runs.ended),
                images=images.stats,
                answer_cache=cache.stats,
            )
        )
        app = _app()
        problems.install(
            app,
            {openai_errors.PATH: openai_errors.spoken, ollama_errors.PATH: ollama_errors.spoken},
        )
        per_minute = settings.requests_per_minute
        rate = RateLimit(per_minute) if per_minute else None
        guard.install(app, access, port=settings.port, rate=rate)
        for blueprint in (
            health.routes(status),
            access_routes.routes(access, port=settings.port),
            chat_routes.routes(conversations, asking, transfer, runs),
            run_routes.routes(runs),
            image_routes.routes(images),
            inference_routes.routes([text, vision]),
            backend_routes.routes(servers, clock),
            use_routes.routes(answers, streams),
            batch_routes.routes(batches),
            model_routes.upkeep_routes(upkeep, pulls, runs),
            model_routes.routes(models),
            model_routes.profile_routes(profiles),
            runtime_routes.routes(runtime, lambda: [one.to_json() for one in backends]),
            guide_routes.routes(guide),
            telemetry_routes.routes(telemetry, metrics, clock),
            openai_routes.routes(compat, clock),
            ollama_routes.routes(compat, clock),
            pages.routes(access, port=settings.port),
        ):
            app.register_blueprint(blueprint)
        openapi.install(app, version=program_version(), port=settings.port)

        async def new_link() -> str:
            return access.new_ticket(settings.port).url

        async def end_streams() -> None:
            runtime.end_streams()
            await streams.close()
            await runs.close()

        async def sizing() -> Sizing:
            found = await profiles.settle()
            return Sizing.of(found.options if found else {})

        around = Surroundings(
            sizing,
            is_idle=lambda: not any(q.state.running or q.state.waiting for q in (text, vision)),
            models_loaded=lambda: len(backend.state.loaded),
        )
        house = Housekeeping(
            conversations.purge,
            images.tidy,
            runs.forget_old_events,
            telemetry.forget_old,
            cache.tidy,
            batches.forget_old,
        )
        jobs = running(
            machine=profiles.run(),
            runtime=runtime.run(around),
            keys=servers.run(),
            saving=runs.run(),
            telemetry=telemetry.run(),
            housekeeping=house.run(),
        )
        await stack.enter_async_context(jobs)
        stack.push_async_callback(backends.close)
        await backends.add(backend)
        await servers.open()
        await runs.resume("batch", batches.job)
        yield Agent(
            app,
            runs,
            telemetry,
            backend,
            new_link,
            house.tidy,
            models.default_name,
            runtime,
            end_streams,
        )
        await runs.close()


def _app() -> Quart:
    app = Quart("agent", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        BODY_TIMEOUT=300,
        RESPONSE_TIMEOUT=60,
        PROVIDE_AUTOMATIC_OPTIONS=False,
    )
    app.url_map.strict_slashes = False
    return app
