"""What looks after the data: backups, space, the log, and the report for support."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from quart import Blueprint

from agent.keeping import routes as backup_routes
from agent.keeping import service, storage, storage_routes
from agent.keeping.service import KeepingService
from agent.keeping.storage import Counts, StorageService
from agent.settings import BadSettings, Settings, load
from agent.shared.clock import rfc3339
from agent.slicer.files.service import FileService
from agent.support import gathering
from agent.support import routes as support_routes
from agent.support.report import Checked, Facts, shown_settings, written
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
    return Keeping(blueprints, keeping.run, logs.end_streams)


def problem_of(file: Path) -> str | None:
    """Why a file of settings would keep the agent from starting."""
    try:
        load(data_dir=file.parent)
    except BadSettings as err:
        return str(err)
    return None


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
        await core.database.shrink()

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
    from agent.commands.checks import examine  # slow import

    checks = [
        Checked(check.name, check.state.value, check.text, check.fix)
        for check in examine(settings.data_dir)
    ]
    database = settings.database_file
    whole = Facts(
        facts.version,
        facts.made_at,
        checks,
        shown_settings(settings.model_dump(), defaults()),
        facts.servers,
        facts.queues,
        gathering.counts(database),
        gathering.problems(settings.log_dir),
    )
    return written(whole, gathering.cleaner_for(settings.data_dir, database))


def defaults() -> dict[str, object]:
    """Of every setting but the data folder."""
    fields = Settings.model_fields
    return {name: field.default for name, field in fields.items() if name != "data_dir"}
