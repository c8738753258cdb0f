"""The installed models, seen from outside."""

from quart import Blueprint, Response

from agent.models.profiles import Profiles
from agent.models.rules import Model
from agent.models.service import ModelService
from agent.shared import web
from agent.shared.clock import rfc3339


class ModelOut(web.Out):
    name: str
    backend: str
    size_bytes: int
    capabilities: list[str]
    context_length: int | None
    loaded: bool
    expires_at: str | None
    digest: str
    family: str
    parameter_size: str
    quantization: str


class GpuOut(web.Out):
    name: str
    memory_bytes: int | None
    found_by: str


class MachineOut(web.Out):
    """What was found, and how."""

    system: str
    memory_bytes: int
    memory_found_by: str
    cores: int
    cores_found_by: str
    gpu_memory_bytes: int
    has_unified_memory: bool
    gpus: list[GpuOut]
    notes: list[str]


class ProfileOut(web.Out):
    """Any one of `needs` is enough; the first model of each kind is the best."""

    name: str
    title: str
    needs: list[dict[str, float]]
    models: dict[str, list[str]]
    options: dict[str, int | str]


class ProfilesOut(web.Out):
    """`models` and `options` are those of the profile with what was set laid over them."""

    machine: MachineOut
    profile: str
    why: str
    models: dict[str, list[str]]
    options: dict[str, int | str]
    set_by: dict[str, str]
    sizes_gb: dict[str, float]
    items: list[ProfileOut]
    next_cursor: str | None


class ModelsOut(web.Out):
    items: list[ModelOut]
    next_cursor: str | None
    default_model: str | None


def routes(models: ModelService) -> Blueprint:
    bp = Blueprint("models", __name__, url_prefix="/api/v1/models")

    @bp.get("")
    @web.needs("chat")
    @web.gives(ModelsOut)
    async def list_models() -> Response:
        """The installed models of every backend that is up, as last heard."""
        items = [_shape(model) for model in models.models()]
        default = models.default_name()
        return web.json({"items": items, "next_cursor": None, "default_model": default})

    @bp.get("/<path:name>")
    @web.needs("chat")
    @web.gives(ModelOut)
    async def show_model(name: str) -> Response:
        """One model, with all its capabilities and its context length."""
        return web.json(_shape(await models.details(name)))

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


def _shape(model: Model) -> dict[str, object]:
    return {
        "name": model.name,
        "backend": model.backend,
        "size_bytes": model.size_bytes,
        "capabilities": list(model.capabilities),
        "context_length": model.context_length,
        "loaded": model.loaded,
        "expires_at": rfc3339(model.expires_at) if model.expires_at else None,
        "digest": model.digest,
        "family": model.family,
        "parameter_size": model.parameter_size,
        "quantization": model.quantization,
    }
