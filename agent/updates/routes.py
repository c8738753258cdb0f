"""Whether there is a newer version."""

from quart import Blueprint, Response

from agent.shared.web import gives, json, needs
from agent.updates import shapes
from agent.updates.service import UpdateService


def routes(updates: UpdateService) -> Blueprint:
    bp = Blueprint("updates", __name__, url_prefix="/api/v1/updates")

    @bp.get("")
    @needs("admin")
    @gives(shapes.UpdatesOut)
    async def show_updates() -> Response:
        """What the update source said the last time it was asked."""
        return json(shapes.updates(updates.state))

    @bp.post("/check")
    @needs("admin")
    @gives(shapes.UpdatesOut)
    async def check_updates() -> Response:
        """Asks the update source now, which may take a minute. Nothing is installed."""
        return json(shapes.updates(await updates.check()))

    return bp
