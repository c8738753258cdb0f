"""What the routes of advice take and give, as documented to clients."""

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from agent.shared.web import In, Out, Page, left_out

PresetTypeIn = Literal["machine", "process", "filament"]
VerdictOut = Literal["accepted", "clamped", "refused"]
OriginOut = Literal["findings", "model", "given", "chat"]
ResultIn = Literal["better", "same", "worse", "failed"]
FileId = Annotated[str, Field(max_length=100)]
PresetName = Annotated[
    str, Field(max_length=300, description="A name, or filament/NAME, process/NAME, machine/NAME.")
]
Text = Annotated[str, Field(max_length=4000)]
Value = str | Annotated[list[str], Field(max_length=64)]


class PieceOut(Out):
    """A piece of evidence: `text` is what a model is told, in about `tokens` tokens."""

    id: str
    kind: Literal[
        "file", "settings", "findings", "analysis", "changed", "preset", "live", "guide", "photo"
    ]
    title: str
    text: str
    ref: str
    tokens: int
    cut: bool


class EvidenceOut(Out):
    items: list[PieceOut]
    tokens: int


class EvidenceQuery(In):
    file_id: FileId | None = None
    preset: PresetName | None = None
    q: Annotated[str, Field(max_length=4000, description="A question, for the guide.")] = ""


class ToolUsedOut(Out):
    name: str
    arguments: dict[str, Any]  # Any: JSON values
    result: dict[str, Any]  # Any: JSON values


class SentOut(Out):
    """What an answer was made of: the pieces that were sent, and the tools that were used."""

    message_id: str
    items: list[PieceOut]
    tools: list[ToolUsedOut]


class ChangeIn(In):
    key: Annotated[str, Field(min_length=1, max_length=120)]
    new: str | float | bool | Annotated[list[str | float], Field(max_length=64)]
    preset_type: PresetTypeIn | None = None
    reason: Annotated[str, Field(max_length=1000)] = ""


class AdviceIn(In):
    """Changes that are given; else a question that a model answers; else what the checks of the
    file advise."""

    file_id: FileId | None = None
    preset: PresetName | None = None
    question: Text = ""
    changes: list[ChangeIn] = Field(default=[], max_length=40)
    model: Annotated[str, Field(max_length=200)] | None = None
    without: list[Annotated[str, Field(max_length=300)]] = Field(default=[], max_length=100)
    filament: int | None = Field(
        default=None,
        ge=0,
        le=63,
        description="Which one of the file's it is for, from 0. Absent: the one most used.",
    )


class LineOut(Out):
    number: int
    preset_type: PresetTypeIn | None
    key: str
    label: str
    unit: str
    old: str | list[str] | None
    new: str | list[str] | None
    asked: str
    verdict: VerdictOut
    why: str
    reason: str
    picked: bool


class TargetOut(Out):
    """A preset that the picked lines make: `name` is its own, `made_from` what is in force now."""

    type: PresetTypeIn
    name: str
    inherits: str
    made_from: str
    lines: int
    file: str


class OutcomeOut(Out):
    result: ResultIn
    note: str
    file_id: str | None
    at: str


class PrintOut(Out):
    """A print beside another one."""

    file_id: str
    name: str
    created_at: str
    estimated_seconds: int | None
    filament_grams: list[float]
    findings: list[str]
    result: Literal["finished", "failed", "cancelled", "unknown"] | None
    note: str


class ComparedOut(Out):
    """The print that the advice was for, and those since that use its presets."""

    before: PrintOut | None
    after: list[PrintOut]


class FindingOut(Out):
    id: str
    severity: Literal["info", "warning", "blocking"]
    title: str


class EffectsOut(Out):
    """What the checks would say of the file with the picked lines, by its settings alone."""

    solved: list[FindingOut]
    raised: list[FindingOut]


class AdviceOut(Out):
    id: str
    created_at: str
    source: OriginOut
    file_id: str | None
    message_id: str | None
    question: str
    answer: str
    model: str | None
    lines: list[LineOut]
    presets: list[TargetOut]
    notes: list[str]
    steps: list[str]
    outcome: OutcomeOut | None
    compared: ComparedOut | SkipJsonSchema[None] = left_out()
    effects: EffectsOut | SkipJsonSchema[None] = left_out()


class AdvicePage(Out):
    items: list[AdviceOut]
    next_cursor: str | None


class AdviceQuery(Page):
    file_id: FileId | None = None
    limit: int = Field(default=50, ge=1, le=200)


class PickIn(In):
    """The numbers of the lines that become presets; all others are left out."""

    picked: list[int] = Field(max_length=100)


class PresetQuery(In):
    type: PresetTypeIn | None = Field(
        default=None, description="Absent: the only one that the lines make."
    )


class OutcomeIn(In):
    """Did it help? `file_id` names the print that tells."""

    result: ResultIn
    note: Annotated[str, Field(max_length=2000)] = ""
    file_id: FileId | None = None


class DiagnosisIn(In):
    image: Annotated[
        str,
        Field(
            pattern=r"^([0-9a-f]{64}$|data:)",
            description="The hash of an uploaded picture, or data:image/png;base64,...",
        ),
    ]
    file_id: FileId | None = None
    preset: PresetName | None = None
    description: Text = ""
    model: Annotated[str, Field(max_length=200)] | None = None
    without: list[Annotated[str, Field(max_length=300)]] = Field(default=[], max_length=100)


class DefectOut(Out):
    ref: str
    title: str
    text: str


class CauseOut(Out):
    cause: str
    why: str


class DiagnosisOut(Out):
    """What a photo shows. Without a model that sees, `questionnaire` says where to go on."""

    provider: Literal["model", "questionnaire"]
    model: str | None
    defect: DefectOut | None
    confidence: float | None
    seen: str
    causes: list[CauseOut]
    first_steps: list[str]
    questionnaire: str | None
    reason: str
    sources: list[PieceOut]
