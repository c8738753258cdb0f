"""Ollama's words: what its clients send and get. Unknown fields go on to Ollama as they are."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from agent.shared.web import Out

Level = Literal["low", "medium", "high", "max"]
JsonObject = dict[str, Any]  # Any: JSON
ModelName = Annotated[str, Field(min_length=1, max_length=300)]


class Lenient(BaseModel):
    """Newer clients send more than is known today."""

    model_config = ConfigDict(extra="allow", defer_build=True)


class FunctionCallIn(Lenient):
    name: str
    arguments: JsonObject = Field(default_factory=dict)


class ToolCallIn(Lenient):
    id: str | None = None
    function: FunctionCallIn


class MessageIn(Lenient):
    role: str
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[ToolCallIn] | None = None
    tool_name: str | None = None


class AskIn(Lenient):
    """What chat and generate have in common; `stream` is on where it is not said."""

    model: ModelName
    stream: StrictBool | None = None
    format: Literal["json", ""] | JsonObject | None = None
    keep_alive: int | float | str | None = None
    options: JsonObject | None = None
    think: StrictBool | Level | None = None
    logprobs: StrictBool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None


class ChatIn(AskIn):
    messages: list[MessageIn] | None = None
    tools: list[JsonObject] | None = None


class GenerateIn(AskIn):
    prompt: str | None = None
    suffix: str | None = None
    system: str | None = None
    template: str | None = None
    raw: StrictBool | None = None
    context: list[int] | None = None
    images: list[str] | None = None


class EmbedIn(Lenient):
    model: ModelName
    input: str | list[str] | None = None
    truncate: StrictBool | None = None
    dimensions: Annotated[int, Field(ge=1, le=65_536)] | None = None
    keep_alive: int | float | str | None = None
    options: JsonObject | None = None


class EmbeddingsIn(Lenient):
    model: ModelName
    prompt: str | None = None
    keep_alive: int | float | str | None = None
    options: JsonObject | None = None


class ShowIn(Lenient):
    model: str | None = None
    name: str | None = None
    verbose: StrictBool | None = None


class AnswerOut(Out):
    """The last frame, and the only one without a stream."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    model: str
    created_at: str
    done: bool


class EmbedOut(Out):
    model: str
    embeddings: list[list[float]]
    total_duration: int
    load_duration: int
    prompt_eval_count: int


class EmbeddingsOut(Out):
    embedding: list[float]


class TagsOut(Out):
    models: list[JsonObject]


class ShowOut(Out):
    model_config = ConfigDict(extra="allow", defer_build=True)

    capabilities: list[str]


class VersionOut(Out):
    version: str


class OllamaErrorOut(Out):
    """An error in Ollama's words."""

    error: str
