"""The agent's settings: one frozen object, read once in __main__ and handed down as values."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from agent import wrong_settings
from agent.inference.addresses import base_url
from agent.shared.folders import data_dir as data_dir_in_force
from agent.shared.folders import default_data_dir

PREFIX = wrong_settings.PREFIX
DEFAULT_PORT = 14434
FILE_NAME = wrong_settings.FILE_NAME
LEVELS = ("debug", "info", "warning", "error")
PLAIN_LEVEL = "LOG_LEVEL"


class BadSettings(Exception):
    """One sentence for the person who set them."""


def _named(prefixed: str, *plain: str) -> AliasChoices:
    # The name in a file comes last, so that the environment wins within one source as well.
    return AliasChoices(f"{PREFIX}{prefixed}", *plain, prefixed.lower())


class Settings(BaseSettings):
    """Nothing else looks at the environment.

    Order: ORCA_AGENT_* in the environment, then the well-known plain names, then agent.toml in
    the data folder, then the default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", populate_by_name=True
    )

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
        validation_alias=_named("OLLAMA_URL", "OLLAMA_URL", "OLLAMA_HOST"),
        description="Address of Ollama. The plain names OLLAMA_URL and OLLAMA_HOST work too.",
    )
    default_model: str | None = Field(
        default=None,
        max_length=200,
        validation_alias=_named("DEFAULT_MODEL", "DEFAULT_MODEL"),
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
    log_level: str = Field(
        default="info",
        validation_alias=_named("LOG_LEVEL", PLAIN_LEVEL),
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
        description="Longest answer (num_predict) where nobody asks for another.",
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
    slicer_file_mb: int = Field(
        default=4096,
        ge=1,
        le=100_000,
        description="Megabytes of the largest sliced file that is taken in.",
    )
    slicer_keep_files: int = Field(
        default=200,
        ge=1,
        le=100_000,
        description="Sliced files that are kept. The oldest go first, but none that waits.",
    )
    slicer_keep_mb: int = Field(
        default=8192,
        ge=1,
        le=10_000_000,
        description="Megabytes of sliced files that are kept, in the same way.",
    )
    slicer_data_dirs: str = Field(
        default="",
        max_length=10_000,
        description="Data folders of OrcaSlicer whose presets are read, separated as in PATH. "
        "Unset: those at the usual places.",
    )
    orcaslicer_binary: Path | None = Field(
        default=None,
        description="OrcaSlicer's program, where it is at none of the usual places.",
    )
    prusaslicer_binary: Path | None = Field(
        default=None,
        description="PrusaSlicer's program, where it is at none of the usual places.",
    )
    slicing_seconds: int = Field(
        default=900,
        ge=1,
        le=86_400,
        description="Patience with the slicing of one variant, which is then stopped.",
    )
    slicing_mb: int = Field(
        default=4096,
        ge=1,
        le=1_000_000,
        description="Most megabytes that the slicing of one variant may write.",
    )
    printer_seconds: float = Field(
        default=20, gt=0, le=3600, description="Patience with one answer of a printer."
    )
    printer_retry_seconds: float = Field(
        default=120,
        gt=0,
        le=86_400,
        description="How long a file waits for a printer that is away.",
    )
    printer_watch_seconds: float = Field(
        default=10, gt=0, le=3600, description="How often a printer is asked how its print goes."
    )
    telemetry_days: int = Field(
        default=30,
        ge=1,
        le=366,
        description="How long what each request took is kept; sums by day stay for two years.",
    )
    log_prompts: bool = Field(
        default=False,
        description="Write what models are asked into the log. Else it never stands there.",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        validation_alias=_named("OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="Where OpenTelemetry traces go, such as http://127.0.0.1:4318. "
        "Needs the extra `otel`; OTEL_EXPORTER_OTLP_ENDPOINT works too.",
    )

    @field_validator("ollama_url")
    @classmethod
    def _address(cls, text: str) -> str:
        return base_url(text)

    @field_validator("log_level")
    @classmethod
    def _level(cls, text: str) -> str:
        if not _is_level(text):
            raise ValueError(wrong_settings.ALLOWED["log_level"])
        return text.strip().lower()

    @field_validator("data_dir")
    @classmethod
    def _whole_path(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @property
    def database_file(self) -> Path:
        return self.data_dir / "agent.db"

    @property
    def image_dir(self) -> Path:
        return self.data_dir / "images"

    @property
    def image_cache_file(self) -> Path:
        return self.data_dir / "images.db"

    @property
    def slicer_data_folders(self) -> tuple[Path, ...]:
        parts = (part.strip() for part in self.slicer_data_dirs.split(os.pathsep))
        return tuple(Path(part).expanduser() for part in parts if part)

    @property
    def slicer_dir(self) -> Path:
        return self.data_dir / "slicer"

    @property
    def log_dir(self) -> Path:
        return self.data_dir / "logs"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then the file in the data folder."""
        given = init_settings.init_kwargs if isinstance(init_settings, InitSettingsSource) else {}
        file = data_dir_in_force(given.get("data_dir")) / FILE_NAME
        toml = TomlConfigSettingsSource(settings_cls, file)
        if isinstance(env_settings, EnvSettingsSource):
            # A plain LOG_LEVEL is often meant for other programs: `notices` says that it is left.
            env_settings.env_vars = {
                name: value
                for name, value in env_settings.env_vars.items()
                if name.upper() != PLAIN_LEVEL or _is_level(value or "")
            }
        return init_settings, env_settings, toml


def load(**given: Any) -> Settings:  # Any: each field has its own type
    """The settings in force. Raises BadSettings with one sentence that names the culprit."""
    environment = os.environ
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise BadSettings(f"There is no setting called {name}.")
    try:
        folder = given["data_dir"] = data_dir_in_force(given.get("data_dir"))
    except RuntimeError:
        raise BadSettings("The data folder is in the home of a user who is not known.") from None
    file = _read(folder / FILE_NAME)
    if "data_dir" in file:
        raise BadSettings(
            f"data_dir has no place in {FILE_NAME}, which lies in that folder: "
            f"set {PREFIX}DATA_DIR in the environment."
        )
    try:
        return Settings(**given)
    except ValidationError as err:
        first = err.errors(include_url=False)[0]
        raise BadSettings(
            wrong_settings.sentence(first, Settings.model_fields, environment, given, file)
        ) from None


def notices(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Sentences about what is set but not followed."""
    level = environment.get(PLAIN_LEVEL, "")
    if not level or _is_level(level) or f"{PREFIX}{PLAIN_LEVEL}" in environment:
        return []
    allowed = wrong_settings.ALLOWED["log_level"]
    shown = wrong_settings.short(level)
    return [f"{PLAIN_LEVEL} is not used: it is {shown}, and would have to be {allowed}."]


def _is_level(text: str) -> bool:
    return text.strip().lower() in LEVELS


def _read(file: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as err:
        raise BadSettings(f"The file {file} cannot be read: {err.strerror}.") from None
    except UnicodeDecodeError:
        raise BadSettings(f"The file {file} is not UTF-8 text.") from None
    except tomllib.TOMLDecodeError as err:
        place = re.search(r"line \d+, column \d+", str(err))
        where = f": see {place[0]}" if place else ", and ends too early"
        raise BadSettings(f"The file {file} is not TOML{where}.") from None
