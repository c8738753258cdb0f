"""What the checks say to a question that no model answers."""

from agent.slicer.advice.quoting import plain
from agent.slicer.rules import SlicerFile

MOST = 8


def findings_answer(file: SlicerFile | None) -> list[str]:
    """Pieces of Markdown; none without a file."""
    if file is None:
        return []
    name = _words(file.name)
    if not file.findings:
        return [f"The checks found nothing wrong in {name}.\n\n"]
    found = sorted(file.findings, key=lambda one: -one.severity.rank)
    pieces = [f"## What the checks found in {name}\n\n"]
    for one in found[:MOST]:
        fix = f" {_words(one.fix, 300)}" if one.fix else ""
        pieces.append(f"- **{_words(one.title)}** ({one.severity}).{fix}\n")
    if rest := len(found) - MOST:
        pieces.append(f"- … and {rest} more in the report.\n" if rest > 0 else "")
    return [*filter(None, pieces), "\n"]


def _words(text: str, characters: int = 160) -> str:
    """Text that may have names of strangers in it, without Markdown of theirs."""
    return plain(text, characters).replace("[", "(").replace("]", ")").replace("*", "·")
