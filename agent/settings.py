"""The agent's settings: one frozen object, read once in __main__ and handed down as values."""

from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from agent.inference.addresses import base_url
from agent.shared.folders import data_dir as data_dir_in_force
from agent.shared.folders import default_data_dir

PREFIX = "ORCA_AGENT_"
DEFAULT_PORT = 14434
FILE_NAME = "agent.toml"


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
    log_level: str = Field(
        default="info",
        validation_alias=_named("LOG_LEVEL", "LOG_LEVEL"),
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
    waiting_chats: int = Field(
        default=64,
        ge=0,
        le=10_000,
        description="Answers that may wait for their turn; one more is refused with 503.",
    )
    guide: bool = Field(
        default=True,
        description="Put passages of the built-in print guide into the model's prompt.",
    )

    @field_validator("ollama_url")
    @classmethod
    def _address(cls, text: str) -> str:
        return base_url(text)

    @field_validator("log_level")
    @classmethod
    def _level(cls, text: str) -> str:
        level = text.strip().lower()
        if level not in {"debug", "info", "warning", "error"}:
            raise ValueError("must be debug, info, warning or error")
        return level

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
        return init_settings, env_settings, toml


def load(**given: Any) -> Settings:  # Any: each field has its own type
    """The settings in force. Raises BadSettings with one sentence that names the culprit."""
    try:
        return Settings(**given)
    except ValidationError as err:
        first = err.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise BadSettings(f"There is no setting called {name} ({FILE_NAME}).") from None
        message = first["msg"].removeprefix("Value error, ")
        raise BadSettings(f"The setting {name} is wrong: {message}.") from None
    except ValueError as err:  # tomllib's error, which names line and column
        raise BadSettings(f"The file {FILE_NAME} cannot be read: {err}.") from None
