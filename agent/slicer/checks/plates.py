"""A project put before the checks together with the moves of one of its plates."""

from collections.abc import Iterable
from dataclasses import replace

from agent.slicer.checks.checking import check
from agent.slicer.rules import Analysis, Facts, Finding


def check_plate(
    project: Facts, plate: Facts, analysis: Analysis, *, spool_g: float | None = None
) -> tuple[Finding, ...]:
    """What was found in the project, and in the plate whose moves these are, the worst first.

    `plate` is what is known of it as a print of its own. Of a finding that both have, the one
    that says more stays."""
    found = check(plate, analysis, spool_g=spool_g)
    if len(project.plates) < 2:
        return found
    whole = check(project, spool_g=spool_g)
    where = f"plate {analysis.plate}"
    placed = (one if one in whole else _placed(one, where) for one in found)
    return tuple(sorted(_united([*placed, *whole]), key=lambda one: -one.severity.rank))


def _placed(finding: Finding, where: str) -> Finding:
    evidence = tuple(
        replace(one, where=f"{where}, {one.where}" if one.where else where)
        for one in finding.evidence
    )
    return replace(finding, evidence=evidence)


def _united(findings: Iterable[Finding]) -> Iterable[Finding]:
    kept: dict[str, Finding] = {}
    for one in findings:
        known = kept.get(one.id)
        if known is None or _weight(one) > _weight(known):
            kept[one.id] = one
    return kept.values()


def _weight(finding: Finding) -> tuple[int, int]:
    return finding.severity.rank, len(finding.evidence)
