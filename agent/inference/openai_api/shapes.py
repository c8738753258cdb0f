"""OpenAI's words: what its clients send and get. Fields that mean nothing here are passed over."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from agent.shared.web import Out

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Lenient(BaseModel):
    """Newer clients send more than is known today."""

    model_config = ConfigDict(extra="ignore", defer_build=True)


class FunctionCallIn(Lenient):
    name: str
    arguments: str = "{}"


class ToolCallIn(Lenient):
    id: str = ""
    function: FunctionCallIn


class ImageUrlIn(Lenient):
    url: str


class PartIn(Lenient):
    type: str
    text: str = ""
    refusal: str = ""
    image_url: ImageUrlIn | str | None = None


class MessageIn(Lenient):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[PartIn] | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCallIn] | None = None
    tool_call_id: str | None = None
    name: str | None = None


class FunctionIn(Lenient):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None  # Any: JSON schema


class ToolIn(Lenient):
    type: str = "function"
    function: FunctionIn


class NamedFunctionIn(Lenient):
    name: str


class NamedToolIn(Lenient):
    type: Literal["function"] = "function"
    function: NamedFunctionIn


class JsonSchemaIn(Lenient):
    name: str = "answer"
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")  # Any: JSON schema


class ResponseFormatIn(Lenient):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchemaIn | None = None


class StreamOptionsIn(Lenient):
    include_usage: StrictBool = False


class AskIn(Lenient):
    """What chat and plain completions have in common."""

    model: Annotated[str, Field(min_length=1, max_length=300)]
    stream: StrictBool | None = None
    stream_options: StreamOptionsIn | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    n: int | None = None

    @property
    def wants_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage


class ChatIn(AskIn):
    messages: Annotated[list[MessageIn], Field(min_length=1)]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    tools: list[ToolIn] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedToolIn | None = None
    response_format: ResponseFormatIn | None = None
    reasoning_effort: Effort | None = None
    logprobs: StrictBool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    functions: list[Any] | None = None  # Any: refused, whatever it is
    modalities: list[str] | None = None


class CompletionIn(AskIn):
    prompt: str | list[str] | list[int] | list[list[int]]
    suffix: str | None = None
    echo: StrictBool | None = None
    best_of: int | None = None
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None


class EmbeddingIn(Lenient):
    model: Annotated[str, Field(min_length=1, max_length=300)]
    input: str | list[str] | list[int] | list[list[int]]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Field(ge=1, le=65_536)] | None = None


class Usage(Out):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatMessageOut(Out):
    """`reasoning` is what the model thought aloud, where it did."""

    model_config = ConfigDict(extra="allow")

    role: str
    content: str | None


class ChatChoiceOut(Out):
    index: int
    message: ChatMessageOut
    logprobs: dict[str, Any] | None  # Any: JSON
    finish_reason: str


class ChatCompletionOut(Out):
    id: str
    object: str
    created: int
    model: str
    choices: list[ChatChoiceOut]
    usage: Usage


class CompletionChoiceOut(Out):
    index: int
    text: str
    logprobs: dict[str, Any] | None  # Any: JSON
    finish_reason: str


class CompletionOut(Out):
    id: str
    object: str
    created: int
    model: str
    choices: list[CompletionChoiceOut]
    usage: Usage


class OpenAIModelOut(Out):
    id: str
    object: str
    created: int
    owned_by: str


class OpenAIModelsOut(Out):
    object: str
    data: list[OpenAIModelOut]


class EmbeddingOut(Out):
    object: str
    index: int
    embedding: list[float] | str


class EmbeddingUsage(Out):
    prompt_tokens: int
    total_tokens: int


class EmbeddingsOut(Out):
    object: str
    model: str
    data: list[EmbeddingOut]
    usage: EmbeddingUsage


class OpenAIErrorBody(Out):
    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIErrorOut(Out):
    """An error in OpenAI's words."""

    error: OpenAIErrorBody
