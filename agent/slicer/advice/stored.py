"""Kept advice: as it was, and as clients see it."""

from typing import Any

from agent.slicer.advice.rules import Line, Target, Value
from agent.slicer.advice.store import Row
from agent.slicer.advice.targets import read_back
from agent.slicer.presets.rules import TYPES
from agent.slicer.presets.writing import file_name
from agent.slicer.rules import PresetType

Json = dict[str, Any]  # Any: JSON values
LISTS: dict[PresetType, str] = {
    "machine": "printer",
    "process": "process",
    "filament": "filament",
}


def advice_json(row: Row) -> Json:
    """Advice as clients see it."""
    presets = [_target(row, name, target) for name, target in targets_of(row).items()]
    in_use = [one for one in presets if one["lines"]]
    return {
        "id": row["id"],
        "created_at": row["created_at"],
        "source": row["source"],
        "file_id": row["file_id"],
        "message_id": row["message_id"],
        "question": row["question"],
        "answer": row["answer"],
        "model": row["model"],
        "lines": row["lines"],
        "presets": in_use,
        "notes": row["notes"],
        "steps": steps(in_use),
        "outcome": row["outcome"],
    }


def steps(presets: list[Json]) -> list[str]:
    """Where to click, in order; nothing where nothing is picked."""
    if not presets:
        return []
    many = len(presets) > 1
    what = "the zip file, which holds all of them" if many else f"the file {presets[0]['file']}"
    chosen = [f"{one['name']} in the list of {LISTS[one['type']]} presets" for one in presets]
    return [
        f"Download {what}.",
        "In OrcaSlicer open File › Import › Import Configs… and choose the file.",
        f"Choose {' and '.join(chosen)}.",
        "Slice again. What you had before stays as it is, beside it.",
    ]


def lines_of(row: Row) -> list[Line]:
    """The lines as they were judged."""
    return [
        Line(
            number=one["number"],
            preset_type=one["preset_type"],
            key=one["key"],
            label=one["label"],
            old=_value(one["old"]),
            new=_value(one["new"]),
            asked=one["asked"],
            verdict=one["verdict"],
            why=one["why"],
            reason=one["reason"],
            unit=one["unit"],
            is_picked=one["picked"],
        )
        for one in row["lines"]
    ]


def targets_of(row: Row) -> dict[PresetType, Target]:
    """The presets that the lines become, by type."""
    return {one: read_back(row["targets"][one]) for one in TYPES if one in row["targets"]}


def day_of(moment: str) -> str:
    """The date of an RFC 3339 time."""
    return moment[:10]


def _target(row: Row, preset_type: PresetType, target: Target) -> Json:
    lines = [one for one in row["lines"] if one["picked"] and one["preset_type"] == preset_type]
    return {
        "type": preset_type,
        "name": target.name,
        "inherits": target.inherits,
        "made_from": target.made_from,
        "lines": len(lines),
        "file": file_name(target.name),
    }


def _value(value: object) -> Value | None:
    if value is None:
        return None
    return tuple(map(str, value)) if isinstance(value, list) else str(value)
