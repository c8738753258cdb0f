"""What a file of a model is, and how two of its versions differ."""

import difflib
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

MOST_BYTES = 1 << 20  # of one file
MOST_IN_SET = 500
MOST_IN_DOWNLOAD = 64 << 20
CHECK = "artefacts.check"  # the job that looks at what models made
CheckState = Literal["waiting", "fine", "wrong", "unchecked"]
MOST_LINES_COMPARED = 8_000
LINES = re.compile(r"[^\n]*\n|[^\n]+")
NO_NEWLINE = "\\ No newline at end of file\n"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where versions come from: what is None is not known, or does not hold."""

    made_by: Literal["model", "person"]
    model: str | None = None
    run_id: str | None = None
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """As `diff -u` writes it."""

    text: str
    added: int
    removed: int


def facts_of(content: str) -> tuple[int, str]:
    """Size in bytes and SHA-256 in hex."""
    raw = content.encode()
    return len(raw), hashlib.sha256(raw).hexdigest()


def difference(path: str, old: tuple[int, str], new: tuple[int, str]) -> Difference:
    """Between two versions (number, content). Of very long files: all of one, all of the other."""
    before, after = LINES.findall(old[1]), LINES.findall(new[1])
    names = (f"{path} (version {old[0]})", f"{path} (version {new[0]})")
    if before == after:
        lines: list[str] = []
    elif len(before) + len(after) > MOST_LINES_COMPARED:
        lines = _replaced(before, after, names)
    else:
        lines = list(difflib.unified_diff(before, after, *names))
    body = lines[2:]
    return Difference(
        "".join(line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}" for line in lines),
        sum(line.startswith("+") for line in body),
        sum(line.startswith("-") for line in body),
    )


def _replaced(before: Sequence[str], after: Sequence[str], names: tuple[str, str]) -> list[str]:
    ranges = f"@@ -{_range(before)} +{_range(after)} @@\n"
    head = [f"--- {names[0]}\n", f"+++ {names[1]}\n", ranges]
    return [*head, *(f"-{line}" for line in before), *(f"+{line}" for line in after)]


def _range(lines: Sequence[str]) -> str:
    return f"1,{len(lines)}" if lines else "0,0"


def state_of(findings: Sequence[Mapping[str, Any]] | None) -> CheckState:  # Any: JSON values
    """Of a file that was looked at; None: there is nobody here who could."""
    if findings is None:
        return "unchecked"
    return "wrong" if findings else "fine"
