"""What a calibration test asks for, and how a value follows from what was measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from typing import Literal

from agent.slicer.rules import PresetType

Raw = str | int | float | bool
FieldKind = Literal["number", "choice"]

CHARACTERS = 40


class BadMeasurement(ValueError):
    """What was typed cannot be. `field` says where."""

    def __init__(self, field_name: str, detail: str) -> None:
        super().__init__(detail)
        self.field, self.detail = field_name, detail


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that the user chose or measured. What `is_needed` and has no
    `default` must be given."""

    name: str
    label: str
    unit: str = ""
    kind: FieldKind = "number"
    default: Decimal | str | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    step: Decimal | None = None
    choices: tuple[tuple[str, str], ...] = ()
    help: str = ""
    is_needed: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One setting that comes out. A list's elements are one tuple, as in a preset file."""

    preset_type: PresetType
    key: str
    value: str | tuple[str, ...]
    label: str
    unit: str = ""
    old: str | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """What the firmware is told, where the value is the printer's and not the slicer's."""

    firmware: str
    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """`steps` is the calculation with the user's numbers; `explanation` what it means."""

    lines: tuple[Line, ...]
    steps: tuple[str, ...]
    explanation: str
    warnings: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """What was typed, checked against the fields of the test."""

    numbers: Mapping[str, Decimal] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Decimal:
        return self.numbers[name]

    def get(self, name: str) -> Decimal | None:
        return self.numbers.get(name)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A test of OrcaSlicer's Calibration menu. `order` is that in which they build on each other;
    `reads` says what to look for; `guide` is the entry that tells it at length.

    Tests with one `group` find the same: of its ways one is enough. A test without is its own."""

    id: str
    title: str
    order: int
    menu: str
    guide: str
    reads: str
    formula: str
    fields: tuple[Field, ...]
    compute: Callable[[Measured], Outcome]
    keys: tuple[str, ...]
    where: str
    group: str = ""
    way: str = ""


def measured(test: Calibration, given: Mapping[str, Raw]) -> Measured:
    """What was typed, as the fields of the test want it. Raises BadMeasurement."""
    if unknown := sorted(set(given) - {one.name for one in test.fields}):
        raise BadMeasurement(unknown[0][:CHARACTERS], f"{test.title} does not ask for this.")
    numbers: dict[str, Decimal] = {}
    choices: dict[str, str] = {}
    for one in test.fields:
        value = given.get(one.name, one.default)
        if value is None or value == "":
            if not one.is_needed:
                continue
            raise BadMeasurement(one.name, f"{one.label} is needed.")
        if one.kind == "choice":
            choices[one.name] = _choice(one, value)
        else:
            numbers[one.name] = _number(one, value)
    return Measured(numbers, choices)


def floor(value: Decimal) -> Decimal:
    return value.to_integral_value(ROUND_FLOOR)


def text(value: Decimal, places: int = 4) -> str:
    """`0.042`: without trailing zeros, and never as a power of ten."""
    rounded = value.quantize(Decimal(1).scaleb(-places))
    plain = f"{rounded:f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in {"-0", ""} else plain


def _choice(one: Field, value: object) -> str:
    wanted = str(value)
    if wanted not in {name for name, _ in one.choices}:
        raise BadMeasurement(
            one.name, f"{one.label}: one of {', '.join(n for n, _ in one.choices)}."
        )
    return wanted


def _number(one: Field, value: object) -> Decimal:
    told = str(value).strip().replace(",", ".")
    try:
        number = Decimal(told) if len(told) <= CHARACTERS else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite():
        raise BadMeasurement(one.name, f"{one.label} is a number.")
    low, high = one.minimum, one.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        raise BadMeasurement(
            one.name,
            f"{one.label} lies between {_bound(low)} and {_bound(high)}{_unit(one)}.",
        )
    if one.step is not None and low is not None and (number - low) % one.step != 0:
        raise BadMeasurement(
            one.name, f"{one.label} goes in steps of {text(one.step)}{_unit(one)}."
        )
    return number


def _bound(value: Decimal | None) -> str:
    return text(value) if value is not None else "anything"


def _unit(one: Field) -> str:
    return f" {one.unit}" if one.unit else ""
