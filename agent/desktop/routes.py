"""The desktop over HTTP: starting with the computer, and what the tray icon shows."""

import asyncio
from dataclasses import asdict

from pydantic import StrictBool
from quart import Blueprint, Response

from agent.desktop.autostart import AutostartService
from agent.desktop.rules import Autostart, Way
from agent.desktop.service import DesktopService, Now
from agent.shared.web import In, Out, gives, json, needs, takes


class AutostartOut(Out):
    is_on: bool
    is_possible: bool
    how: Way | None
    reason: str | None


class DesktopOut(Out):
    """What this computer's desktop does for the agent."""

    autostart: AutostartOut


class DesktopIn(In):
    autostart: StrictBool


class HeldNow(Out):
    id: str
    name: str
    printer: str
    state: str


class PullNow(Out):
    run_id: str
    model: str
    state: str


class NotifyOut(Out):
    pulls: bool
    held: bool
    updates: bool


class NowOut(Out):
    """The agent as its tray icon shows it."""

    version: str
    model: str | None
    working: bool
    paused: bool
    held: list[HeldNow]
    pulls: list[PullNow]
    notify: NotifyOut


def routes(desktop: DesktopService, autostart: AutostartService) -> Blueprint:
    bp = Blueprint("desktop", __name__, url_prefix="/api/v1/desktop")

    @bp.get("")
    @needs("admin")
    @gives(DesktopOut)
    async def look() -> Response:
        """Whether the agent starts with the computer, and how."""
        return json(_desktop(await asyncio.to_thread(autostart.look)))

    @bp.patch("")
    @needs("admin")
    @takes(DesktopIn)
    @gives(DesktopOut)
    async def change(asked: DesktopIn) -> Response:
        """Start with the computer from the next sign-in on, or no more."""
        found = await asyncio.to_thread(autostart.switch, is_on=asked.autostart)
        return json(_desktop(found))

    @bp.get("/now")
    @needs("admin")
    @gives(NowOut)
    async def now() -> Response:
        """What a tray icon shows: whether it works, pauses, what waits, what was pulled."""
        return json(_now(await desktop.now()))

    @bp.post("/pause")
    @needs("admin")
    @gives(NowOut)
    async def pause() -> Response:
        """Begin nothing new with models, and free their memory. Questions wait meanwhile."""
        await desktop.pause()
        return json(_now(await desktop.now()))

    @bp.post("/resume")
    @needs("admin")
    @gives(NowOut)
    async def resume() -> Response:
        """Go on, with what waited first."""
        await desktop.resume()
        return json(_now(await desktop.now()))

    return bp


def _desktop(found: Autostart) -> dict[str, object]:
    return {"autostart": {**asdict(found), "is_possible": found.is_possible}}


def _now(now: Now) -> dict[str, object]:
    return {
        "version": now.version,
        "model": now.model,
        "working": now.is_working,
        "paused": now.is_paused,
        "held": [
            {
                "id": one.job.id,
                "name": one.file.name,
                "printer": one.printer_name,
                "state": one.job.state.value,
            }
            for one in now.held
        ],
        "pulls": [asdict(one) for one in now.pulls],
        "notify": asdict(now.notify),
    }
