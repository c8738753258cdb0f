"""What models are told: who they are, which tools they have, and the form of an answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.slicer.advice.quoting import OPENING, block, plain
from agent.slicer.advice.rules import Piece

Json = dict[str, Any]  # Any: JSON values

MOST_CHANGES = 12
EVIDENCE = (
    "What is known of the user's print follows. Trust these values over your memory, name the "
    "numbers that you use, and say so where something that you need is not among them."
)
WITH_TOOLS = (
    "You have tools that only read. Use one where the answer turns on something that you do not "
    "see yet; do not ask for what is here already. To advise a change of settings, call "
    "propose_changes: the program checks each line against hard limits and tells you which were "
    "accepted, shortened or refused, and the user picks from the list and imports it. You change "
    "nothing yourself, so never say that you have."
)
ADVISER = (
    "You advise people who print with OrcaSlicer which settings to change. Propose few changes, "
    "the one that helps most first, each in small steps from the value that it has now, each with "
    "a reason of one sentence that names the evidence. Use OrcaSlicer's own keys, such as "
    "nozzle_temperature or layer_height; a key that does not exist is thrown away. Values beyond "
    "what the filament, the nozzle or the printer bears are cut down or refused. If nothing "
    "should be changed, propose nothing and say why. Answer in the language of the question."
)
PLANNER = (
    "Before the answer is written, say what is still needed for it: `guide` questions to look up "
    "in the print guide, `settings` keys to read from the file, and `changes` of settings to "
    "propose. Leave a list empty where nothing is needed."
)
DIAGNOSIS = (
    "You look at photos of 3D prints that went wrong. Say which one of the listed defects the "
    "photo shows most clearly, how sure you are from 0 to 1, which causes are likely in order, "
    "and what to try first. Say `none` if the photo shows no print or no defect of the list, and "
    "stay below 0.5 where you are not sure. Use the evidence where there is some."
)

_CHANGE: Json = {
    "type": "object",
    "properties": {
        "preset_type": {"type": "string", "enum": ["process", "filament", "machine"]},
        "key": {"type": "string", "description": "OrcaSlicer's key, such as layer_height"},
        "new": {"type": "string", "description": "the value as OrcaSlicer writes it: 0.16, 20%"},
        "reason": {"type": "string", "description": "one sentence"},
    },
    "required": ["preset_type", "key", "new", "reason"],
}
_CHANGES: Json = {"type": "array", "items": _CHANGE, "maxItems": MOST_CHANGES}
_WORDS: Json = {"type": "array", "items": {"type": "string"}, "maxItems": 8}

ADVICE_FORMAT: Json = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "changes": _CHANGES},
    "required": ["answer", "changes"],
}
PLAN_FORMAT: Json = {
    "type": "object",
    "properties": {"guide": {**_WORDS, "maxItems": 2}, "settings": _WORDS, "changes": _CHANGES},
    "required": ["guide", "settings", "changes"],
}


def _tool(name: str, description: str, /, **parameters: Json) -> Json:
    needed = [one for one, about in parameters.items() if not about.pop("optional", False)]
    schema = {"type": "object", "properties": parameters, "required": needed}
    about = {"name": name, "description": description, "parameters": schema}
    return {"type": "function", "function": about}


_TEXT: Json = {"type": "string"}
_KIND: Json = {"type": "string", "enum": ["process", "filament", "machine"]}
_KEYS: Json = {**_WORDS, "maxItems": 40}
_SECTIONS = ["file", "findings", "changed", "settings", "analysis"]
ALWAYS = (
    _tool("search_guide", "Look something up in the built-in print guide.", query=_TEXT),
    _tool("propose_changes", "Propose changes of settings; each is checked.", changes=_CHANGES),
)
OF_A_FILE = _tool(
    "read_report",
    "Read part of the report on the user's sliced file, or settings of it by key.",
    section={"type": "string", "enum": _SECTIONS},
    keys={**_KEYS, "optional": True},
)
OF_ITS_PICTURES = _tool(
    "look_at_plate",
    "See the picture of a plate of the user's file.",
    plate={"type": "integer", "minimum": 1},
)
OF_PRESETS = (
    _tool(
        "read_preset",
        "Read one of the user's installed presets.",
        type=_KIND,
        name=_TEXT,
        keys={**_KEYS, "optional": True},
    ),
    _tool(
        "compare_presets",
        "List what two installed presets of one type have differently.",
        type=_KIND,
        first=_TEXT,
        second=_TEXT,
    ),
)


def tools(*, has_file: bool, has_pictures: bool, has_presets: bool) -> tuple[Json, ...]:
    """The tools as models are told of them: only those that can answer."""
    return (
        *ALWAYS,
        *((OF_A_FILE,) if has_file else ()),
        *((OF_ITS_PICTURES,) if has_pictures else ()),
        *(OF_PRESETS if has_presets else ()),
    )


def evidence_text(pieces: Sequence[Piece]) -> str:
    """The part of a system text that holds the evidence; empty without any."""
    if not pieces:
        return ""
    # A title holds the name of a file or a preset, which is as much a stranger's word.
    told = [block(piece.kind, f"{piece.title}:\n{piece.text}") for piece in pieces]
    return "\n\n".join([EVIDENCE, OPENING, *told])


def diagnosis_format(defects: Sequence[str]) -> Json:
    """The form of a diagnosis: the defect is one of the guide's, or none."""
    cause: Json = {
        "type": "object",
        "properties": {"cause": {"type": "string"}, "why": {"type": "string"}},
        "required": ["cause", "why"],
    }
    return {
        "type": "object",
        "properties": {
            "defect": {"type": "string", "enum": [*defects, "none"]},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            "seen": {"type": "string", "description": "what in the photo shows it"},
            "causes": {"type": "array", "items": cause, "maxItems": 5},
            "first_steps": {"type": "array", "items": {"type": "string"}, "maxItems": 5},
        },
        "required": ["defect", "confidence", "seen", "causes", "first_steps"],
    }


def diagnosis_text(defects: Mapping[str, str]) -> str:
    """The list that a diagnosis chooses from: the guide's names and titles."""
    listed = "\n".join(f"- {name}: {plain(title)}" for name, title in defects.items())
    return f"{DIAGNOSIS}\n\nThe defects:\n{listed}"
