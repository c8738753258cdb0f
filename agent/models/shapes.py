"""What the routes of models take and give, as documented to clients."""

from typing import Annotated

from pydantic import AfterValidator, Field

from agent.models.rules import Model
from agent.shared.clock import rfc3339
from agent.shared.web import In, Out

NAME = r"^[A-Za-z0-9][A-Za-z0-9._/:-]{0,199}$"
DURATION = r"^(-?\d+|(-?\d+(\.\d+)?(ms|s|m|h))+)$"
LONGEST_S = 10 * 366 * 24 * 3600


def _has_no_scheme(name: str) -> str:
    if "://" in name:
        raise ValueError("a name such as qwen3:4b or hf.co/owner/model, without http://")
    return name


def _is_some_time(value: str | int | None) -> str | int | None:
    if str(value).strip("0") in {"", "s", "m", "h", "ms"}:
        raise ValueError("0 would unload it: there is a route for that")
    return value


ModelName = Annotated[
    str,
    Field(pattern=NAME, description="As in Ollama's library, or hf.co/owner/model:quantization."),
    AfterValidator(_has_no_scheme),
]
KeepAlive = Annotated[
    Annotated[str, Field(pattern=DURATION, max_length=40)]
    | Annotated[int, Field(strict=True, ge=-1, le=LONGEST_S)]
    | None,
    AfterValidator(_is_some_time),
]


class ModelOut(Out):
    """`loaded_bytes` is what it takes of the memory, `vram_bytes` the part of that which is in
    graphics memory; null where it is not loaded, or where the server does not tell."""

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
    loaded_bytes: int | None
    vram_bytes: int | None


class ModelsOut(Out):
    """`default_model` answers where nobody names one, `default_vision_model` where there are
    pictures in the question."""

    items: list[ModelOut]
    next_cursor: str | None
    default_model: str | None
    default_vision_model: str | None


class Where(In):
    """Which one is meant, where several backends have a model of this name."""

    backend: str | None = Field(default=None, max_length=200)


class DeleteQuery(Where):
    force: bool = Field(default=False, description="Delete it although somebody uses it.")


class PullIn(In):
    model: ModelName
    backend: str | None = Field(
        default=None, max_length=200, description="Default: the first Ollama that answers."
    )


class LoadIn(In):
    keep_alive: KeepAlive = Field(
        default=None,
        description="How long it stays: seconds, 10m, 1h, -1 for ever. Default: as after answers.",
    )


class GpuOut(Out):
    name: str
    memory_bytes: int | None
    found_by: str


class MachineOut(Out):
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


class ProfileOut(Out):
    """Any one of `needs` is enough; the first model of each kind is the best."""

    name: str
    title: str
    needs: list[dict[str, float]]
    models: dict[str, list[str]]
    options: dict[str, int | str]


class ProfilesOut(Out):
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


def model_json(model: Model) -> dict[str, object]:
    """A model as DESIGN names its fields."""
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
        "loaded_bytes": model.loaded_bytes,
        "vram_bytes": model.vram_bytes,
    }
