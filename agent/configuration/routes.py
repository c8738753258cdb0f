"""The settings, and the two switches that a page has: open anew, and end."""

from quart import Blueprint, Response

from agent.configuration import shapes
from agent.configuration.service import SettingsService
from agent.shared import web


def routes(settings: SettingsService) -> Blueprint:
    bp = Blueprint("settings", __name__, url_prefix="/api/v1")

    async def told() -> Response:
        items, problem = await settings.list_all()
        managed = settings.managed_name
        return web.json(
            {
                "items": [shapes.setting(one) for one in items],
                "restart_needed": any(one.is_pending for one in items),
                "problem": problem,
                "secrets_in": await settings.secrets_in(),
                "managed": {"name": managed} if managed else None,
            }
        )

    @bp.get("/settings")
    @web.needs("admin")
    @web.gives(shapes.SettingsOut)
    async def list_settings() -> Response:
        """Every setting: its value, where that comes from, and what it may be."""
        return await told()

    @bp.patch("/settings")
    @web.needs("admin")
    @web.takes(shapes.SettingsIn)
    @web.gives(shapes.SettingsOut)
    async def change_settings(asked: shapes.SettingsIn) -> Response:
        """Writes values by their names into agent.toml; null brings the default back.

        They count after the next opening (`POST /api/v1/restart`)."""
        await settings.change(asked.root)
        return await told()

    @bp.post("/restart")
    @web.needs("admin")
    @web.takes(shapes.RestartIn)
    @web.gives(shapes.RestartOut, 202)
    async def restart(asked: shapes.RestartIn) -> Response:
        """Opens the program anew, with the settings of then, at the same address."""
        return web.json({"when": asked.when, "waits_for": settings.restart(asked.when)}, 202)

    @bp.post("/stop")
    @web.needs("admin")
    @web.gives(shapes.StopOut, 202)
    async def stop() -> Response:
        """Ends the agent as `orca-agent stop` does; what runs is kept as far as it has come."""
        return web.json({"waits_for": settings.stop()}, 202)

    return bp
