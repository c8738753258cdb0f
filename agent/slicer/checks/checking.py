"""All checks, and a file put before them."""

from agent.slicer.checks import (
    adhesion,
    amounts,
    cooling,
    flow,
    heating,
    layers,
    machine,
    retraction,
    speed,
    structure,
    supports,
    temperature,
)
from agent.slicer.checks.check import Check
from agent.slicer.checks.seen import Seen
from agent.slicer.rules import Analysis, Facts, Finding

CHECKS: tuple[Check, ...] = (
    *machine.CHECKS,
    *temperature.CHECKS,
    *heating.CHECKS,
    *adhesion.CHECKS,
    *flow.CHECKS,
    *layers.CHECKS,
    *cooling.CHECKS,
    *retraction.CHECKS,
    *speed.CHECKS,
    *structure.CHECKS,
    *supports.CHECKS,
    *amounts.CHECKS,
)


def check(
    facts: Facts, analysis: Analysis | None = None, *, spool_g: float | None = None
) -> tuple[Finding, ...]:
    """What was found, the worst first. What the file does not say is not guessed.

    With `analysis` more is looked at; `spool_g` is what is left on the spool."""
    seen = Seen(facts, analysis, spool_g)
    found = [(one, one.find(seen)) for one in CHECKS]
    findings = [
        Finding(
            one.id,
            what.severity or one.severity,
            one.title,
            what.evidence,
            what.explanation,
            what.fix,
            what.changes,
        )
        for one, what in found
        if what is not None
    ]
    return tuple(sorted(findings, key=lambda finding: -finding.severity.rank))
