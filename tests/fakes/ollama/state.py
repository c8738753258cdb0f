"""What the fake server knows between requests."""

from dataclasses import dataclass, field

from .answer import RefusedError
from .catalogue import Model, with_tag
from .gojson import Json, go_json
from .scheduler import Scheduler


@dataclass(frozen=True, slots=True)
class Pullable:
    """What a registry would give for a name: (digest, size) of each layer, and how fast."""

    model: Model
    layers: tuple[tuple[str, int], ...]
    seconds: float


@dataclass(slots=True)
class State:
    scheduler: Scheduler
    models: dict[str, Model] = field(default_factory=dict)  # by the name with its tag, lower case
    pullable: dict[str, Pullable] = field(default_factory=dict)  # by the name as asked for
    downloaded: dict[str, int] = field(default_factory=dict)  # bytes there, by digest
    registry_up: bool = True
    bulk_tokens: int | None = None  # full speed: this many frames made beforehand
    bulk_pace: float | None = None
    blocks: dict[str, list[bytes]] = field(default_factory=dict)

    def find(self, name: str) -> Model | None:
        return self.models.get(with_tag(name).lower())

    def get(self, name: str, *, missing: str) -> Model:
        """Raises RefusedError 404 with the words of `missing`."""
        model = self.find(name)
        if model is None:
            raise RefusedError(404, missing)
        return model

    def add(self, model: Model) -> None:
        self.models[model.name.lower()] = model

    def remove(self, name: str) -> None:
        self.models.pop(with_tag(name).lower(), None)


def blocks_of(state: State, model: str, *, chat: bool) -> list[bytes]:
    """64 frames of a chat or generate stream, each a ready chunk."""
    key = f"{model} {chat}"
    if key not in state.blocks:
        state.blocks[key] = [
            _ready_frame(model, f" word{number}", chat=chat) for number in range(64)
        ]
    return state.blocks[key]


def _ready_frame(model: str, text: str, *, chat: bool) -> bytes:
    said: dict[str, Json] = {"response": text}
    if chat:
        said = {"message": {"role": "assistant", "content": text}}
    stamp = "2026-11-20T16:05:56.830993628Z"
    line = go_json({"model": model, "created_at": stamp, **said, "done": False}) + b"\n"
    return b"%x\r\n%b\r\n" % (len(line), line)
