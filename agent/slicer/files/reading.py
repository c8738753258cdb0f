"""What a file says of itself and what the checks say to it. Blocking: for a thread."""

from pathlib import Path

from agent.slicer.gcode.reading import read_gcode
from agent.slicer.rules import Analysis, Facts, Finding, Kind


def read_facts(path: Path, kind: Kind) -> Facts:
    """From the ends of a G-code, or the small members of a project. Raises Invalid."""
    return Facts("3mf") if kind == "3mf" else read_gcode(path)


def findings_in(facts: Facts, analysis: Analysis | None = None) -> tuple[Finding, ...]:
    """What every check finds; more of them can say something once all moves were read."""
    del facts, analysis
    return ()
