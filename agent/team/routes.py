"""The team over HTTP."""

from pathlib import Path

from quart import Blueprint, Response

from agent.shared import web
from agent.team.service import TeamService
from agent.team.shapes import LoginIn, TeamOut


def routes(team: TeamService) -> Blueprint:
    bp = Blueprint("team", __name__, url_prefix="/api/v1/team")

    @bp.get("")
    @web.needs("admin")
    @web.gives(TeamOut)
    async def show_team() -> Response:
        """The hub that this agent belongs to, and how a sign-in stands."""
        return web.json(team.told())

    @bp.post("/login")
    @web.needs("admin")
    @web.takes(LoginIn, limit_bytes=64 * 1024)
    @web.gives(TeamOut, 202)
    async def sign_in(asked: LoginIn) -> Response:
        """Begins to sign in to a hub: somebody says yes in a browser; look at GET meanwhile."""
        told = await team.login(
            asked.url,
            asked.how,
            name=asked.machine_name,
            ca_file=Path(asked.ca_file) if asked.ca_file else None,
            opens=asked.open,
        )
        return web.json(told, 202)

    @bp.post("/look")
    @web.needs("admin")
    @web.gives(TeamOut)
    async def look_again() -> Response:
        """Asks the hub now what it offers and allows."""
        await team.look()
        return web.json(team.told())

    @bp.post("/logout")
    @web.needs("admin")
    @web.gives_media(204)
    async def sign_out() -> Response:
        """Leaves the hub, or gives an attempt up."""
        await team.logout()
        return Response(status=204)

    @bp.delete("")
    @web.needs("admin")
    @web.gives_media(204)
    async def leave_team() -> Response:
        """The same."""
        await team.logout()
        return Response(status=204)

    return bp
