"""Every setting as a page can offer it, read off the fields themselves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from agent import wrong_settings
from agent.configuration.rules import (
    NOT_OFFERED,
    Kind,
    Setting,
    Value,
    group_of,
    place_of,
    unit_of,
)
from agent.settings import Settings

KINDS: dict[type, Kind] = {
    bool: "flag",
    int: "integer",
    float: "number",
    str: "text",
    Path: "path",
}


def offered() -> Iterator[tuple[str, FieldInfo]]:
    """Names and fields in the order of a page."""
    names = (name for name in Settings.model_fields if name not in NOT_OFFERED)
    return ((name, Settings.model_fields[name]) for name in sorted(names, key=place_of))


def kind_of(field: FieldInfo) -> Kind:
    """What kind of value it takes, where it takes one."""
    kind, choices = _type(field)
    return "choice" if choices else KINDS[kind]


def described(name: str, field: FieldInfo, now: Settings, then: Settings) -> Setting:
    """The setting in force `now`, and as it will be after the next opening (`then`)."""
    _, choices = _type(field)
    limits = {
        bound: getattr(one, bound)
        for one in field.metadata
        for bound in ("ge", "gt", "le")
        if getattr(one, bound, None) is not None
    }
    value, pending = _asked(now, name), _asked(then, name)
    return Setting(
        name=name,
        group=group_of(name),
        description=field.description or "",
        kind=kind_of(field),
        unit=unit_of(name),
        minimum=limits.get("ge", limits.get("gt")),
        maximum=limits.get("le"),
        is_above_minimum="gt" in limits,
        choices=choices,
        may_be_unset=field.default is None,
        value=value,
        default=None if field.default is PydanticUndefined else _plain(field.default),
        origin=now.layers.origin(name, wrong_settings.plain_names(field)),
        is_pending=pending != value,
        pending=pending if pending != value else None,
    )


def _type(field: FieldInfo) -> tuple[type, tuple[str, ...]]:
    """The type beside None, and the words to choose from."""
    annotation = field.annotation
    if get_origin(annotation) is Literal:
        return str, get_args(annotation)
    kinds = [one for one in get_args(annotation) if one is not type(None)]
    kind = kinds[0] if kinds else annotation
    if not isinstance(kind, type):
        raise TypeError(f"a page can offer no {annotation}")
    return kind, ()


def _asked(settings: Settings, name: str) -> Value:
    return settings.asked_port if name == "port" else _plain(getattr(settings, name))


def _plain(value: object) -> Value:
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{value!r} cannot be told in JSON")
