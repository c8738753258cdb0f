"""What is known of a file as a text that can be pasted into a forum or a chat."""

import re
from collections.abc import Iterable

from agent.slicer.rules import Analysis, Facts, Finding, Severity, SlicerFile
from agent.slicer.values import duration

MARKS = re.compile(r"[\\|\[\]`]")
WORDS = {Severity.BLOCKING: "Blocking", Severity.WARNING: "Warning", Severity.INFO: "Note"}


def as_markdown(file: SlicerFile, analysis: Analysis | None) -> str:
    """Facts, findings with their evidence, and what the moves tell."""
    parts = [
        f"# {_cell(file.name)}",
        _table(("", ""), _facts(file)),
        *_findings(file.findings),
        *(_moves(analysis) if analysis else []),
        *_changed(file.facts),
    ]
    return "\n\n".join(parts) + "\n"


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How many there are, by severity."""
    found = [finding.severity for finding in findings]
    return {severity.value: found.count(severity) for severity in Severity}


def _facts(file: SlicerFile) -> list[tuple[str, str]]:
    facts = file.facts
    grams = [one.used_g for one in facts.filaments if one.used_g is not None]
    names = [one.name or one.type or "" for one in facts.filaments]
    rows = [
        ("Slicer", facts.generator),
        ("Printer", facts.printer),
        ("Filament", ", ".join(filter(None, names))),
        ("Estimated time", facts.estimated_seconds and duration(facts.estimated_seconds)),
        ("Weight", " + ".join(f"{one:g} g" for one in grams)),
        ("Layers", facts.layers and str(facts.layers)),
        ("Height", facts.max_z_mm and f"{facts.max_z_mm:g} mm"),
    ]
    return [(name, str(value)) for name, value in rows if value]


def _findings(findings: Iterable[Finding]) -> list[str]:
    parts = ["## What the checks found"]
    for finding in findings:
        parts.append(f"### {WORDS[finding.severity]}: {_cell(finding.title)}")
        if finding.evidence:
            rows = [(e.key, e.value, e.limit or "", e.where or "") for e in finding.evidence]
            parts.append(_table(("Setting", "Value", "Limit", "Where"), rows))
        parts.append(f"{_cell(finding.explanation)} {_cell(finding.fix)}".strip())
    return parts if len(parts) > 1 else [*parts, "Nothing."]


def _moves(analysis: Analysis) -> list[str]:
    layers = analysis.layers
    rows = [
        *([("Plate", str(analysis.plate))] if analysis.plate else []),
        ("Time by its moves", duration(analysis.seconds)),
        ("First layer", duration(analysis.first_layer_seconds)),
        ("Highest flow", f"{max(layers.max_flow_mm3_s, default=0):.1f} mm³/s"),
        ("Highest speed", f"{max(layers.max_speed_mm_s, default=0):.0f} mm/s"),
        ("Travel", f"{analysis.travel_mm / 1000:.1f} m"),
        ("Retractions", str(analysis.retractions)),
    ]
    return ["## What its moves tell", _table(("", ""), rows)]


def _changed(facts: Facts) -> list[str]:
    rows = [
        (key, facts.settings.get(key, ""), kind)
        for kind, keys in facts.changed.items()
        for key in keys
    ]
    if not rows:
        return []
    head = ("Setting", "Value", "Preset")
    return ["## What differs from the system presets", _table(head, rows)]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    """On one line, and neither a link, a picture nor a tag, whatever a file is called."""
    flat = " ".join(text.split())[:300].replace("<", "&lt;")
    return MARKS.sub(r"\\\g<0>", flat)
