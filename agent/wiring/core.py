"""What every part stands on: the settings, the database, time and names, and who closes."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from agent.configuration.service import SettingsService
from agent.runs.service import RunService
from agent.settings import Settings
from agent.shared.clock import Clock, NewId
from agent.shared.database import Database
from agent.shared.secrets import Secrets
from agent.shared.switch import Switch
from agent.updates.service import UpdateService
from agent.version import program_version


@dataclass(frozen=True, slots=True)
class Core:
    """Handed to every group of parts. What a group opens, it has closed by `stack`."""

    settings: Settings
    clock: Clock
    new_id: NewId
    stack: AsyncExitStack
    database: Database
    secrets: Secrets
    runs: RunService
    switch: Switch


def open_configuration(core: Core) -> SettingsService:
    """The settings as a page offers them."""
    service = SettingsService(core.settings, core.secrets, core.switch, busy=lambda: len(core.runs))
    core.stack.push_async_callback(service.close)
    return service


async def open_updates(core: Core) -> UpdateService:
    """What is known of newer versions."""
    settings = core.settings
    updates = UpdateService(
        settings.data_dir / "updates",
        core.clock,
        is_on=settings.update_check,
        url=settings.update_url,
        root=settings.update_root,
        version=program_version(),
    )
    await updates.open()
    return updates
