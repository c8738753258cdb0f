"""What a setting is to the person who looks at it: where it belongs, what kind it is, its unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["integer", "number", "text", "flag", "choice", "path"]
Source = Literal["default", "file", "environment", "option", "managed"]
Value = bool | int | float | str | None

NOT_OFFERED = frozenset({"data_dir"})  # the file that would hold it lies in that folder
OTHER = "other"
# In this order a page shows them.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "models": (
        *("ollama_url", "default_model", "text_model", "code_model", "vision_model"),
        *("embedding_model", "profile", "manage_ollama", "ollama_binary", "ollama_parallel"),
        *("ollama_max_loaded", "ollama_memory_mb", "keep_alive"),
    ),
    "limits": ("cloud", "allowed_models", "allowed_backends", "requests_per_minute"),
    "answers": (
        *("context_tokens", "answer_tokens", "guide", "first_token_seconds", "stall_seconds"),
        *("concurrent_chats", "concurrent_visions", "waiting_chats"),
        *("answer_cache", "answer_cache_mb", "answer_cache_hours"),
    ),
    "images": (
        *("image_max_edge", "image_max_bytes", "image_format", "image_seconds"),
        *("image_cache_mb", "image_cache_minutes"),
    ),
    "slicer": (
        *("slicer_data_dirs", "orcaslicer_binary", "prusaslicer_binary"),
        *("slicer_file_mb", "slicer_check_seconds", "slicer_keep_files", "slicer_keep_mb"),
        *("slicing_seconds", "slicing_mb"),
    ),
    "printing": ("printer_seconds", "printer_retry_seconds", "printer_watch_seconds"),
    "desktop": ("notify_pulls", "notify_held", "notify_updates"),
    "updates": ("update_check", "update_url", "update_root"),
    "backup": ("backup_every_days", "backup_keep"),
    "log": ("log_level", "log_prompts", "telemetry_days", "otlp_endpoint"),
    "network": ("port",),
}
UNITS = {
    "_seconds": "s",
    "_minutes": "min",
    "_hours": "h",
    "_days": "days",
    "_mb": "MB",
    "_bytes": "B",
    "_tokens": "tokens",
    "_edge": "px",
    "_per_minute": "requests/min",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from: `name` is a variable, an option or a file; `value` is as it was
    written."""

    source: Source = "default"
    name: str | None = None
    value: object = None

    @property
    def is_fixed(self) -> bool:
        """Whether what a person changes on a page would change nothing."""
        return self.source in {"environment", "option", "managed"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What is told of one setting; `pending` counts after the next opening if `is_pending`."""

    name: str
    group: str
    description: str
    kind: Kind
    unit: str
    minimum: float | None
    maximum: float | None
    is_above_minimum: bool
    choices: Sequence[str]
    may_be_unset: bool
    value: Value
    default: Value
    origin: Origin
    is_pending: bool
    pending: Value


def group_of(name: str) -> str:
    """The part of the program that a setting is about."""
    return next((group for group, names in GROUPS.items() if name in names), OTHER)


def unit_of(name: str) -> str:
    """What its number counts; empty where it counts the thing that its name says."""
    return next((unit for suffix, unit in UNITS.items() if name.endswith(suffix)), "")


def place_of(name: str) -> tuple[int, int]:
    """Where it stands in the order of `GROUPS`; one that is in none comes last."""
    for number, names in enumerate(GROUPS.values()):
        if name in names:
            return number, names.index(name)
    return len(GROUPS), 0


def fits(kind: Kind, value: object) -> bool:
    """Whether a JSON value is of that kind; its limits are another matter."""
    if kind == "flag":
        return isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, str) and value.isprintable()
