"""The one place that knows which part needs which. Read it to know the program; agent/wiring
holds how each group of parts is built."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from quart import Quart

from agent.access.service import AccessService
from agent.chat.ending import CutOff
from agent.configuration import routes as setting_routes
from agent.housekeeping import Housekeeping
from agent.inference.backend import Backend
from agent.keeping.applying import apply_pending
from agent.migrations import migrate
from agent.models.pulling import CutOffPull
from agent.runs.recovering import CutOffRun
from agent.runs.service import RunService
from agent.runtime.rules import Pace
from agent.runtime.service import Runtime
from agent.settings import Settings
from agent.shared.clock import Clock, NewId, random_id, system_clock
from agent.shared.database import Database
from agent.shared.secrets import Secrets
from agent.shared.switch import Switch
from agent.shared.tasks import Tasks, running
from agent.slicer.opening import Needs, SlicerParts, open_slicer
from agent.team import routes as team_routes
from agent.team.service import TeamService
from agent.telemetry.service import Telemetry
from agent.updates import routes as update_routes
from agent.updates.service import UpdateService
from agent.version import program_version
from agent.wiring.answers import Answers, open_answers
from agent.wiring.core import Core, open_configuration, open_updates
from agent.wiring.desktop import desktop_routes
from agent.wiring.door import open_door
from agent.wiring.keeping import Keeping, open_keeping
from agent.wiring.servers import Servers, open_servers
from agent.wiring.talking import Talking, open_talking
from agent.wiring.team import open_team


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
    absent_default_model: Callable[[], str | None]
    runtime: Runtime
    end_streams: Callable[[], Awaitable[None]]
    keep_backups: Callable[[], Awaitable[object]]


@asynccontextmanager
async def open_agent(
    settings: Settings,
    *,
    clock: Clock = system_clock,
    new_id: NewId = random_id,
    pace: Pace = Pace(),  # noqa: B008 - frozen
    switch: Switch | None = None,
) -> AsyncIterator[Agent]:
    """Builds every part, runs the background jobs, and closes all of it when the block ends.

    `settings.port` is the port that the server listens on; who serves it obeys the `switch`.
    Raises Conflict, NoSpace or Unavailable if the data folder cannot be used."""
    async with AsyncExitStack() as stack:
        core = await _open_core(settings, stack, clock, new_id, switch or Switch())
        servers = await open_servers(core, pace)
        answers = await open_answers(core, servers)
        access = AccessService(core.database, settings.data_dir, clock=clock, new_id=new_id)
        slicer = await stack.enter_async_context(open_slicer(_needs(core, servers, answers)))
        talking = open_talking(core, servers, answers, slicer.desk)
        streams = Tasks()
        stack.push_async_callback(streams.close)
        cut_off = dict.fromkeys(("backup", "restore"), CutOffRun)
        await core.runs.recover(
            {"chat": CutOff, "pull": CutOffPull, **cut_off, **slicer.recoveries}
        )
        stack.push_async_callback(core.runs.close)
        updates = await open_updates(core)
        keeping = open_keeping(core, servers, answers, talking, slicer.files)
        team = await open_team(core, servers)
        others = (
            *slicer.blueprints,
            *keeping.blueprints,
            update_routes.routes(updates),
            team_routes.routes(team),
            desktop_routes(core, servers, talking, slicer.host),
            setting_routes.routes(open_configuration(core)),
        )
        app = open_door(core, servers, answers, talking, access, streams, others, team.brief)
        house = _housekeeping(core, answers, talking, slicer)
        await stack.enter_async_context(
            _jobs(core, servers, answers, house, slicer, updates, keeping, team)
        )
        stack.push_async_callback(servers.backends.close)
        await servers.backends.add(servers.ollama)
        await servers.registry.open()
        await core.runs.resume("batch", answers.batches.job)

        async def new_link() -> str:
            return access.new_ticket(settings.port).url

        async def end_streams() -> None:
            servers.runtime.end_streams()
            keeping.end_streams()
            await streams.close()
            await core.runs.close()

        yield Agent(
            app,
            core.runs,
            answers.telemetry,
            servers.ollama,
            new_link,
            house.tidy,
            servers.models.default_name,
            servers.models.absent_default,
            servers.runtime,
            end_streams,
            keeping.keep_automatically,
        )
        await core.runs.close()


async def _open_core(
    settings: Settings, stack: AsyncExitStack, clock: Clock, new_id: NewId, switch: Switch
) -> Core:
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    restored = await asyncio.to_thread(
        apply_pending, settings.data_dir, version=program_version(), now=clock()
    )
    if restored and not restored.problem:
        switch.restart()  # the settings in it count from the next opening on
    await asyncio.to_thread(migrate, settings.database_file, now=clock())
    database = Database(settings.database_file)
    stack.push_async_callback(database.close)
    runs, secrets = RunService(database, clock), Secrets(settings.data_dir)
    return Core(settings, clock, new_id, stack, database, secrets, runs, switch)


def _needs(core: Core, servers: Servers, answers: Answers) -> Needs:
    return Needs(
        settings=core.settings,
        database=core.database,
        runs=core.runs,
        images=answers.images,
        models=servers.models,
        backends=servers.backends,
        secrets=core.secrets,
        clock=core.clock,
        new_id=core.new_id,
        inference=servers.inference,
        answers=answers.service,
        guide=answers.guide,
        telemetry=answers.telemetry,
        context_tokens=servers.context_tokens,
    )


def _housekeeping(
    core: Core, answers: Answers, talking: Talking, slicer: SlicerParts
) -> Housekeeping:
    return Housekeeping(
        talking.conversations.purge,
        answers.images.tidy,
        core.runs.forget_old_events,
        answers.telemetry.forget_old,
        answers.cache.tidy,
        answers.batches.forget_old,
        *slicer.tidying,
    )


def _jobs(
    core: Core,
    servers: Servers,
    answers: Answers,
    house: Housekeeping,
    slicer: SlicerParts,
    updates: UpdateService,
    keeping: Keeping,
    team: TeamService,
) -> AbstractAsyncContextManager[None]:
    return running(
        machine=servers.profiles.run(),
        runtime=servers.runtime.run(servers.around()),
        keys=servers.registry.run(),
        saving=core.runs.run(),
        telemetry=answers.telemetry.run(),
        housekeeping=house.run(),
        updates=updates.run(),
        keeping=keeping.job(),
        team=team.run(),
        **{name: job() for name, job in slicer.jobs.items()},
    )
