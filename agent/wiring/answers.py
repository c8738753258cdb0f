"""What makes answers: pictures, the guide, measurements, the cache, and all uses of a model."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from agent.compat.service import CompatService
from agent.guide.service import Guide
from agent.images.rules import Shrink
from agent.images.service import ImageService, open_images
from agent.inference.asked import Preparing
from agent.inference.batch import BatchService
from agent.inference.batch import Parts as BatchParts
from agent.inference.cache import AnswerCache
from agent.inference.fitting import Defaults
from agent.inference.service import AnswerService
from agent.inference.wishes import batch_item
from agent.telemetry.service import Telemetry
from agent.telemetry.tracing import tracing_to
from agent.version import program_version
from agent.wiring.core import Core
from agent.wiring.servers import Servers


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers for programs; those in a conversation are made of the same."""

    guide: Guide
    images: ImageService
    telemetry: Telemetry
    cache: AnswerCache
    service: AnswerService
    batches: BatchService
    compat: CompatService


async def open_answers(core: Core, servers: Servers) -> Answers:
    """What was kept of answers is read; nothing is asked of a model."""
    settings = core.settings
    guide = Guide.open()
    core.stack.callback(guide.close)
    images = await _open_images(core)
    telemetry = _open_telemetry(core)
    cache = await _open_cache(core)
    defaults = Defaults(
        settings.context_tokens,
        settings.answer_tokens,
        settings.keep_alive,
        uses_cache=settings.answer_cache,
    )
    models, backends = servers.models, servers.backends
    preparing = Preparing(models, backends, images, defaults, servers.context_tokens)
    service = AnswerService(servers.inference, preparing, models, cache, telemetry.measure)
    vision, text = servers.queues.vision, servers.queues.text
    batches = BatchService(
        BatchParts(
            core.database,
            core.runs,
            service,
            images,
            batch_item,
            places=lambda use: (vision if use == "vlm" else text).limit,
        ),
        core.clock,
        core.new_id,
    )
    compat = CompatService(
        servers.inference,
        backends,
        models,
        images,
        telemetry,
        defaults,
        servers.context_tokens,
    )
    return Answers(guide, images, telemetry, cache, service, batches, compat)


async def _open_images(core: Core) -> ImageService:
    settings = core.settings
    shrink = Shrink(
        settings.image_max_edge, settings.image_max_bytes, settings.image_format, png_stays=True
    )
    return await core.stack.enter_async_context(
        open_images(
            core.database,
            settings.image_dir,
            core.clock,
            cache_file=settings.image_cache_file,
            cache_bytes=settings.image_cache_mb << 20,
            cache_age=timedelta(minutes=settings.image_cache_minutes),
            decode_s=settings.image_seconds,
            for_models=shrink,
        )
    )


async def _open_cache(core: Core) -> AnswerCache:
    settings = core.settings
    cache = AnswerCache(
        core.database,
        core.clock,
        limit_bytes=settings.answer_cache_mb << 20,
        age=timedelta(hours=settings.answer_cache_hours),
    )
    await cache.open()
    core.stack.push_async_callback(cache.close)
    return cache


def _open_telemetry(core: Core) -> Telemetry:
    settings = core.settings
    if tracing := tracing_to(settings.otlp_endpoint, program_version()):
        core.stack.push_async_callback(asyncio.to_thread, tracing.close)
    telemetry = Telemetry(
        core.database,
        core.clock,
        keep_days=settings.telemetry_days,
        logs_prompts=settings.log_prompts,
        export=tracing,
    )
    core.stack.push_async_callback(telemetry.close)
    return telemetry
