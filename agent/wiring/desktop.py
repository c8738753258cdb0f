"""What the desktop asks of the agent, and how the agent starts with the computer."""

from quart import Blueprint

from agent.desktop import routes
from agent.desktop.autostart import AutostartService
from agent.desktop.service import DesktopService, Notify, Sources
from agent.shared.folders import default_data_dir
from agent.slicer.printhost.service import PrintHost
from agent.version import program_version
from agent.wiring.core import Core
from agent.wiring.servers import Servers
from agent.wiring.talking import Talking


def desktop_routes(core: Core, servers: Servers, talking: Talking, host: PrintHost) -> Blueprint:
    settings = core.settings
    desktop = DesktopService(
        Sources(
            backends=servers.backends,
            models=servers.models,
            upkeep=talking.upkeep,
            runs=core.runs,
            waiting=host.waiting,
            pulls=talking.pulls.latest,
            notify=Notify(settings.notify_pulls, settings.notify_held, settings.notify_updates),
            version=program_version(),
        )
    )
    folder = settings.data_dir
    autostart = AutostartService(None if folder == default_data_dir() else folder)
    return routes.routes(desktop, autostart)
