"""Lists what failed in test reports (JUnit XML), a few lines for each.

The end of a log is what is read first, and a broken run does not print its own summary."""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

LINES, WIDTH, MOST = 3, 160, 30


def main() -> None:
    """Takes the reports' paths; a report that was never written says that its run broke."""
    for report in map(Path, sys.argv[1:]):
        if not report.exists():
            sys.stdout.write(f"{report.stem}: no report was written\n")
            continue
        failed = list(_failures(report))
        sys.stdout.write(f"{report.stem}: {len(failed)} failed\n")
        for name, words in failed[:MOST]:
            sys.stdout.write(f"- {name}\n")
            for line in words:
                sys.stdout.write(f"    {line[:WIDTH]}\n")


def _failures(report: Path) -> list[tuple[str, list[str]]]:
    found = []
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own report
        for kind in ("failure", "error"):
            for one in case.iter(kind):
                said = (one.get("message") or one.text or "").strip().splitlines()
                found.append((f"{case.get('classname')}::{case.get('name')}", said[:LINES]))
    return found


main()
