"""What a person reads whose setting cannot be used: one sentence that names it."""

from collections.abc import Mapping
from typing import Any

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

PREFIX = "ORCA_AGENT_"
FILE_NAME = "agent.toml"
# What a sentence says of those whose limits are no numbers.
ALLOWED = {
    "default_model": "the name of a model, of at most 200 characters",
    "log_level": "debug, info, warning or error",
    "image_format": "jpeg, png or webp",
    "otlp_endpoint": "an address such as http://127.0.0.1:4318",
    "keep_alive": "a time such as 5m or 1h, or -1 for ever",
    "manage_ollama": "auto or never",
    "ollama_binary": "the path of a program",
    "profile": "the name of a profile (`orca-agent models recommend` lists them)",
    **dict.fromkeys(
        ("text_model", "code_model", "vision_model", "embedding_model"),
        "the name of a model, of at most 200 characters",
    ),
}


def sentence(
    error: Any,  # Any: pydantic's own
    fields: Mapping[str, FieldInfo],
    environment: Mapping[str, str],
    given: Mapping[str, object],
    file: Mapping[str, object],
) -> str:
    """What is wrong with which setting, where it was set, and what would be right."""
    said = str(error["loc"][0])
    name = said.lower().removeprefix(PREFIX.lower())
    if name not in fields:
        name = "ollama_url" if name == "ollama_host" else name
    if name not in fields or error["type"] == "extra_forbidden":
        return f"There is no setting called {said} ({FILE_NAME})."
    where, value = _culprit(name, fields[name], environment, given, file)
    if name == "ollama_url":
        reason = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
        if error["type"] != "value_error":  # a number in the file, for instance
            reason = "an address is a text such as http://127.0.0.1:11434"
        return f"{where} cannot be used: {reason[:1].lower()}{reason[1:]}."
    return f"{where} must be {_allowed(name, fields[name])}, not {short(value)}."


def _culprit(
    name: str,
    field: FieldInfo,
    environment: Mapping[str, str],
    given: Mapping[str, object],
    file: Mapping[str, object],
) -> tuple[str, object]:
    """What the person set, as they wrote it, and the value."""
    if name in given:
        return f"--{name.replace('_', '-')}", given[name]
    alias = field.validation_alias
    plain = [str(one) for one in alias.choices] if isinstance(alias, AliasChoices) else []
    written = {one.upper(): one for one in environment}
    for wanted in [f"{PREFIX}{name.upper()}", *(one.upper() for one in plain)]:
        if wanted in written:
            return written[wanted], environment[written[wanted]]
    for key in [name, *plain]:
        if key in file:
            return f"{key} in {FILE_NAME}", file[key]
    return name, ""


def _allowed(name: str, field: FieldInfo) -> str:
    if name in ALLOWED:
        return ALLOWED[name]
    if field.annotation is bool:
        return "true or false"
    limits = {
        kind: getattr(one, kind)
        for one in field.metadata
        for kind in ("ge", "gt", "le")
        if hasattr(one, kind)
    }
    if "gt" in limits:
        return f"a number over {limits['gt']}, up to {limits['le']}"
    return f"a whole number from {limits['ge']} to {limits['le']}"


def short(value: object) -> str:
    """The value as a person wrote it, of at most forty characters."""
    text = str(value)
    return f"{text[:40]}…" if len(text) > 40 else text or "empty"
