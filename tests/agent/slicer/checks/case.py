"""How a case is written: a file that a check finds something in, and one where all is well."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.slicer.rules import Analysis, Evidence, Facts, Severity
from tests.agent.slicer.checks.sane import facts

Settings = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """`wrong` is found by the check `id` (and by `also`); `right`, which is near it, by none."""

    id: str
    wrong: Facts
    right: Facts
    wrong_analysis: Analysis | None = None
    right_analysis: Analysis | None = None
    severity: Severity = Severity.WARNING
    also: frozenset[str] = field(default_factory=frozenset)
    also_right: frozenset[str] = field(default_factory=frozenset)
    spool_g: float | None = None
    evidence: Evidence | None = None


def settings_case(
    id_: str,
    wrong: Settings,
    right: Settings,
    *,
    of: str = "PLA",
    severity: Severity = Severity.WARNING,
    also: tuple[str, ...] = (),
    also_right: tuple[str, ...] = (),
    evidence: Evidence | None = None,
) -> Case:
    return Case(
        id_,
        facts(wrong, filament=of),
        facts(right, filament=of),
        severity=severity,
        also=frozenset(also),
        also_right=frozenset(also_right),
        evidence=evidence,
    )


INFO, BLOCKING = Severity.INFO, Severity.BLOCKING
