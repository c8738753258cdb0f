"""What is known of one setting: where it stands, what it is, and what is sane."""

from dataclasses import dataclass, replace
from enum import StrEnum

from agent.slicer.rules import PresetType


class Kind(StrEnum):
    """How a value is written. All of them are text in a preset file."""

    NUMBER = "number"  # 0.2
    INTEGER = "integer"  # 3
    PERCENT = "percent"  # 15%
    NUMBER_OR_PERCENT = "number_or_percent"  # 0.42 or 105%
    FLAG = "flag"  # 0 or 1
    CHOICE = "choice"  # gyroid
    TEXT = "text"
    GCODE = "gcode"  # text with line ends
    POINTS = "points"  # a list of 0x0, 220x0, ...


@dataclass(frozen=True, slots=True)
class Key:
    """A setting that OrcaSlicer knows.

    `page` and `label` are where and as what a person finds it. `low` and `high` bound what is
    sane for a desktop printer, not what the slicer takes. `percent_of` is the key that a percentage
    is a part of. A list has one value for each extruder or filament; where `is_nullable`, an
    element may be `nil`: as the printer has it."""

    name: str
    types: tuple[PresetType, ...]
    kind: Kind
    label: str
    page: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    percent_of: str | None = None
    is_list: bool = False
    is_nullable: bool = False


class Page:
    """Makes the keys of one page of a preset's dialog: a table's row is one call."""

    def __init__(self, preset_type: PresetType, page: str, *, is_list: bool = False) -> None:
        self._blank = Key("", (preset_type,), Kind.TEXT, "", page, is_list=is_list)

    def number(self, name: str, label: str, unit: str, low: float, high: float) -> Key:
        return self._key(name, label, Kind.NUMBER, unit=unit, low=low, high=high)

    def integer(self, name: str, label: str, low: float, high: float, unit: str = "") -> Key:
        return self._key(name, label, Kind.INTEGER, unit=unit, low=low, high=high)

    def percent(self, name: str, label: str, low: float, high: float) -> Key:
        return self._key(name, label, Kind.PERCENT, unit="%", low=low, high=high)

    def part(self, name: str, label: str, unit: str, high: float, of: str | None) -> Key:
        """A number, or a percentage of another key's (None: of what no setting says)."""
        both = Kind.NUMBER_OR_PERCENT
        return self._key(name, label, both, unit=unit, low=0, high=high, percent_of=of)

    def flag(self, name: str, label: str) -> Key:
        return self._key(name, label, Kind.FLAG)

    def choice(self, name: str, label: str, choices: str) -> Key:
        """`choices` are separated by `|`."""
        return self._key(name, label, Kind.CHOICE, choices=tuple(choices.split("|")))

    def text(self, name: str, label: str) -> Key:
        return self._key(name, label, Kind.TEXT)

    def gcode(self, name: str, label: str) -> Key:
        return self._key(name, label, Kind.GCODE)

    def points(self, name: str, label: str) -> Key:
        return self._key(name, label, Kind.POINTS, unit="mm", is_list=True)

    def _key(
        self,
        name: str,
        label: str,
        kind: Kind,
        *,
        unit: str = "",
        low: float | None = None,
        high: float | None = None,
        choices: tuple[str, ...] = (),
        percent_of: str | None = None,
        is_list: bool | None = None,
    ) -> Key:
        return replace(
            self._blank,
            name=name,
            label=label,
            kind=kind,
            unit=unit,
            low=low,
            high=high,
            choices=choices,
            percent_of=percent_of,
            is_list=self._blank.is_list if is_list is None else is_list,
        )


def nullable(key: Key) -> Key:
    """One whose elements may be `nil`."""
    return replace(key, is_nullable=True)


def listed(key: Key) -> Key:
    """One that has a value for each extruder or filament."""
    return replace(key, is_list=True)
