"""The hub of a team, where this agent belongs to one."""

from agent.shared.clock import random_secret
from agent.team.models import TeamModels
from agent.team.service import TeamService
from agent.terminal import show
from agent.wiring.core import Core
from agent.wiring.servers import Servers


async def open_team(core: Core, servers: Servers) -> TeamService:
    """Nobody is asked yet. Closed by the stack of the core."""
    settings = core.settings
    models = TeamModels(
        servers.backends,
        core.clock,
        allowed=settings.allowed,
        first_token_s=settings.first_token_seconds,
        stall_s=settings.stall_seconds,
    )
    team = TeamService(
        settings.data_dir,
        core.secrets,
        models,
        core.clock,
        random_secret,
        allowed=settings.allowed,
        open_page=show,
    )
    core.stack.push_async_callback(team.close)
    await team.open()
    return team
