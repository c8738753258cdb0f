"""What is asked of a model and what comes back, as plain values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple

FinishReason = Literal["stop", "length", "load", "unload"]
FrameKind = Literal["token", "thinking", "tool"]
LONGEST_REMEMBERED = 200  # letters of a name: what strangers send as one may be endless
IMAGE_TOKENS = 768  # what Ollama itself counts for an image when it trims


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model wants called, with its arguments already read."""

    name: str
    arguments: Mapping[str, object]
    id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `images` are base64 without a `data:` prefix."""

    role: str
    content: str
    images: tuple[str, ...] = ()
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_name: str = ""


@dataclass(frozen=True, slots=True)
class Native:
    """A body in Ollama's own words, for what has no other (`raw`, `suffix`, `template`).

    Ollama gets it as it is; other providers answer the request that carries it."""

    path: Literal["/api/chat", "/api/generate"]
    body: bytes


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One generation. `options` holds num_ctx and num_predict: the server's defaults for them
    are a tiny context and no end. A prompt beyond num_ctx is an error, never cut in silence."""

    model: str
    messages: tuple[Message, ...]
    options: Mapping[str, object]
    think: bool | str | None = None
    format: object | None = None
    keep_alive: str | int | None = None
    tools: tuple[Mapping[str, object], ...] = ()
    tool_choice: object | None = None  # OpenAI's; Ollama has none
    logprobs: bool = False
    top_logprobs: int = 0
    native: Native | None = None
    is_relayed: bool = False  # see Batch

    def __post_init__(self) -> None:
        if missing := {"num_ctx", "num_predict"} - self.options.keys():
            raise ValueError(f"options lack {', '.join(sorted(missing))}")


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """Texts to turn into vectors, in order."""

    model: str
    input: tuple[str, ...]
    options: Mapping[str, object] = field(default_factory=dict)
    dimensions: int | None = None
    truncate: bool = False
    keep_alive: str | int | None = None


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector for each text. `load_ms` and `total_ms` are 0 where the server told none."""

    vectors: tuple[tuple[float, ...], ...]
    prompt_tokens: int
    load_ms: float = 0.0
    total_ms: float = 0.0


class Frame(NamedTuple):
    """A piece of an answer; `calls` is filled for the kind `tool` only, `logprobs` (as the
    server wrote them) where they were asked for."""

    kind: FrameKind
    text: str
    calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost. `first_token_ms` is measured here, from the request on. The other
    times are the server's; of servers that tell none they are measured here, and 0 where that
    cannot be. `fallbacks`: whom a hub has passed over, and why."""

    prompt_tokens: int
    completion_tokens: int
    load_ms: float
    first_token_ms: float
    tokens_per_second: float
    total_ms: float
    fallbacks: tuple[Mapping[str, object], ...] = ()

    def to_json(self) -> dict[str, object]:
        """The `usage` member of messages and `done` events."""
        told: dict[str, object] = {"fallbacks": list(self.fallbacks)} if self.fallbacks else {}
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "load_ms": self.load_ms,
            "first_token_ms": self.first_token_ms,
            "tokens_per_second": self.tokens_per_second,
            "total_ms": self.total_ms,
            **told,
        }


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of an answer that came to its end; every other end is an error."""

    reason: FinishReason
    usage: Usage


class Batch(list[Frame | Finish]):
    """What one network read brought. `raw` is the same in the server's own words, whole lines;
    empty where they are not Ollama's.

    For a request that is relayed, usual lines of an Ollama are not read: their batch has `raw`
    alone. The last line, and whatever is odd, is read all the same."""

    __slots__ = ("raw",)

    def __init__(self, items: Iterable[Frame | Finish] = (), raw: bytes = b"") -> None:
        super().__init__(items)
        self.raw = raw


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model on a server's disk. The list may know fewer capabilities than `ShownModel`."""

    name: str
    digest: str
    size_bytes: int
    family: str
    parameter_size: str
    quantization: str
    capabilities: tuple[str, ...]
    context_length: int | None
    is_remote: bool
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShownModel:
    """What a server tells of one model when asked for it alone."""

    family: str
    parameter_size: str
    quantization: str
    capabilities: tuple[str, ...]
    context_length: int | None


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory, until when, and with which context."""

    name: str
    size_bytes: int
    vram_bytes: int
    context_length: int | None
    expires_at: datetime | None


def canonical_name(name: str) -> str:
    """`Qwen3` → `qwen3:latest`, `registry.ollama.ai/library/qwen3:4b` → `qwen3:4b`."""
    return _canonical(name) if len(name) <= LONGEST_REMEMBERED else _canonical.__wrapped__(name)


@lru_cache(maxsize=512)
def _canonical(name: str) -> str:
    name = name.strip().lower()
    name = name.removeprefix("registry.ollama.ai/").removeprefix("library/")
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


def clamp(
    options: Mapping[str, object], context_length: int | None, prompt_tokens: int
) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """Options that can hold, and what was changed as `{name: {"asked", "used"}}`.

    num_ctx is bounded by what the model was trained for (None: unknown), num_predict by what
    the prompt leaves of num_ctx, at least one token. A negative num_predict (no end) becomes
    all that is left and does not count as a change.
    """
    used = dict(options)
    num_ctx, num_predict = used.get("num_ctx"), used.get("num_predict")
    if isinstance(num_ctx, int) and context_length and num_ctx > context_length:
        used["num_ctx"] = num_ctx = context_length
    if isinstance(num_ctx, int):
        room = max(1, num_ctx - prompt_tokens)
        if not isinstance(num_predict, int) or not 0 <= num_predict <= room:
            used["num_predict"] = room
    clamped = {
        name: {"asked": asked, "used": used[name]}
        for name, asked in options.items()
        if used[name] != asked and not (name == "num_predict" and endless(asked))
    }
    return used, clamped


def endless(num_predict: object) -> bool:
    """Whether a num_predict asks for no end."""
    return num_predict is None or (isinstance(num_predict, int) and num_predict < 0)


def estimate_tokens(text: str) -> int:
    """How many tokens `text` is at most, roughly; made to err upwards.

    An assumption, not a tokenizer: byte-pair vocabularies of 100,000 entries and more (Qwen,
    Llama 3, Gemma) take 3.5 to 5 ASCII letters a token in prose (German and identifiers are at
    the low end), one digit, about one sign of punctuation, one to two letters of other
    alphabets, one CJK character or a little less, and two to three tokens an emoji.
    """
    data = text.encode(errors="replace")
    digits, marks = _count(data, DIGITS), _count(data, MARKS)
    two = three = four = 0
    if not text.isascii():
        two, three, four = (_count(data, leads) for leads in (LEAD_2, LEAD_3, LEAD_4))
    letters = len(data) - digits - marks - 2 * two - 3 * three - 4 * four
    tokens = letters / 3.5 + digits + 0.9 * marks + 0.7 * two + 1.1 * three + 3.0 * four
    return int(tokens) + 1 if text else 0


DIGITS = b"0123456789"
MARKS = bytes(code for code in range(33, 127) if not chr(code).isalnum()) + b"\n"
LEAD_2, LEAD_3, LEAD_4 = bytes(range(0xC2, 0xE0)), bytes(range(0xE0, 0xF0)), b"\xf0\xf1\xf2\xf3\xf4"


def _count(data: bytes, of: bytes) -> int:
    return len(data) - len(data.translate(None, of))
