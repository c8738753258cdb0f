"""The agent's settings: one frozen object, read once in __main__ and handed down as values."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from agent import wrong_settings
from agent.answer_settings import PLAIN_LEVEL, AnswerSettings, is_level, named
from agent.configuration import layers as setting_layers
from agent.configuration.layers import FILE_NAME, MANAGED_NAME, MANAGED_VARIABLE, PREFIX, Layers
from agent.inference.allowed import Allowed, patterns, servers
from agent.shared.folders import data_dir as data_dir_in_force
from agent.updates.rules import source_address

IN_FORCE = "(layers)"  # no name of a setting


class BadSettings(Exception):
    """One sentence for the person who set them."""


class Settings(AnswerSettings):
    """Nothing else looks at the environment.

    Order: the administrator's managed.toml, options of the command, ORCA_AGENT_* in the
    environment, then the well-known plain names, then agent.toml in the data folder, then the
    default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", populate_by_name=True
    )
    _layers: Layers = PrivateAttr(default_factory=Layers)
    _asked_port: int = PrivateAttr(default=0)

    slicer_file_mb: int = Field(
        default=4096,
        ge=1,
        le=100_000,
        description="Megabytes of the largest sliced file that is taken in.",
    )
    slicer_check_seconds: float = Field(
        default=300.0,
        gt=0,
        le=3600,
        description="Seconds in which every move of a file for a printer is to be read. What takes "
        "longer is held.",
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
    update_check: bool = Field(
        default=False,
        description="Ask once a day whether there is a newer version. It is never installed.",
    )
    update_url: str = Field(
        default="",
        max_length=500,
        description="Address of the update source. Unset: that of the package, where it has one.",
    )
    update_root: Path | None = Field(
        default=None,
        description="Root metadata (TUF) of the update source, in place of that in the package.",
    )
    cloud: bool = Field(
        default=True,
        description="Models outside this computer and its private network may be used.",
    )
    allowed_models: str = Field(
        default="",
        max_length=10_000,
        description="Models that may be used, separated by commas: qwen3, *-vl:8b. Unset: all.",
    )
    allowed_backends: str = Field(
        default="",
        max_length=10_000,
        description="Addresses of the model servers that may be used, separated by commas. "
        "Unset: all.",
    )
    notify_pulls: bool = Field(
        default=True,
        description="The desktop tells when a model has been downloaded.",
    )
    notify_held: bool = Field(
        default=True,
        description="The desktop tells when a print waits for a click.",
    )
    notify_updates: bool = Field(
        default=True,
        description="The desktop tells when the agent was updated, or could be.",
    )
    backup_every_days: int = Field(
        default=7,
        ge=0,
        le=366,
        description="Days between two automatic backups of the database and the settings. 0: none.",
    )
    backup_keep: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Automatic backups that are kept. Those that you make yourself always stay.",
    )
    log_prompts: bool = Field(
        default=False,
        description="Write what models are asked into the log. Else it never stands there.",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        validation_alias=named("OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="Where OpenTelemetry traces go, such as http://127.0.0.1:4318. "
        "Needs the extra `otel`; OTEL_EXPORTER_OTLP_ENDPOINT works too.",
    )

    @field_validator("update_url")
    @classmethod
    def _update_source(cls, text: str) -> str:
        return source_address(text)

    @field_validator("slicer_data_dirs")
    @classmethod
    def _slicer_data_dirs(cls, text: str) -> str:
        _folders(text)  # which says what is wrong with one
        return text

    @field_validator("allowed_backends")
    @classmethod
    def _allowed_backends(cls, text: str) -> str:
        servers(text)  # which says what is wrong with one
        return text

    @property
    def allowed(self) -> Allowed:
        """What of models and their servers may be used."""
        return Allowed(self.cloud, patterns(self.allowed_models), servers(self.allowed_backends))

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
        return _folders(self.slicer_data_dirs)

    @property
    def slicer_dir(self) -> Path:
        return self.data_dir / "slicer"

    @property
    def log_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def layers(self) -> Layers:
        """What they were read from."""
        return self._layers

    @property
    def asked_port(self) -> int:
        """The port that was asked for; `port` may be another one by now."""
        return self._asked_port

    @classmethod
    def of(cls, layers: Layers) -> "Settings":
        """Raises ValidationError."""
        asked: dict[str, Any] = {IN_FORCE: layers}  # Any: no field
        settings = cls(**asked)
        settings._layers, settings._asked_port = layers, settings.port
        return settings

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The layers that `of` hands in, with the environment among them."""
        given = init_settings.init_kwargs if isinstance(init_settings, InitSettingsSource) else {}
        layers = given.pop(IN_FORCE, Layers())
        if isinstance(env_settings, EnvSettingsSource):
            # A plain LOG_LEVEL is often meant for other programs: `notices` says that it is left.
            env_settings.env_vars = {
                name: value
                for name, value in env_settings.env_vars.items()
                if name.upper() != PLAIN_LEVEL or is_level(value or "")
            }
        managed, options, file = (
            InitSettingsSource(settings_cls, dict(layer))
            for layer in (layers.managed, layers.given, layers.file)
        )
        return managed, options, init_settings, env_settings, file


def _folders(text: str) -> tuple[Path, ...]:
    """Folders as PATH lists them. Raises ValueError with a sentence."""
    if "\0" in text:
        raise ValueError("The name of a folder holds no NUL.")
    parts = (part.strip() for part in text.split(os.pathsep))
    try:
        return tuple(Path(part).expanduser() for part in parts if part)
    except RuntimeError:
        raise ValueError("A folder is in the home of a user who is not known.") from None


def load(**given: Any) -> Settings:  # Any: each field has its own type
    """The settings in force. Raises BadSettings with one sentence that names the culprit."""
    return settled(read_layers(given, os.environ))


def problem_of(file: Path) -> str | None:
    """Why a file called agent.toml, wherever it lies, would keep the agent from starting."""
    try:
        load(data_dir=file.parent)
    except BadSettings as err:
        return str(err)
    return None


def load_again(settings: Settings) -> Settings:
    """As they would be read now, by the same options in the same environment.

    Raises BadSettings."""
    return settled(read_layers(settings.layers.given, settings.layers.environment))


def read_layers(given: Mapping[str, Any], environment: Mapping[str, str]) -> Layers:
    """What is set where, as far as it can be read; `given` are the options of the command.

    Raises BadSettings."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {MANAGED_VARIABLE}
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise BadSettings(f"There is no setting called {name}.")
    try:
        folder = data_dir_in_force(given.get("data_dir"))
    except RuntimeError:
        raise BadSettings("The data folder is in the home of a user who is not known.") from None
    try:
        file = setting_layers.read_toml(folder / FILE_NAME)
        fixing = setting_layers.managed_file(environment)
        managed = setting_layers.read_toml(fixing) if fixing else {}
    except setting_layers.BadFile as err:
        raise BadSettings(str(err)) from None
    if "data_dir" in file:
        raise BadSettings(
            f"data_dir has no place in {FILE_NAME}, which lies in that folder: "
            f"set {PREFIX}DATA_DIR in the environment."
        )
    if "data_dir" in managed:
        raise BadSettings(
            f"data_dir has no place in {MANAGED_NAME}, which is there for every user: "
            f"set {PREFIX}DATA_DIR in the environment."
        )
    return Layers(managed, {**given, "data_dir": folder}, environment, file, fixing)


def settled(layers: Layers) -> Settings:
    """The settings of these layers. Raises BadSettings."""
    try:
        return Settings.of(layers)
    except ValidationError as err:
        first = err.errors(include_url=False)[0]
        raise BadSettings(wrong_settings.sentence(first, Settings.model_fields, layers)) from None


def notices(settings: Settings) -> list[str]:
    """Sentences about what is set but not followed."""
    environment, told = settings.layers.environment, []
    for name in environment:
        setting = wrong_settings.name_of(name, Settings.model_fields)
        if setting is None:
            continue
        plain = wrong_settings.plain_names(Settings.model_fields[setting])
        is_meant = name.upper() in {f"{PREFIX}{setting}".upper(), *plain}
        if is_meant and settings.layers.origin(setting, plain).source == "managed":
            told.append(f"{name} is not used: {MANAGED_NAME} fixes {setting}.")
    level = environment.get(PLAIN_LEVEL, "")
    if level and not is_level(level) and f"{PREFIX}{PLAIN_LEVEL}" not in environment:
        allowed, shown = wrong_settings.ALLOWED["log_level"], wrong_settings.short(level)
        told.append(f"{PLAIN_LEVEL} is not used: it is {shown}, and would have to be {allowed}.")
    return told
