"""The hub's pages."""

from dataclasses import dataclass

from hub.console import routes, settings_routes
from hub.core import Area, Core
from hub.identity.opening import People


@dataclass(frozen=True, slots=True)
class Console:
    area: Area


async def open_console(core: Core, people: People) -> Console:
    """The pages as they were built, and what they alone ask for."""
    return Console(Area(blueprints=(routes.routes(), settings_routes.routes(core.settings))))
