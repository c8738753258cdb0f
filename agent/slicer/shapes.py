"""A sliced file as clients see it."""

from dataclasses import asdict, replace
from typing import Annotated, Literal

from pydantic import Field

from agent.shared.problems import Problem
from agent.shared.web import Out
from agent.slicer.printers.rules import Print
from agent.slicer.printhost.rules import Job
from agent.slicer.rules import Analysis, Finding, Layers, SlicerFile

Source = Literal["upload", "octoprint", "moonraker", "post-process", "file", "variant"]


class EvidenceOut(Out):
    key: str
    value: str
    limit: str | None
    where: str | None


class ChangeOut(Out):
    preset_type: Literal["machine", "process", "filament"]
    key: str
    old: str | list[str] | None
    new: str | list[str]
    reason: str
    filament: Annotated[
        int | None, Field(description="Which of the file's it is for, counted from 0.")
    ]


class FindingOut(Out):
    id: str
    severity: Literal["info", "warning", "blocking"]
    title: str
    evidence: list[EvidenceOut]
    explanation: str
    fix: str
    changes: list[ChangeOut]


class ThumbnailOut(Out):
    """Sizes are what the file claims, in pixels."""

    width: int
    height: int
    mime: Literal["image/png", "image/jpeg", "image/qoi"]
    plate: int | None


class FilamentOut(Out):
    index: int
    name: str | None
    type: str | None
    colour: str | None
    used_mm: float | None
    used_cm3: float | None
    used_g: float | None
    cost: float | None


class PlateOut(Out):
    index: int
    name: str | None
    estimated_seconds: int | None
    grams: float | None
    objects: list[str]
    warnings: list[str]
    is_sliced: bool


class JobOut(Out):
    """What became of a file that was sent to a printer."""

    id: str
    file_id: str
    printer: str
    wants_print: bool
    source: Literal["octoprint", "moonraker", "panel"]
    state: Literal[
        "received",
        "checking",
        "held",
        "waiting",
        "forwarding",
        "forwarded",
        "failed",
        "rejected",
        "interrupted",
    ]
    created_at: str
    changed_at: str
    plate: int | None
    reason: Literal["blocking", "setting", "unchecked"] | None
    run_id: Annotated[
        str | None, Field(description="What reads its moves while it is checked; then what sends.")
    ]
    problem: Problem | None


class OutcomeOut(Out):
    """How the latest print of the file ended, and who says so."""

    result: Literal["finished", "failed", "cancelled", "unknown"]
    note: str
    at: str | None
    printer: str
    source: Literal["printer", "user"] | None


class SlicerFileShortOut(Out):
    """A sliced file in a list: all but its settings."""

    id: str
    name: str
    kind: Literal["gcode", "3mf"]
    size_bytes: int
    sha256: str | None
    created_at: str
    source: str
    is_whole: Annotated[bool, Field(description="False: only its two ends are kept.")]
    generator: str | None
    printer: Annotated[str | None, Field(description="As the file names it.")]
    sliced_at: str | None
    estimated_seconds: int | None
    first_layer_seconds: int | None
    filament_grams: Annotated[list[float | None], Field(description="By filament.")]
    filament_changes: int | None
    layers: int | None
    max_z_mm: float | None
    filaments: list[FilamentOut]
    thumbnails: list[ThumbnailOut]
    plates: list[PlateOut]
    changed: Annotated[
        dict[str, list[str]], Field(description="Keys that differ from the system preset.")
    ]
    notes: Annotated[list[str], Field(description="What could not be read.")]
    findings: list[FindingOut]
    has_analysis: bool
    analysis_run_id: Annotated[
        str | None, Field(description="The run that reads its moves at this moment.")
    ]
    job: JobOut | None
    outcome: OutcomeOut | None


class SlicerFileOut(SlicerFileShortOut):
    settings: dict[str, str]


class LayersOut(Out):
    """Columns of one length: an entry for each layer, the lowest first."""

    z_mm: list[float]
    height_mm: list[float]
    seconds: list[float]
    max_flow_mm3_s: list[float]
    mean_flow_mm3_s: list[float]
    max_speed_mm_s: list[float]
    mean_speed_mm_s: list[float]
    nozzle_c: list[float]
    bed_c: list[float]
    fan_percent: list[float]
    filament_mm: list[float]
    travel_mm: list[float]
    retractions: list[int]


class FeatureOut(Out):
    name: str
    seconds: float
    length_mm: float
    filament_mm: float
    max_speed_mm_s: float
    mean_speed_mm_s: float
    max_flow_mm3_s: float
    mean_flow_mm3_s: float


class MovesOut(Out):
    """What all moves together tell. The box is x, y, z from, then to, in mm."""

    seconds: float
    features: list[FeatureOut]
    bounding_box: list[float] | None
    travel_mm: float
    travel_seconds: float
    retractions: int
    retracted_mm: float
    filament_mm: list[float]
    tool_changes: int
    first_layer_seconds: float
    lines: int
    notes: list[str]
    plate: Annotated[
        int | None, Field(description="Of a project: whose moves these are, counted from 1.")
    ]


class AnalysisOut(MovesOut):
    layers: LayersOut


class CountsOut(Out):
    info: int
    warning: int
    blocking: int


class ReportOut(Out):
    """A file, its findings counted, and what its moves tell but for the layers."""

    file: SlicerFileOut
    counts: CountsOut
    analysis: MovesOut | None


class SlicerFilePage(Out):
    items: list[SlicerFileShortOut]
    next_cursor: str | None


def file_json(
    file: SlicerFile,
    *,
    has_analysis: bool = False,
    analysis_run_id: str | None = None,
    job: Job | None = None,
    ended: Print | None = None,
) -> dict[str, object]:
    """Everything that is known of a file."""
    short = short_json(
        file,
        has_analysis=has_analysis,
        analysis_run_id=analysis_run_id,
        job=job,
        ended=ended,
    )
    return {**short, "settings": dict(file.facts.settings)}


def short_json(
    file: SlicerFile,
    *,
    has_analysis: bool = False,
    analysis_run_id: str | None = None,
    job: Job | None = None,
    ended: Print | None = None,
) -> dict[str, object]:
    """The same without its settings."""
    facts = file.facts
    grams = [filament.used_g for filament in facts.filaments]
    return {
        "id": file.id,
        "name": file.name,
        "kind": file.kind,
        "size_bytes": file.size_bytes,
        "sha256": file.sha256,
        "created_at": file.created_at,
        "source": file.source,
        "is_whole": file.is_whole,
        "generator": facts.generator,
        "printer": facts.printer,
        "sliced_at": facts.sliced_at,
        "estimated_seconds": facts.estimated_seconds,
        "first_layer_seconds": facts.first_layer_seconds,
        "filament_grams": grams if any(one is not None for one in grams) else [],
        "filament_changes": facts.filament_changes,
        "layers": facts.layers,
        "max_z_mm": facts.max_z_mm,
        "filaments": [asdict(filament) for filament in facts.filaments],
        "thumbnails": [asdict(thumbnail) for thumbnail in facts.thumbnails],
        "plates": [asdict(plate) for plate in facts.plates],
        "changed": {kind: list(keys) for kind, keys in facts.changed.items()},
        "notes": list(facts.notes),
        "findings": [finding_json(finding) for finding in file.findings],
        "has_analysis": has_analysis,
        "analysis_run_id": analysis_run_id,
        "job": job_json(job) if job else None,
        "outcome": outcome_json(ended) if ended else None,
    }


def finding_json(finding: Finding) -> dict[str, object]:
    return asdict(finding)


def job_json(job: Job) -> dict[str, object]:
    return asdict(job)


def moves_json(analysis: Analysis) -> dict[str, object]:
    """An analysis but for its layers."""
    told = asdict(replace(analysis, layers=Layers()))
    del told["layers"]
    return told


def outcome_json(ended: Print) -> dict[str, object]:
    return {
        "result": ended.result,
        "note": ended.note,
        "at": ended.ended_at,
        "printer": ended.printer_name,
        "source": ended.source,
    }
