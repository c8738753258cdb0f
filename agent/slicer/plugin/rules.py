"""How a plugin file on the disk stands to the one that this program brings."""

import re
from typing import Literal

State = Literal["absent", "current", "older", "newer", "changed"]
FOLDER, FILE = "orca_agents", "orca_agents.py"
# The manifest of a plugin of one file is a PEP 723 comment block at its top.
BLOCK = re.compile(r"^# /// script$(?P<content>(?:\n#(?: [^\n]*)?$)+?)\n# ///$", re.MULTILINE)
VERSION = re.compile(r"^#\s*version\s*=\s*[\"'](\d+(?:\.\d+){1,3})[\"']\s*$", re.MULTILINE)


def version_of(text: str) -> str | None:
    """The version that a plugin's manifest names."""
    block = BLOCK.search(text)
    found = VERSION.search(block["content"]) if block else None
    return found[1] if found else None


def state_of(there: str | None, ours: str, *, written: str | None, digest: str | None) -> State:
    """`there` and `ours` are the texts; `written` is the digest of what was put there last time,
    `digest` that of what is there now."""
    if there is None:
        return "absent"
    if there == ours:
        return "current"
    if written is not None and written != digest:
        return "changed"
    theirs, mine = version_of(there), version_of(ours)
    if theirs is None or mine is None or theirs == mine:
        return "changed"
    return "older" if _numbers(theirs) < _numbers(mine) else "newer"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
