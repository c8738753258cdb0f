"""The hub's settings: one frozen object, read once in __main__ and handed down as values."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from hub.addresses import check_database, check_redis, for_asyncpg
from hub.ai.settings import ModelSettings
from hub.folders import default_data_dir
from hub.limits.buckets import rate_of
from hub.oidc.settings import ProviderSettings

PREFIX = "ORCA_HUB_"
DEFAULT_PORT = 14480
SECRET_FILE_BYTES = 64 * 1024
WEAKEST_SECRET = 32  # characters
GUESSED = ("secret_key", "metrics_token")  # secrets of the hub's own that somebody might try


Source = Literal["environment", "file", "default"]


class BadSettings(Exception):
    """One sentence for the person who set them."""


class Settings(ProviderSettings, ModelSettings):
    """From ORCA_HUB_* in the environment; every secret also as ORCA_HUB_..._FILE, the path of a
    file that holds it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    _sources: dict[str, Source] = PrivateAttr(default_factory=dict)

    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Folder of the SQLite database, the keys that the hub makes for itself, logs.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Beyond this computer only behind a proxy with TLS.",
    )
    port: int = Field(
        default=DEFAULT_PORT, ge=0, le=65535, description="Port. 0 takes any free one."
    )
    public_url: str = Field(
        default="",
        max_length=500,
        description="Address by which browsers and agents reach the hub, such as "
        "https://hub.example.org. Unset: http://127.0.0.1 with the port.",
    )
    proxies: int = Field(
        default=0,
        ge=0,
        le=10,
        description="Proxies in front of the hub whose X-Forwarded-* headers are believed.",
    )
    environment: Literal["production", "development"] = Field(
        default="production", description="In development weak secrets are let through."
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="postgresql://user:password@host:port/name. Unset: SQLite in the data folder.",
    )
    database_pool: int = Field(
        default=10, ge=1, le=200, description="Connections to PostgreSQL that stay open."
    )
    database_overflow: int = Field(
        default=10, ge=0, le=200, description="Connections beyond that under load."
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="redis://host:port/0 for limits and streams that replicas share. Unset: one "
        "replica needs none.",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="At least 32 characters that seal what the hub keeps of others' secrets. "
        "Unset: made once and kept in the data folder. Replicas share one.",
    )
    local_login: Literal["on", "break-glass", "off"] = Field(
        default="on",
        description="Who signs in with a password: on: everybody who has one. break-glass: "
        "break-glass accounts alone. off: the same, and the page does not offer it.",
    )
    scim_token: SecretStr | None = Field(
        default=None,
        description="What the identity provider sends to /scim/v2: ohs_ and at least 32 more "
        "characters. Tokens can be made in the console, too.",
    )
    session_hours: int = Field(
        default=12, ge=1, le=24 * 90, description="How long a browser stays signed in unused."
    )
    session_days: int = Field(
        default=7, ge=1, le=90, description="How long a browser stays signed in at all."
    )
    access_minutes: int = Field(
        default=10, ge=1, le=60, description="How long an access token of a machine holds."
    )
    refresh_days: int = Field(
        default=30, ge=1, le=365, description="How long a machine may stay away before it signs in."
    )
    jobs_at_once: int = Field(
        default=4, ge=1, le=100, description="Background jobs that one process does at a time."
    )
    cors_origins: str = Field(
        default="",
        max_length=2000,
        description="Origins whose pages may ask the hub with a token, with commas between them. "
        "Unset: none.",
    )
    otlp_endpoint: str = Field(
        default="",
        max_length=500,
        description="Address of an OpenTelemetry collector (OTLP over HTTP). Unset: no traces.",
    )
    rate_per_user: str = Field(
        default="600/minute",
        description="Requests that one person may send, as number/second, /minute, /hour or /day. "
        "Empty: as many as they like.",
    )
    rate_per_key: str = Field(default="600/minute", description="The same of one key of a program.")
    rate_per_address: str = Field(
        default="1200/minute",
        description="The same of one address, by all whom nobody knows.",
    )
    rate_of_logins: str = Field(
        default="120/minute",
        description="Attempts to sign in that may come from one address, whoever is meant.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error."
    )
    conversation_tokens: int = Field(
        default=12_000,
        ge=1_000,
        le=1 << 20,
        description="How much of a conversation goes to the model with a question, in tokens.",
    )
    artefacts_mib: int = Field(
        default=256, ge=1, le=1_000_000, description="Files of models that each person may keep."
    )
    check_s: float = Field(
        default=5.0,
        ge=0.5,
        le=60,
        description="Seconds that checking the files of one answer takes.",
    )
    audit_months: int = Field(
        default=24,
        ge=0,
        le=1200,
        description="Whole months beside the present one that the audit log is kept. 0: for ever.",
    )
    usage_months: int = Field(
        default=36,
        ge=0,
        le=1200,
        description="The same of what was used. 0: for ever.",
    )
    usage_day_months: int = Field(
        default=13,
        ge=0,
        le=1200,
        description="Whole months of which each day's use is kept; of older ones the sum of the "
        "month. 0: each day's for ever.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="At least 32 characters that Prometheus sends for /metrics. Unset: nobody may "
        "read it.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """`load` alone looks at the environment."""
        return (init_settings,)

    @field_validator("public_url")
    @classmethod
    def _address(cls, text: str) -> str:
        return _origin(text) if text.strip() else ""

    @field_validator("rate_per_user", "rate_per_key", "rate_per_address", "rate_of_logins")
    @classmethod
    def _rate(cls, text: str) -> str:
        rate_of(text)
        return text.strip()

    @field_validator("database_url")
    @classmethod
    def _database(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            check_database(url.get_secret_value())
        return url

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            check_redis(url.get_secret_value())
        return url

    @field_validator("scim_token")
    @classmethod
    def _scim(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not re.fullmatch(r"ohs_\S{32,200}", token.get_secret_value()):
            raise ValueError("a token of SCIM is ohs_ and at least 32 more characters")
        return token

    def source_of(self, name: str) -> Source:
        """Where the setting's value comes from."""
        return self._sources.get(name, "default")

    @field_validator("cors_origins")
    @classmethod
    def _lent(cls, text: str) -> str:
        return ",".join(_origin(one) for one in text.split(",") if one.strip())

    @property
    def origin(self) -> str:
        """Scheme, host and port as browsers see them, without a slash at the end."""
        return self.public_url or f"http://127.0.0.1:{self.port}"

    @property
    def is_secure(self) -> bool:
        """Whether browsers come by TLS, so that cookies are for that alone."""
        return self.origin.startswith("https://")

    @property
    def lent_origins(self) -> list[str]:
        """Origins whose pages may ask with a token."""
        return [one for one in self.cors_origins.split(",") if one]

    @property
    def sqlite_file(self) -> Path:
        return self.data_dir / "hub.db"

    @property
    def async_database_url(self) -> str | None:
        """As SQLAlchemy's asyncpg dialect wants it."""
        if self.database_url is None:
            return None
        return for_asyncpg(self.database_url.get_secret_value())


def secret_names() -> list[str]:
    """The settings that are secrets."""
    return [
        name
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    ]


def load(
    environment: Mapping[str, str] = os.environ, **given: Any
) -> Settings:  # Any: each its own
    """The settings in force. Raises BadSettings with one sentence that names the culprit."""
    secrets = secret_names()
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in secrets}
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise BadSettings(f"There is no setting called {name}.")
    values = {
        name: environment[variable]
        for name in Settings.model_fields
        if (variable := f"{PREFIX}{name.upper()}") in environment
    }
    sources: dict[str, Source] = dict.fromkeys(values, "environment")
    for name in secrets:
        file = environment.get(f"{PREFIX}{name.upper()}_FILE")
        if file:
            if name in values:
                raise BadSettings(
                    f"{PREFIX}{name.upper()} and {PREFIX}{name.upper()}_FILE are both set: use one."
                )
            values[name] = _secret_in(Path(file), f"{PREFIX}{name.upper()}_FILE")
            sources[name] = "file"
    try:
        settings = Settings(**{**values, **given})
    except ValidationError as err:
        raise BadSettings(_sentence(err)) from None
    settings._sources.update(sources)
    _check_secrets(settings)
    _check_provider(settings)
    return settings


def _check_secrets(settings: Settings) -> None:
    """Weak ones stop the start, but for development."""
    if settings.environment == "development":
        return
    for name in GUESSED:
        secret: SecretStr | None = getattr(settings, name)
        text = secret.get_secret_value() if secret else None
        if text is not None and (len(text) < WEAKEST_SECRET or len(set(text)) < 10):
            raise BadSettings(
                f"{PREFIX}{name.upper()} is weak: it needs {WEAKEST_SECRET} characters that "
                "nobody guesses. Make one with: openssl rand -base64 48."
            )


def _check_provider(settings: Settings) -> None:
    """The three go together."""
    needed = {
        "OIDC_CLIENT_ID": bool(settings.oidc_client_id),
        "OIDC_CLIENT_SECRET": settings.oidc_client_secret is not None,
    }
    missing = [name for name, is_set in needed.items() if not is_set]
    if settings.oidc_issuer and missing:
        raise BadSettings(f"{PREFIX}OIDC_ISSUER is set, {PREFIX}{missing[0]} is not.")


def _secret_in(file: Path, variable: str) -> str:
    try:
        with file.open("rb") as opened:
            text = opened.read(SECRET_FILE_BYTES).decode().strip()
    except OSError as err:
        raise BadSettings(f"The file of {variable} cannot be read: {err.strerror}.") from None
    except UnicodeDecodeError:
        raise BadSettings(f"The file of {variable} is not UTF-8 text.") from None
    if not text:
        raise BadSettings(f"The file of {variable} is empty.")
    return text


def _sentence(err: ValidationError) -> str:
    """Names the setting and what it may be; never what was written, which may be a secret."""
    first = err.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0])
    reason = first["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{PREFIX}{name.upper()} cannot be used: {reason[:1].lower()}{reason[1:]}."


def _origin(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError("it is an address such as https://hub.example.org")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("it ends with the host and port: no path, no ? and no #")
    return f"{parts.scheme}://{parts.netloc}".lower()
