"""Model servers as they are set: by the environment, by a file, or in the console."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from agent.inference.addresses import base_url, openai_url
from agent.inference.openai_facts import is_remote
from agent.inference.provider import Kind
from agent.shared.web import In
from hub.settings import BadSettings, Settings

Source = Literal["environment", "file", "console"]
OPENAI = "https://api.openai.com/v1"
FILE_BYTES = 1 << 20
NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
KEY = r"^[\x21-\x7e]{1,4000}$"  # what a header can carry


@dataclass(frozen=True, slots=True)
class Spec:
    """One model server. A lower priority is asked first; `models` are patterns of the names that
    it may answer to, none for all of them."""

    id: str
    name: str
    kind: Kind
    url: str
    source: Source
    key: str = field(default="", repr=False)
    is_cloud: bool = False
    priority: int = 100
    parallel: int = 4
    models: tuple[str, ...] = ()
    is_on: bool = True


class ProviderFields(In):
    """What a person says of a model server, in a file or in the console."""

    name: str = Field(pattern=NAME, description="Small letters, digits, dots and dashes.")
    kind: Kind
    url: str = Field(min_length=1, max_length=500)
    key: str | None = Field(default=None, pattern=KEY, description="It has no spaces.")
    is_cloud: bool | None = Field(
        default=None, description="Absent: whether its address leads out of private networks."
    )
    priority: int = Field(default=100, ge=0, le=10_000)
    parallel: int | None = Field(default=None, ge=1, le=1000)
    models: list[str] = Field(default=[], max_length=200)
    is_on: bool = True

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str, info: ValidationInfo) -> str:
        if kind := info.data.get("kind"):  # else that is what does not fit
            address_of(kind, url)
        return url


class ProvidersFile(In):
    providers: list[ProviderFields] = Field(max_length=200)


def address_of(kind: Kind, url: str) -> str:
    """The whole address. Raises ValueError with a sentence."""
    return base_url(url) if kind == "ollama" else openai_url(url)


def spec_of(asked: ProviderFields, spec_id: str, *, source: Source, parallel: int) -> Spec:
    url = address_of(asked.kind, asked.url)
    return Spec(
        spec_id,
        asked.name,
        asked.kind,
        url,
        source,
        asked.key or "",
        is_remote(url) if asked.is_cloud is None else asked.is_cloud,
        asked.priority,
        asked.parallel or parallel,
        tuple(asked.models),
        asked.is_on,
    )


def fixed_specs(settings: Settings) -> list[Spec]:
    """Those of the environment and of the file. Raises BadSettings."""
    asked = [(one, "environment") for one in _of_environment(settings)]
    if settings.providers_file:
        asked += [(one, "file") for one in _of_file(settings.providers_file)]
    names = [one.name for one, _ in asked]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadSettings(f"Two model servers are called {twice}.")
    parallel = settings.model_parallel
    return [
        spec_of(
            one,
            f"{source}-{one.name}"[:36],
            source="file" if source == "file" else "environment",
            parallel=parallel,
        )
        for one, source in asked
    ]


def _of_environment(settings: Settings) -> list[ProviderFields]:
    urls = [part.strip() for part in settings.ollama_urls.split(",") if part.strip()]
    found = [
        _read("ORCA_HUB_OLLAMA_URLS", name=_numbered("ollama", at), kind="ollama", url=url)
        for at, url in enumerate(urls, 1)
    ]
    key = settings.openai_key.get_secret_value() if settings.openai_key else None
    if settings.openai_url or key:
        url = settings.openai_url or OPENAI
        found.append(_read("ORCA_HUB_OPENAI_URL", name="openai", kind="openai", url=url, key=key))
    return found


def _of_file(file: Path) -> list[ProviderFields]:
    try:
        text = file.read_bytes()[:FILE_BYTES].decode()
        told: Any = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except OSError as err:
        raise BadSettings(f"ORCA_HUB_PROVIDERS_FILE cannot be read: {err.strerror}.") from None
    except ValueError:
        raise BadSettings("The file of ORCA_HUB_PROVIDERS_FILE is neither TOML nor JSON.") from None
    try:
        return ProvidersFile.model_validate(told).providers
    except ValidationError as err:
        raise BadSettings(f"ORCA_HUB_PROVIDERS_FILE: {_first(err)}") from None


def _read(variable: str, **values: object) -> ProviderFields:
    try:
        return ProviderFields.model_validate(values)
    except ValidationError as err:
        raise BadSettings(f"{variable} cannot be used: {_first(err)}") from None


def _numbered(name: str, at: int) -> str:
    return name if at == 1 else f"{name}-{at}"


def _first(err: ValidationError) -> str:
    """Which field, and why; never what was written, which may be a key."""
    first: Mapping[str, Any] = err.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    reason = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"{place}: {reason}." if place else f"{reason}."
