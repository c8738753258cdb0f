"""The chain of the audit log: each entry's digest covers the one before it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Outcome = Literal["done", "refused", "failed"]
FIRST = "0" * 64
CUT = "audit.cut"  # the action of the entry that tells of one


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what to whom, from where, and how it went. `detail` holds no secret."""

    number: int
    at: str
    actor_id: str | None
    actor: str
    action: str
    target: str
    address: str
    outcome: Outcome
    request_id: str
    detail: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values


@dataclass(frozen=True, slots=True)
class Cut:
    """The last entry of what was cut off at the beginning, and when that was."""

    number: int
    at: str
    digest: str
    cut_at: str


@dataclass(frozen=True, slots=True)
class Chain:
    """What came of checking all entries. `broken_at` is the first one that was changed or is
    missing; if `is_cut_unproved`, no entry tells of what is missing before it."""

    broken_at: int | None = None
    cut: Cut | None = None
    is_cut_unproved: bool = False


def tells_of(entry: Entry, cut: Cut) -> bool:
    """Whether this is the entry that was written with the cut."""
    said = (entry.detail.get("number"), entry.detail.get("digest"), entry.detail.get("at"))
    return entry.action == CUT and said == (cut.number, cut.digest, cut.at)


def digest_of(entry: Entry, before: str) -> str:
    """SHA-256 over the digest before and the entry as canonical JSON, in hex."""
    said = json.dumps(asdict(entry), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{before}\n{said}".encode()).hexdigest()


def broken_at(entries: Iterable[tuple[Entry, str]], before: str = FIRST) -> int | None:
    """The number of the first entry that was changed, or after which one is missing."""
    expected: int | None = None
    for entry, digest in entries:
        if expected is not None and entry.number != expected:
            return expected
        if digest_of(entry, before) != digest:
            return entry.number
        before, expected = digest, entry.number + 1
    return None
