"""What the routes of the calibrations take and give."""

import json
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import quote, urlencode

from pydantic import Field, StringConstraints, ValidationError, field_validator

from agent.shared.web import In, Out
from agent.slicer.calibrations import rules
from agent.slicer.calibrations.rules import Calibration, Raw
from agent.slicer.calibrations.service import IMPORTING, Calibrated
from agent.slicer.presets.writing import file_name
from agent.slicer.rules import PresetType

BASE = "/api/v1/slicer/calibrations"
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Values = Annotated[dict[str, Annotated[float | str, Field()]], Field(max_length=20)]


class CalibrationIn(In):
    """`parent` is the preset to build on, as OrcaSlicer shows its name; without it only numbers
    come back. `name` is the new preset's, else one is made."""

    test: str = Field(max_length=60)
    values: Values
    parent: Name | None = None
    name: Name | None = None


class CalibratedPresetQuery(In):
    """`values` is what was measured, as JSON."""

    values: str = Field(max_length=4000)
    parent: Name
    name: Name | None = None

    @field_validator("values")
    @classmethod
    def _is_json(cls, text: str) -> str:
        read_values(text)
        return text


class CalibrationChoiceOut(Out):
    value: str
    label: str


class CalibrationFieldOut(Out):
    """`step`: only these values can be. `default` stands in the form before anyone types."""

    name: str
    label: str
    unit: str
    kind: Literal["number", "choice"]
    default: str | None
    minimum: float | None
    maximum: float | None
    step: float | None
    choices: list[CalibrationChoiceOut]
    help: str
    needed: bool


class CalibrationInfo(Out):
    """A test: how it is begun in OrcaSlicer, what is read on the print, and what it needs.

    Tests with one `group` find the same setting. Those of one `way` belong together and are done
    in their order; of several ways one is enough."""

    id: str
    title: str
    order: int
    group: str
    way: str
    menu: str
    guide: str
    reads: str
    formula: str
    fields: list[CalibrationFieldOut]
    keys: list[str]
    where: str


class CalibrationsOut(Out):
    items: list[CalibrationInfo]
    next_cursor: str | None


class CalibratedLineOut(Out):
    preset_type: Literal["machine", "process", "filament"]
    key: str
    label: str
    unit: str
    old: str | None
    new: str | list[str]


class FirmwareCommandOut(Out):
    firmware: str
    text: str


class CalibratedPresetOut(Out):
    """A preset ready to be imported; `download` is where its file comes from. `warning` is what
    could not be seen of its parent."""

    type: Literal["machine", "process", "filament"]
    name: str
    file_name: str
    content: dict[str, str | list[str]]
    download: str
    importing: list[str]
    warning: str | None


class NextCalibrationOut(Out):
    id: str
    title: str


class CalibratedOut(Out):
    """What a test came to: `steps` is the calculation, `where` the place in OrcaSlicer."""

    test: str
    title: str
    lines: list[CalibratedLineOut]
    steps: list[str]
    explanation: str
    warnings: list[str]
    commands: list[FirmwareCommandOut]
    where: str
    guide: str
    preset: CalibratedPresetOut | None
    next: NextCalibrationOut | None


class _ValuesOnly(In):
    values: Values


def read_values(text: str) -> dict[str, Raw]:
    """Raises ValueError."""
    try:
        read = _ValuesOnly.model_validate({"values": json.loads(text)})
    except (ValidationError, RecursionError):
        raise ValueError("must be a JSON object of numbers and texts") from None
    return dict(read.values)


def info(test: Calibration) -> dict[str, object]:
    return {
        "id": test.id,
        "title": test.title,
        "order": test.order,
        "group": test.group or test.title,
        "way": test.way,
        "menu": test.menu,
        "guide": test.guide,
        "reads": test.reads,
        "formula": test.formula,
        "fields": [_field(one) for one in test.fields],
        "keys": list(test.keys),
        "where": test.where,
    }


def calibrated(found: Calibrated, asked: CalibrationIn) -> dict[str, object]:
    outcome = found.outcome
    return {
        "test": found.test.id,
        "title": found.test.title,
        "lines": [
            {
                "preset_type": line.preset_type,
                "key": line.key,
                "label": line.label,
                "unit": line.unit,
                "old": line.old,
                "new": line.value,
            }
            for line in outcome.lines
        ],
        "steps": outcome.steps,
        "explanation": outcome.explanation,
        "warnings": outcome.warnings,
        "commands": [{"firmware": c.firmware, "text": c.text} for c in outcome.commands],
        "where": found.test.where,
        "guide": found.test.guide,
        "preset": _preset(found, asked),
        "next": {"id": found.next.id, "title": found.next.title} if found.next else None,
    }


def attachment(preset_name: str) -> str:
    """The header that lets a page be saved under the name of the preset, whatever its letters."""
    return f"attachment; filename*=UTF-8''{quote(file_name(preset_name))}"


def _preset(found: Calibrated, asked: CalibrationIn) -> dict[str, object] | None:
    if found.preset is None:
        return None
    name = str(found.preset["name"])
    query = {
        "values": json.dumps(asked.values),
        "parent": asked.parent or "",
        "name": name,
    }
    preset_type: PresetType = found.changes[0].preset_type
    return {
        "type": preset_type,
        "name": name,
        "file_name": file_name(name),
        "content": found.preset,
        "download": f"{BASE}/{found.test.id}/preset.json?{urlencode(query)}",
        "importing": IMPORTING,
        "warning": found.warning,
    }


def _field(one: rules.Field) -> Mapping[str, object]:
    default = one.default
    return {
        "name": one.name,
        "label": one.label,
        "unit": one.unit,
        "kind": one.kind,
        "default": None if default is None else str(default),
        "minimum": None if one.minimum is None else float(one.minimum),
        "maximum": None if one.maximum is None else float(one.maximum),
        "step": None if one.step is None else float(one.step),
        "choices": [{"value": value, "label": label} for value, label in one.choices],
        "help": one.help,
        "needed": one.is_needed,
    }
