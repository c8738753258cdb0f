"""The installed models, seen from outside."""

from quart import Blueprint, Response

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
