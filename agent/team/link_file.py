"""Which hub this agent belongs to, as it is kept beside the database; the tokens are not in it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from agent.shared.errors import Unavailable
from agent.shared.private_file import Distrusted, read_private, write_private
from agent.team.rules import Link, Policy

FILE_NAME = "team.json"
LIMIT_BYTES = 64 * 1024


def read_link(data_dir: Path) -> Link | None:
    """None if there is none, or one that nobody can read: then one signs in again. Blocks."""
    try:
        text = read_private(data_dir / FILE_NAME, limit_bytes=LIMIT_BYTES)
        return _link(orjson.loads(text)) if text else None
    except (OSError, Distrusted, ValueError, TypeError, KeyError, AttributeError):
        return None


def write_link(data_dir: Path, link: Link | None) -> None:
    """Blocks. Raises Unavailable `team-file`."""
    file = data_dir / FILE_NAME
    try:
        if link is None:
            file.unlink(missing_ok=True)
        else:
            write_private(file, orjson.dumps(asdict(link), option=orjson.OPT_INDENT_2).decode())
    except OSError as err:
        raise Unavailable(
            "team-file",
            f"The file {FILE_NAME} in the data folder cannot be written: {err.strerror}.",
        ) from err


def _link(said: dict[str, Any]) -> Link:  # Any: JSON values
    told = said["policy"]
    policy = Policy(bool(told["cloud"]), tuple(told["models"]), tuple(told["providers"]))
    return Link(**{**said, "policy": policy})
