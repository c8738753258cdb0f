"""The models over HTTP: look, pull, load, unload, delete."""

from quart import Blueprint, Response
from quart_schema import document_request

from agent.models.profiles import Profiles
from agent.models.pulling import PullService
from agent.models.service import ModelService
from agent.models.shapes import (
    DeleteQuery,
    LoadIn,
    ModelOut,
    ModelsOut,
    ProfilesOut,
    PullIn,
    Where,
    model_json,
)
from agent.models.upkeep import UpkeepService
from agent.runs.routes import begun
from agent.runs.service import RunService
from agent.runs.shapes import RunOut, run_json
from agent.shared import web


def routes(models: ModelService) -> Blueprint:
    bp = Blueprint("models", __name__, url_prefix="/api/v1/models")

    @bp.get("")
    @web.needs("chat")
    @web.gives(ModelsOut)
    async def list_models() -> Response:
        """The installed models of every backend that is up, as last heard."""
        items = [model_json(model) for model in models.models()]
        return web.json(
            {
                "items": items,
                "next_cursor": None,
                "default_model": models.default_name(),
                "default_vision_model": models.default_name(needs_vision=True),
            }
        )

    @bp.get("/<path:name>")
    @web.needs("chat")
    @web.asks(Where)
    @web.gives(ModelOut)
    async def show_model(name: str, query: Where) -> Response:
        """One model, with all its capabilities and its context length."""
        return web.json(model_json(await models.details(name, backend=query.backend)))

    return bp


def upkeep_routes(upkeep: UpkeepService, pulls: PullService, runs: RunService) -> Blueprint:
    bp = Blueprint("model-upkeep", __name__, url_prefix="/api/v1/models")

    @bp.post("/pull")
    @web.needs("models")
    @web.takes(PullIn)
    @web.gives(RunOut, 202)
    async def pull(asked: PullIn) -> Response:
        """Download a model, or the rest of it.

        While it is being downloaded, everybody who asks for it gets the same run. With Accept:
        text/event-stream the answer is the run's events."""
        run = await pulls.pull(asked.model, asked.backend)
        told = run_json(await runs.get(run.id))
        return begun(run.id, {"run": told}, runs.events, told=told)

    @bp.post("/<path:name>/load")
    @web.needs("models")
    @web.ends_with_client
    @document_request(LoadIn)
    @web.asks(Where)
    @web.gives(ModelOut)
    async def load(name: str, query: Where) -> Response:
        """Read a model into memory, and answer when it is there."""
        asked = await web.body(LoadIn) if web.has_body() else LoadIn()
        loaded = await upkeep.load(name, keep_alive=asked.keep_alive, backend=query.backend)
        return web.json(model_json(loaded))

    @bp.post("/<path:name>/unload")
    @web.needs("models")
    @web.asks(Where)
    @web.gives(ModelOut)
    async def unload(name: str, query: Where) -> Response:
        """Take a model out of memory, once its answers are written."""
        return web.json(model_json(await upkeep.unload(name, backend=query.backend)))

    @bp.delete("/<path:name>")
    @web.needs("models")
    @web.asks(DeleteQuery)
    @web.gives_media(204)
    async def delete(name: str, query: DeleteQuery) -> Response:
        """Take a model off the disk, unless somebody uses it."""
        await upkeep.delete(name, backend=query.backend, even_if_used=query.force)
        return Response(status=204)

    return bp


def profile_routes(profiles: Profiles) -> Blueprint:
    bp = Blueprint("model-profiles", __name__, url_prefix="/api/v1/model-profiles")

    @bp.get("")
    @web.needs("chat")
    @web.gives(ProfilesOut)
    async def recommend() -> Response:
        """What this computer has, which profile fits it and why, and all profiles."""
        return web.json((await profiles.recommendation()).to_json())

    return bp
