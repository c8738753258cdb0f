"""What a file of a model is."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

MOST_BYTES = 1 << 20  # of one file
MOST_IN_SET = 500
MOST_IN_DOWNLOAD = 64 << 20
CHECK = "artefacts.check"  # the job that looks at what models made
CheckState = Literal["waiting", "fine", "wrong", "unchecked"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where versions come from: what is None is not known, or does not hold."""

    made_by: Literal["model", "person"]
    model: str | None = None
    run_id: str | None = None
    message_id: str | None = None


def facts_of(content: str) -> tuple[int, str]:
    """Size in bytes and SHA-256 in hex."""
    raw = content.encode()
    return len(raw), hashlib.sha256(raw).hexdigest()


def state_of(findings: Sequence[Mapping[str, Any]] | None) -> CheckState:  # Any: JSON values
    """Of a file that was looked at; None: there is nobody here who could."""
    if findings is None:
        return "unchecked"
    return "wrong" if findings else "fine"
