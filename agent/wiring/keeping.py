"""What looks after the data: backups, space, the log, and the report for support."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from quart import Blueprint

from agent.keeping import routes as backup_routes
from agent.keeping import service, storage, storage_routes
from agent.keeping.service import KeepingService
from agent.keeping.storage import Counts, StorageService
from agent.keeping.words import forget_words
from agent.settings import Settings, problem_of
from agent.shared.clock import rfc3339
from agent.slicer.files.service import FileService
from agent.support import routes as support_routes
from agent.support.report import Facts
from agent.support.service import LogService
from agent.version import program_version
from agent.wiring.answers import Answers
from agent.wiring.core import Core
from agent.wiring.servers import Servers
from agent.wiring.talking import Talking

KEPT_UNUSED = timedelta(hours=1)  # a picture that somebody is about to send


@dataclass(frozen=True, slots=True)
class Keeping:
    """What the agent registers and runs; `end_streams` lets readers of the log go."""

    blueprints: tuple[Blueprint, ...]
    job: Callable[[], Coroutine[Any, Any, None]]  # Any: of typeshed
    keep_automatically: Callable[[], Awaitable[object]]
    end_streams: Callable[[], None]


def open_keeping(
    core: Core, servers: Servers, answers: Answers, talking: Talking, files: FileService
) -> Keeping:
    """Closed by the stack of the core."""
    settings = core.settings
    keeping = KeepingService(
        service.Parts(
            settings.data_dir,
            core.database,
            core.runs,
            problem_of,
            core.switch.restart,
            program_version(),
            settings.backup_every_days,
            settings.backup_keep,
        ),
        core.clock,
        core.new_id,
    )
    core.stack.push_async_callback(keeping.close)
    logs = LogService(settings.log_dir)

    async def report() -> str:
        facts = _facts(core, servers)
        return await asyncio.to_thread(_written, settings, facts)

    blueprints = (
        backup_routes.routes(keeping),
        storage_routes.routes(
            _storage(core, servers, answers, talking, files), str(settings.data_dir)
        ),
        support_routes.routes(logs, report),
    )
    return Keeping(blueprints, keeping.run, keeping.keep_automatically, logs.end_streams)


def _storage(
    core: Core, servers: Servers, answers: Answers, talking: Talking, files: FileService
) -> StorageService:
    async def counts() -> Counts:
        images, kept = await answers.images.stats(), answers.cache.stats()
        models = [
            model.size_bytes
            for backend in servers.backends
            for model in backend.state.models
            if not model.is_remote
        ]
        return Counts(
            conversations=await talking.conversations.count(),
            answers=(int(kept["entries"]), int(kept["size_bytes"])),
            images=images.count,
            models=(len(models), sum(models)),
        )

    async def clean_database() -> None:
        await talking.conversations.purge(keep=timedelta(0))
        await core.database.shrink(forget_words)

    return StorageService(
        storage.Parts(
            core.settings.data_dir,
            counts,
            {
                "database": clean_database,
                "images": lambda: answers.images.tidy(grace=KEPT_UNUSED),
                "image_cache": answers.images.forget_variants,
                "answer_cache": answers.cache.empty,
                "slicer_files": files.clear,
            },
        )
    )


def _facts(core: Core, servers: Servers) -> Facts:
    """What the running parts know."""
    rows = [
        (
            str(number),
            f"{one.provider.kind}, {one.state.state}, version {one.state.version or '?'}, "
            f"{len(one.state.models)} models, breaker {one.breaker.state}, {one.in_flight} at "
            f"work. {one.state.detail or ''}".strip(),
        )
        for number, one in enumerate(servers.backends, 1)
    ]
    queues = [
        (state.name, f"{state.running} running, {state.waiting} waiting, {state.rejected} refused")
        for state in (servers.queues.text.state, servers.queues.vision.state)
    ]
    return Facts(program_version(), rfc3339(core.clock()), servers=rows, queues=queues)


def _written(settings: Settings, facts: Facts) -> str:
    """Blocking: doctor looks at everything around, too."""
    from agent.commands.reporting import report_of  # slow import

    return report_of(settings.data_dir, facts, settings)
