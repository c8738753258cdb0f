"""What the agent answers, as types. Every one may hold more than is named here: later versions
of the agent add fields and take none away."""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

Json = dict[str, Any]  # Any: JSON values


class Conversation(TypedDict):
    """Without its messages. `active_message_id` is the end of the branch that is shown."""

    id: str
    title: str
    model: str | None
    system: str | None
    created_at: str
    updated_at: str
    archived: bool
    pinned: bool
    active_message_id: str | None
    message_count: int


class ConversationChange(TypedDict, total=False):
    """What can be changed of a conversation."""

    title: str
    model: str | None
    system: str | None
    pinned: bool
    archived: bool
    active_message_id: str


class Snippet(TypedDict):
    """A hit stands between U+E000 and U+E001. Without a message it is the title."""

    message_id: str | None
    text: str


class FoundConversation(Conversation):
    """A conversation that a search found."""

    snippets: list[Snippet]


class Source(TypedDict):
    """An entry of the guide that went along with a question."""

    title: str
    ref: str


class Usage(TypedDict):
    """What an answer cost."""

    prompt_tokens: int
    completion_tokens: int
    load_ms: float
    first_token_ms: float
    tokens_per_second: float
    total_ms: float | None


class Message(TypedDict):
    """One turn of a conversation; `images` are hashes."""

    id: str
    conversation_id: str
    parent_id: str | None
    role: Literal["system", "user", "assistant", "tool"]
    content: str
    thinking: str
    images: list[str]
    model: str | None
    provider: str | None
    status: Literal["streaming", "complete", "stopped", "interrupted", "failed"]
    created_at: str
    run_id: str | None
    usage: Usage | None
    sources: list[Source]
    trimmed: int
    problem: Json | None
    context: Json | None


class Run(TypedDict):
    """A piece of work that goes on when nobody watches."""

    id: str
    kind: str
    state: Literal["queued", "running", "done", "cancelled", "interrupted", "failed"]
    conversation_id: str | None
    message_id: str | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    last_seq: int
    problem: Json | None


class Posted(TypedDict):
    """The question as it was kept, and the run that answers it."""

    message: Message
    run: Run


class Asking(TypedDict, total=False):
    """What else goes with a question. `parent_id` is the message that it follows: without it the
    end of the branch that is shown, None for a new beginning. `options` are Ollama's."""

    model: str | None
    options: Mapping[str, object]
    parent_id: str | None
    context: Mapping[str, object] | None


class Imported(TypedDict):
    """What an import did, in numbers of conversations and messages."""

    created: int
    updated: int
    unchanged: int
    messages_added: int


class Model(TypedDict):
    """An installed model; `expires_at` is until when it stays in memory."""

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


class Backend(TypedDict):
    """A model server, as last heard. `key_place` says where its key lies."""

    id: str
    name: str
    provider: Literal["ollama", "openai"]
    url: str
    state: Literal["up", "down", "unknown"]
    version: str | None
    since: str | None
    detail: str | None
    warning: str | None
    models_count: int
    breaker: Literal["closed", "open", "half-open"]
    in_flight: int
    limits: dict[str, int]
    has_key: bool
    key_place: str | None


class BackendModel(TypedDict):
    """A model that a server told of when it was asked."""

    name: str
    capabilities: list[str]
    context_length: int | None


class CheckedBackend(Backend):
    """A model server that was asked now."""

    models: list[BackendModel]


class BackendWish(TypedDict, total=False):
    """What else can be said of a model server. `limits` are how many requests it is given at the
    same time, as `{"text": 4, "vision": 1}`; `sees` are patterns of the names of models with
    vision; `force` adds it even if it does not answer now."""

    key: str
    organisation: str
    ca_file: str | None
    connect_seconds: float | None
    first_token_seconds: float | None
    stall_seconds: float | None
    limits: Mapping[str, int]
    sees: list[str]
    force: bool


class Waited(TypedDict):
    """Percentiles, in milliseconds."""

    p50: float
    p95: float
    p99: float


class Queue(TypedDict):
    """A queue before the models, and how long one waited in it of late."""

    name: str
    waiting: int
    running: int
    limit: int
    capacity: int
    waited_ms: Waited
    rejected: int
    timed_out: int
    abandoned: int


class EmbedUsage(TypedDict):
    """What embedding cost."""

    prompt_tokens: int
    load_ms: float
    total_ms: float


class Embedded(TypedDict):
    """One vector for each text, in their order."""

    model: str
    backend: str
    embeddings: list[list[float]]
    usage: EmbedUsage


class ToolFunction(TypedDict):
    """Which function, with its arguments already read."""

    name: str
    arguments: Json


class ToolCall(TypedDict):
    """A function that the model wants called."""

    id: str
    function: ToolFunction


class BatchResult(TypedDict):
    """What came of one item of a batch: an `answer` if it is done, a `problem` if it failed."""

    id: str
    status: Literal["done", "failed", "cancelled"]
    answer: NotRequired[Json]
    problem: NotRequired[Json]


class Health(TypedDict, total=False):
    """How the agent is. Without a token the status alone."""

    status: Literal["ready", "degraded", "starting", "broken"]
    version: str
    started_at: str
    ollama: Json
    others: list[Json]
    team: Json | None
    default_model: str | None
    models_count: int
    queue: Queue
    guide_entries: int
    data_dir_warning: str | None


class RequestRecord(TypedDict):
    """A request to a model that has ended. 0 and "" stand for what is not known."""

    id: str
    at: str
    kind: str
    outcome: str
    project: str
    model: str
    backend: str
    provider: str
    client: str
    code: str
    queued_ms: float
    load_ms: float
    first_token_ms: float
    total_ms: float
    prompt_tokens: int
    completion_tokens: int
    tokens_per_second: float
    cached: bool
    was_cold: bool


class ProjectDay(TypedDict):
    """What a project used of a model on a backend on one day, in UTC."""

    day: str
    project: str
    model: str
    backend: str
    requests: int
    done: int
    cancelled: int
    failed: int
    prompt_tokens: int
    completion_tokens: int
    queued_ms: int
    total_ms: int


class Spread(TypedDict):
    """By nearest rank."""

    count: int
    p50: float
    p95: float
    p99: float


class Performance(TypedDict):
    """How fast a model was on a backend."""

    model: str
    backend: str
    requests: int
    outcomes: dict[str, int]
    cached: int
    cold: int
    queued_ms: Spread | None
    load_cold_ms: Spread | None
    load_warm_ms: Spread | None
    first_token_ms: Spread | None
    tokens_per_second: Spread | None
    total_ms: Spread | None


class Runtime(TypedDict):
    """The model servers, and Ollama's process on this computer."""

    backends: list[Json]
    ollama: Json
    warnings: list[str]
