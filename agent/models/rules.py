"""Which model answers where nobody names one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.inference.rules import canonical_name

COMPLETION, VISION, EMBEDDING = "completion", "vision", "embedding"
CONTEXT_BYTES = 1 << 30
WEIGHTS_FACTOR = 1.2
SHARE_OF_MEMORY = 0.75
RECOMMENDED_VISION = "qwen3-vl:4b"


@dataclass(frozen=True, slots=True)
class Model:
    """A model on a backend. Capabilities and context are the list's until the model was asked
    for alone; the list may know fewer."""

    name: str
    backend: str
    size_bytes: int
    capabilities: tuple[str, ...]
    context_length: int | None
    loaded: bool
    expires_at: datetime | None
    digest: str
    family: str
    parameter_size: str
    quantization: str
    is_remote: bool = False
    modified_at: datetime | None = None
    loaded_bytes: int | None = None
    vram_bytes: int | None = None


def by_preference(
    models: Iterable[Model], memory_bytes: int | None, recommended: Sequence[str] = ()
) -> list[Model]:
    """Best first: what fits into memory; of that what is recommended (canonical names), then the
    Qwen3 family, then the largest.

    Of what does not fit, the smallest first. Models in a cloud are left out: nobody's text goes
    there without having been asked for.
    """
    places = {name: place for place, name in reversed(list(enumerate(recommended)))}

    def rank(model: Model) -> tuple[bool, int, int, int, str]:
        is_other, size = not is_qwen3(model), model.size_bytes
        if fits(model, memory_bytes):
            place = places.get(canonical_name(model.name), len(places))
            return False, place, is_other, -size, model.name
        return True, 0, size, is_other, model.name

    return sorted((model for model in models if not model.is_remote), key=rank)


def fits(model: Model, memory_bytes: int | None) -> bool:
    """Whether the weights and a context leave a quarter of the memory to others."""
    if not memory_bytes:
        return True
    needed = model.size_bytes * WEIGHTS_FACTOR + CONTEXT_BYTES
    return needed <= memory_bytes * SHARE_OF_MEMORY


def is_qwen3(model: Model) -> bool:
    """Whether the model is of the Qwen3 family, 3.5 and the seeing ones included."""
    return model.family.lower().startswith("qwen3") or model.name.lower().startswith("qwen3")


def can_chat(model: Model) -> bool:
    """Embedding models cannot. One that tells no capabilities at all is given the chance."""
    return COMPLETION in model.capabilities or not model.capabilities


def can_see(model: Model) -> bool:
    return VISION in model.capabilities


def suits(model: Model, *, needs_vision: bool) -> bool:
    return can_chat(model) and (can_see(model) or not needs_vision)
