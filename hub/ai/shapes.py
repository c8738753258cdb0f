"""What the routes that ask models take and give."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from agent.inference.rules import Message
from agent.inference.shapes import (
    MOST_IMAGES,
    Format,
    JsonObject,
    ModelName,
    Options,
    SaidIn,
    Text,
    Think,
    ToolIn,
)
from agent.inference.turns import title_of
from agent.inference.wishes import message_of
from agent.runs.rules import Run
from agent.runs.shapes import RunOut, RunQuery, run_json
from agent.shared.web import In, Out
from hub.ai.choosing import Offer, Speed
from hub.ai.rules import GenerationRequest, OwnedRun

MOST_FILES = 200
SYSTEM = (
    "You write code. Answer with complete files: each in a fenced block of its own whose first "
    "line names its language and its path, such as ```python tools/slice.py. Say in a few words "
    "what the files do; leave nothing out of them."
)
ImageUrl = Annotated[str, Field(pattern=r"^data:", description="data:image/png;base64,...")]
Path = Annotated[str, Field(min_length=1, max_length=400)]


class ContextFile(In):
    """A file that the model should know of."""

    path: Path
    content: Text


class Wish(In):
    model: ModelName | None = Field(
        default=None, description="A model or a route. Absent: the one that the hub chooses."
    )
    options: Options = Field(default={})
    format: Format = None
    think: Think = None


class GenerateIn(Wish):
    """Code is asked for by default: complete files, on the premises with a context of 64,000 tokens
    and an answer of up to 60,000."""

    prompt: Text = Field(min_length=1)
    system: Text | None = Field(default=None, description="Absent: to answer with whole files.")
    language: str | None = Field(default=None, max_length=60, pattern=r"^[^\x00-\x1f`]+$")
    context_files: list[ContextFile] = Field(default=[], max_length=MOST_FILES)
    images: list[ImageUrl] = Field(default=[], max_length=MOST_IMAGES)
    set_id: str | None = Field(
        default=None,
        max_length=36,
        pattern=r"^[0-9a-f-]+$",
        description="Files that are there and whose next versions these are. Absent: new ones.",
    )

    def about(self) -> dict[str, object]:
        """What keeps the files wants to know."""
        title = title_of(self.prompt)
        return {"title": title, **({"set_id": self.set_id} if self.set_id else {})}

    def wanted(self) -> GenerationRequest:
        parts = [f"```{one.path}\n{one.content}\n```" for one in self.context_files]
        if self.language:
            parts.append(f"Write it in {self.language}.")
        prompt = "\n\n".join([*parts, self.prompt])
        system = Message("system", SYSTEM if self.system is None else self.system)
        return GenerationRequest(
            (system, Message("user", prompt, tuple(self.images))),
            self.model,
            "code",
            self.options,
            self.think,
            self.format,
        )


class ChatIn(Wish):
    messages: list[SaidIn] = Field(min_length=1, max_length=10_000)
    tools: list[ToolIn] = Field(default=[], max_length=128)

    @model_validator(mode="after")
    def _has_few_images(self) -> "ChatIn":
        if sum(len(message.images) for message in self.messages) > MOST_IMAGES:
            raise ValueError(f"a request has up to {MOST_IMAGES} images")
        return self

    def wanted(self) -> GenerationRequest:
        return GenerationRequest(
            tuple(map(message_of, self.messages)),
            self.model,
            "chat",
            self.options,
            self.think,
            self.format,
            tuple(tool.model_dump() for tool in self.tools),
        )


class TeamRunOut(RunOut):
    account_id: str
    purpose: str
    model: str
    provider: str
    usage: dict[str, Any] | None  # Any: as the agent's usage


class StartedOut(Out):
    run_id: str
    run: RunOut


class TeamRunPage(Out):
    items: list[TeamRunOut]
    next_cursor: str | None


class TeamRunQuery(RunQuery):
    all: bool = Field(default=False, description="Those of everybody, for Administrators.")


class ModelOut(Out):
    """A model at one provider. Speeds are those measured lately, 0 before the first answer."""

    name: str
    backend: str
    provider: str
    is_cloud: bool
    context_length: int | None
    capabilities: list[str]
    loaded: bool
    tokens_per_second: float
    first_token_ms: float


class NamedRouteOut(Out):
    name: str
    model: str
    is_cloud: bool


class ModelsOut(Out):
    """`routes` are names that stand for others; `default_model` answers where nobody names one."""

    items: list[ModelOut]
    routes: list[NamedRouteOut]
    default_model: str | None
    code_model: str | None
    next_cursor: str | None


def started_json(run: Run) -> dict[str, object]:
    return {"run_id": run.id, "run": run_json(run)}


def owned_json(owned: OwnedRun) -> dict[str, object]:
    return {
        **run_json(owned.run),
        "account_id": owned.account_id,
        "purpose": owned.purpose,
        "model": owned.model,
        "provider": owned.provider,
        "usage": owned.usage,
    }


def model_json(offer: Offer, speed: Speed | None) -> JsonObject:
    return {
        "name": offer.model,
        "backend": offer.provider,
        "provider": offer.provider,
        "is_cloud": offer.leaves,
        "context_length": offer.context_length,
        "capabilities": list(offer.capabilities),
        "loaded": offer.is_loaded,
        "tokens_per_second": round(speed.tokens_per_second, 2) if speed else 0.0,
        "first_token_ms": round(speed.first_token_ms, 1) if speed else 0.0,
    }
