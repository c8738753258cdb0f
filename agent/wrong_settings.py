"""What a person reads whose setting cannot be used: one sentence that names it."""

from collections.abc import Mapping
from typing import Any

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from agent.configuration.layers import FILE_NAME, MANAGED_NAME, PREFIX, Layers

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

# What is written for these is never repeated: it may hold a password.
ADDRESSES = {
    "ollama_url": "http://127.0.0.1:11434",
    "update_url": "https://example.org/updates",
}


def sentence(
    error: Any,  # Any: pydantic's own
    fields: Mapping[str, FieldInfo],
    layers: Layers,
) -> str:
    """What is wrong with which setting, where it was set, and what would be right."""
    said = str(error["loc"][0])
    name = name_of(said, fields)
    if name is None or error["type"] == "extra_forbidden":
        file = MANAGED_NAME if said in layers.managed else FILE_NAME
        return f"There is no setting called {said} ({file})."
    where, value = _culprit(name, fields[name], layers)
    if reason := own_reason(name, error):
        return f"{where} cannot be used: {reason}."
    return f"{where} must be {allowed(name, fields[name])}, not {short(value)}."


def name_of(said: str, fields: Mapping[str, FieldInfo]) -> str | None:
    """The setting that pydantic speaks of, which may call it by another name."""
    name = said.lower().removeprefix(PREFIX.lower())
    name = "ollama_url" if name == "ollama_host" else name
    return name if name in fields else None


def own_reason(name: str, error: Any) -> str:  # Any: pydantic's own
    """What the setting's own check says, without a full stop; empty if its limits say it all."""
    if error["type"] != "value_error":
        return f"an address is a text such as {ADDRESSES[name]}" if name in ADDRESSES else ""
    if name in ALLOWED:
        return ""
    reason = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"{reason[:1].lower()}{reason[1:]}"


def plain_names(field: FieldInfo) -> list[str]:
    """The names without our prefix that set it as well, the strongest first."""
    alias = field.validation_alias
    names = [str(one) for one in alias.choices] if isinstance(alias, AliasChoices) else []
    return [one for one in names[:-1] if not one.startswith(PREFIX)]


def _culprit(name: str, field: FieldInfo, layers: Layers) -> tuple[str, object]:
    """What the person set, as they wrote it, and the value."""
    origin = layers.origin(name, plain_names(field))
    if origin.source == "managed":
        return f"{name} in {MANAGED_NAME}", origin.value
    if origin.source == "file":
        keys = (f"{PREFIX}{name}".upper(), *plain_names(field), name)
        key = next(key for key in keys if key in layers.file)
        return f"{key} in {FILE_NAME}", origin.value
    return origin.name or name, origin.value


def allowed(name: str, field: FieldInfo) -> str:
    """What the value may be, in words that follow "must be"."""
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
    if "ge" in limits:
        return f"a whole number from {limits['ge']} to {limits['le']}"
    longest = next((one.max_length for one in field.metadata if hasattr(one, "max_length")), None)
    return f"a text of at most {longest:,} characters" if longest else "the path of a file"


def short(value: object) -> str:
    """The value as a person wrote it, of at most forty characters."""
    text = str(value)
    return f"{text[:40]}…" if len(text) > 40 else text or "empty"
