"""What the routes that ask a model take and give, as documented to clients."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from agent.inference.rules import FinishReason
from agent.inference.schemas import depth_of
from agent.shared.web import In, Out, left_out

TEXT_CHARACTERS = 4_000_000  # a million tokens
MOST_IMAGES = 16
MOST_MESSAGES = 10_000
MOST_TOOLS = 128
JSON_DEPTH = 64
LONGEST_S = 31_536_000
LEVELS = ("low", "medium", "high", "max")
DURATION = r"^(-?\d+|(-?\d+(\.\d+)?(ms|s|m|h))+)$"

Role = Literal["system", "user", "assistant", "tool"]


def _flat_enough(value: dict[str, Any]) -> dict[str, Any]:  # Any: JSON values
    if depth_of(value, JSON_DEPTH) > JSON_DEPTH:
        raise ValueError(f"nested deeper than {JSON_DEPTH} levels")
    return value


def _is_format(value: object) -> object:
    if isinstance(value, dict):
        return _flat_enough(value)
    if value not in ("json", None):
        raise ValueError('either "json" or a JSON schema, which is an object')
    return value


def _is_thinking(value: object) -> object:
    if value is not None and not isinstance(value, bool) and value not in LEVELS:
        raise ValueError(f"either true, false or one of {', '.join(LEVELS)}")
    return value


def _is_keep_alive(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(DURATION, value):
        return value
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (is_number and -1 <= int(str(value)) <= LONGEST_S):
        raise ValueError("either seconds or a text such as 5m, 1h or -1")
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_flat_enough)]  # Any: JSON values
Text = Annotated[str, Field(max_length=TEXT_CHARACTERS)]
ModelName = Annotated[str, Field(min_length=1, max_length=200)]
ImageIn = Annotated[
    str,
    Field(
        pattern=r"^([0-9a-f]{64}$|data:)",
        description="The hash of an uploaded picture, or data:image/png;base64,...",
    ),
]
Options = Annotated[
    JsonObject, Field(description="Ollama's options, such as temperature, num_ctx, stop or seed.")
]
Format = Annotated[
    Any,  # Any: "json" or a JSON schema, as the check says
    AfterValidator(_is_format),
    WithJsonSchema({"anyOf": [{"const": "json"}, {"type": "object"}, {"type": "null"}]}),
    Field(description='"json" or a JSON schema, which the answer is checked against.'),
]
Think = Annotated[
    Any,  # Any: a flag or a level, as the check says
    AfterValidator(_is_thinking),
    WithJsonSchema({"enum": [True, False, *LEVELS, None]}),
    Field(description="Whether to think aloud first, or how much."),
]
KeepAlive = Annotated[
    Any,  # Any: a number or a text, as the check says
    AfterValidator(_is_keep_alive),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": -1, "maximum": LONGEST_S},
                {"type": "string", "pattern": DURATION},
                {"type": "null"},
            ]
        }
    ),
    Field(description="How long the model stays in memory: seconds, or 5m, 1h, -1 (for ever)."),
]


class CalledFunction(In):
    name: str = Field(min_length=1, max_length=200)
    arguments: JsonObject = Field(default={})


class ToolCallIn(In):
    id: str = Field(default="", max_length=200)
    function: CalledFunction


class SaidIn(In):
    role: Role
    content: Text = ""
    thinking: Text = ""
    images: list[ImageIn] = Field(default=[], max_length=MOST_IMAGES)
    tool_calls: list[ToolCallIn] = Field(default=[], max_length=MOST_TOOLS)
    tool_name: str = Field(default="", max_length=200)


class FunctionIn(In):
    name: str = Field(min_length=1, max_length=200)
    description: Text = ""
    parameters: JsonObject = Field(default={})


class ToolIn(In):
    """A function that the model may call; its parameters are a JSON schema."""

    type: Literal["function"] = "function"
    function: FunctionIn


class Wish(In):
    """What can be asked of every answer."""

    model: ModelName | None = Field(default=None, description="Absent: the best installed one.")
    options: Options = Field(default={})
    format: Format = None
    think: Think = None
    keep_alive: KeepAlive = None
    logprobs: StrictBool = Field(default=False, description="Tell how likely each token was.")
    top_logprobs: int = Field(default=0, ge=0, le=20)
    cache: StrictBool | None = Field(
        default=None,
        description="Whether the very same request may be answered from the cache. Only one with "
        "temperature 0 or a seed ever is. Absent: as the setting answer_cache says.",
    )


class Streaming(In):
    stream: StrictBool = Field(
        default=False,
        description="The answer as it is written: lines of JSON, or server-sent events by Accept.",
    )


class GenerateIn(Wish, Streaming):
    prompt: Text
    system: Text | None = None
    images: list[ImageIn] = Field(default=[], max_length=MOST_IMAGES)


class Talk(Wish):
    """Messages to go on with."""

    messages: list[SaidIn] = Field(min_length=1, max_length=MOST_MESSAGES)
    tools: list[ToolIn] = Field(default=[], max_length=MOST_TOOLS)

    @model_validator(mode="after")
    def _has_few_images(self) -> "Talk":
        if sum(len(message.images) for message in self.messages) > MOST_IMAGES:
            raise ValueError(f"a request has up to {MOST_IMAGES} images")
        return self


class ChatIn(Talk, Streaming): ...


class Seeing(Talk):
    """Messages of which one has an image at least."""

    @model_validator(mode="after")
    def _has_images(self) -> "Seeing":
        if not any(message.images for message in self.messages):
            raise ValueError("one message at least has an image; /chat takes text alone")
        return self


class VlmIn(Seeing, Streaming): ...


class EmbedIn(In):
    model: ModelName
    input: Annotated[
        list[Text],
        BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
        Field(min_length=1, max_length=2048, description="Texts; one alone may stand without []."),
    ]
    options: Options = Field(default={})
    dimensions: int | None = Field(default=None, ge=1, le=65_536)
    truncate: StrictBool = Field(
        default=False, description="Cut what is too long, in place of refusing."
    )
    keep_alive: KeepAlive = None


# --- what comes back ------------------------------------------------------------------------------


class NamedModel(Out):
    model: str
    provider: str


class Fallback(Out):
    """Why another model of the team answered. Of one that is not open to you the provider is
    empty."""

    model: str
    provider: str
    instead_of: NamedModel
    code: str
    reason: str


class AnswerUsage(Out):
    """What the answer cost. From the cache: what it cost the first time, in no time. `fallbacks`:
    whom the team's hub passed over, absent where nobody was."""

    prompt_tokens: int
    completion_tokens: int
    load_ms: float
    first_token_ms: float
    tokens_per_second: float
    total_ms: float
    fallbacks: list[Fallback] | SkipJsonSchema[None] = left_out()


class Clamped(Out):
    asked: Any  # Any: of the option's own type
    used: Any  # Any: of the option's own type


class Answered(Out):
    """An answer; members that have nothing to say are left out."""

    model: str
    backend: str
    thinking: str
    usage: AnswerUsage
    finish_reason: FinishReason
    cached: bool
    clamped: dict[str, Clamped] | SkipJsonSchema[None] = left_out()
    logprobs: list[dict[str, Any]] | SkipJsonSchema[None] = left_out()  # Any: the server's own
    format_ok: bool | SkipJsonSchema[None] = left_out()
    repaired: bool | SkipJsonSchema[None] = left_out()


class CalledFunctionOut(Out):
    name: str
    arguments: dict[str, Any]  # Any: JSON values


class ToolCallOut(Out):
    id: str
    function: CalledFunctionOut


class AnswerMessage(Out):
    role: Literal["assistant"]
    content: str
    tool_calls: list[ToolCallOut] | SkipJsonSchema[None] = left_out()


class GenerateOut(Answered):
    content: str


class ChatOut(Answered):
    message: AnswerMessage


class EmbedUsage(Out):
    prompt_tokens: int
    load_ms: float
    total_ms: float


class EmbedOut(Out):
    model: str
    backend: str
    embeddings: list[list[float]]
    usage: EmbedUsage
