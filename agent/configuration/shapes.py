"""Settings in JSON."""

from typing import Literal

from pydantic import RootModel

from agent.configuration.rules import Kind, Setting, Source, Value
from agent.shared.web import In, Out


class SettingOut(Out):
    """One setting, with what a page needs to offer it."""

    name: str
    group: str
    description: str
    kind: Kind
    unit: str
    minimum: float | None
    maximum: float | None
    is_above_minimum: bool
    choices: list[str]
    may_be_unset: bool
    value: bool | int | float | str | None
    default: bool | int | float | str | None
    source: Source
    source_name: str | None
    is_fixed: bool
    is_pending: bool
    pending: bool | int | float | str | None


class ManagedOut(Out):
    """The file by which an administrator fixes settings."""

    name: str


class SettingsOut(Out):
    """All of them. `problem`: why what stands in the file now could not be used."""

    items: list[SettingOut]
    restart_needed: bool
    problem: str | None
    secrets_in: str
    managed: ManagedOut | None


class SettingsIn(RootModel[dict[str, bool | int | float | str | None]]):
    """Values by name; null: the default again."""


class RestartIn(In):
    """`idle` waits until no run lives."""

    when: Literal["now", "idle"] = "now"


class RestartOut(Out):
    """`waits_for`: how many runs live."""

    when: Literal["now", "idle"]
    waits_for: int


class StopOut(Out):
    """`waits_for`: how many runs are cut off."""

    waits_for: int


def setting(told: Setting) -> dict[str, object]:
    """One item as JSON."""
    return {
        "name": told.name,
        "group": told.group,
        "description": told.description,
        "kind": told.kind,
        "unit": told.unit,
        "minimum": told.minimum,
        "maximum": told.maximum,
        "is_above_minimum": told.is_above_minimum,
        "choices": list(told.choices),
        "may_be_unset": told.may_be_unset,
        "value": told.value,
        "default": told.default,
        "source": told.origin.source,
        "source_name": told.origin.name,
        "is_fixed": told.origin.is_fixed,
        "is_pending": told.is_pending,
        "pending": told.pending,
    }


Values = dict[str, Value]
