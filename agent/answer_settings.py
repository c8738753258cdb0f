"""Where the agent lives, which models answer, and within which bounds."""

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings

from agent.configuration.layers import PREFIX
from agent.inference.addresses import base_url
from agent.shared.folders import default_data_dir

DEFAULT_PORT = 14434
PLAIN_LEVEL = "LOG_LEVEL"
LEVELS = ("debug", "info", "warning", "error")


def named(prefixed: str, *plain: str) -> AliasChoices:
    """A setting that well-known names without our prefix set as well."""
    # The name in a file comes last, so that the environment wins within one source as well.
    return AliasChoices(f"{PREFIX}{prefixed}", *plain, prefixed.lower())


def is_level(text: str) -> bool:
    """Whether a text names a level of the log."""
    return text.strip().lower() in LEVELS


class AnswerSettings(BaseSettings):
    """The part of the settings that answers need."""

    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Folder of the database, images, logs and the token. Environment only.",
    )
    port: int = Field(
        default=DEFAULT_PORT,
        ge=0,
        le=65535,
        description="Port on 127.0.0.1. 0 takes any free one.",
    )
    ollama_url: str = Field(
        default="http://127.0.0.1:11434",
        validation_alias=named("OLLAMA_URL", "OLLAMA_URL", "OLLAMA_HOST"),
        description="Address of Ollama. The plain names OLLAMA_URL and OLLAMA_HOST work too.",
    )
    default_model: str | None = Field(
        default=None,
        max_length=200,
        validation_alias=named("DEFAULT_MODEL", "DEFAULT_MODEL"),
        description="Model that answers where nobody names one. Unset: the best installed one.",
    )
    text_model: str | None = Field(
        default=None,
        max_length=200,
        description="Model for text, in place of the one that the profile recommends.",
    )
    code_model: str | None = Field(
        default=None,
        max_length=200,
        description="Model for code, in place of the one that the profile recommends.",
    )
    vision_model: str | None = Field(
        default=None,
        max_length=200,
        description="Model that sees, in place of the one that the profile recommends.",
    )
    embedding_model: str | None = Field(
        default=None,
        max_length=200,
        description="Model for embeddings, in place of the one that the profile recommends.",
    )
    profile: str | None = Field(
        default=None,
        max_length=50,
        description="Profile of this computer, in place of the one that fits what was detected.",
    )
    manage_ollama: Literal["auto", "never"] = Field(
        default="auto",
        description="auto starts Ollama where it is installed and nobody runs it; never does not.",
    )
    ollama_binary: Path | None = Field(
        default=None,
        description="Ollama's program, where it is at none of the usual places.",
    )
    ollama_parallel: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Answers of one model at once, told to an Ollama that the agent starts.",
    )
    ollama_max_loaded: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Models in memory at once, told to an Ollama that the agent starts.",
    )
    ollama_memory_mb: int = Field(
        default=0,
        ge=0,
        le=100_000_000,
        description="Size from which the agent's own Ollama starts anew when idle. 0: 85 % of all.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        validation_alias=named("LOG_LEVEL", PLAIN_LEVEL),
        description="debug, info, warning or error.",
    )
    context_tokens: int = Field(
        default=8192,
        ge=512,
        le=1_000_000,
        description="Context that is asked of a model (num_ctx), up to what the model has.",
    )
    answer_tokens: int = Field(
        default=2048,
        ge=16,
        le=1_000_000,
        description="Longest answer (num_predict) where nobody asks for another; "
        "less before messages are left out.",
    )
    keep_alive: str = Field(
        default="5m",
        pattern=r"^(-?\d+|(-?\d+(\.\d+)?(ms|s|m|h))+)$",
        description="How long Ollama keeps a model in memory after use: 5m, 1h, -1 (for ever).",
    )
    first_token_seconds: float = Field(
        default=900,
        gt=0,
        le=86_400,
        description="Patience until a model begins to answer: queueing, loading, reading.",
    )
    stall_seconds: float = Field(
        default=180,
        gt=0,
        le=86_400,
        description="Patience between two pieces of an answer.",
    )
    concurrent_chats: int = Field(
        default=4,
        ge=1,
        le=256,
        description="Answers that models write at the same time.",
    )
    concurrent_visions: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Answers about pictures at the same time; these wait in a queue of their own.",
    )
    waiting_chats: int = Field(
        default=64,
        ge=0,
        le=10_000,
        description="Answers that may wait for their turn; one more is refused with 503.",
    )
    requests_per_minute: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Requests to models that one token may send in any minute; one more is refused "
        "with 429. 0: as many as the queue takes.",
    )
    image_max_edge: int = Field(
        default=1568,
        ge=64,
        le=8192,
        description="Pixels of the longer edge of a picture that a model gets. More than most "
        "look at costs time and context.",
    )
    image_max_bytes: int = Field(
        default=3 * 1024 * 1024,
        ge=16 * 1024,
        le=32 * 1024 * 1024,
        description="Most bytes of a picture that a model gets, before base64.",
    )
    image_format: Literal["jpeg", "png", "webp"] = Field(
        default="jpeg",
        description="What pictures are sent to models as. A small PNG stays PNG.",
    )
    image_seconds: float = Field(
        default=20,
        gt=0,
        le=600,
        description="Patience with the decoding of one picture, which is then stopped.",
    )
    image_cache_mb: int = Field(
        default=1024,
        ge=0,
        le=100_000,
        description="Megabytes of shrunk pictures that are kept to be used again; 0 keeps none.",
    )
    image_cache_minutes: int = Field(
        default=60,
        ge=1,
        le=10_080,
        description="How long a shrunk picture is kept after its last use.",
    )
    answer_cache: bool = Field(
        default=False,
        description="Answer the very same request from the cache also where it does not ask for "
        "that. Only requests with temperature 0 or a seed ever are.",
    )
    answer_cache_mb: int = Field(
        default=64,
        ge=0,
        le=100_000,
        description="Megabytes of answers that are kept for the very same request; 0 keeps none.",
    )
    answer_cache_hours: int = Field(
        default=24,
        ge=1,
        le=8760,
        description="How long an answer is kept after it was written.",
    )
    guide: bool = Field(
        default=True,
        description="Put passages of the built-in print guide into the model's prompt.",
    )

    @field_validator("ollama_url")
    @classmethod
    def _address(cls, text: str) -> str:
        return base_url(text)

    @field_validator("log_level", mode="before")
    @classmethod
    def _level(cls, text: object) -> object:
        return text.strip().lower() if isinstance(text, str) else text

    @field_validator("data_dir")
    @classmethod
    def _whole_path(cls, path: Path) -> Path:
        return path.expanduser().absolute()
