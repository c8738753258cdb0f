"""The plugin for OrcaSlicer: where it is, put it there, take it away."""

import asyncio

from quart import Blueprint, Response

from agent.shared.web import gives, json, needs, takes
from agent.slicer.plugin import shapes
from agent.slicer.plugin.service import Done, PluginService


def routes(plugin: PluginService) -> Blueprint:
    bp = Blueprint("plugin", __name__, url_prefix="/api/v1/plugin")

    @bp.get("")
    @needs("admin")
    @gives(shapes.PluginOut)
    async def show_plugin() -> Response:
        """The data folders of OrcaSlicer, and how the plugin stands in each."""
        return json(shapes.plugin(plugin.version, await asyncio.to_thread(plugin.places)))

    @bp.post("/install")
    @needs("admin")
    @takes(shapes.PluginIn)
    @gives(shapes.PluginDoneOut)
    async def install_plugin(asked: shapes.PluginIn) -> Response:
        """Puts the plugin into one folder or all. A file that somebody changed is kept beside."""
        return await answer(await asyncio.to_thread(plugin.install, asked.path or None))

    @bp.post("/remove")
    @needs("admin")
    @takes(shapes.PluginIn)
    @gives(shapes.PluginDoneOut)
    async def remove_plugin(asked: shapes.PluginIn) -> Response:
        """Takes the plugin away. A file that somebody changed is kept under another name."""
        return await answer(await asyncio.to_thread(plugin.remove, asked.path or None))

    async def answer(done: list[Done]) -> Response:
        places = await asyncio.to_thread(plugin.places)
        listed = {one.path for one in places}
        elsewhere = [one.place for one in done if one.place.path not in listed]
        return json(shapes.done(plugin.version, [*places, *elsewhere], done))

    return bp
