"""Files that nobody but their owner may read."""

import logging
import os
import stat
import subprocess
from pathlib import Path

SYSTEM_TOOLS = Path(r"C:\Windows\System32")
TOOL_SECONDS = 10

log = logging.getLogger(__name__)


class Distrusted(Exception):
    """The file is not what it should be; the text goes on after its name."""


def write_private(file: Path, text: str) -> None:
    """Replaces the file as one step; nobody but its owner can open it at any moment.

    Raises OSError."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as out:
            if os.name == "nt":
                _owner_only(draft)  # while the file is still empty
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def read_private(file: Path, *, limit_bytes: int) -> str | None:
    """The file's text; None if there is none.

    Raises Distrusted if others could have read or chosen it, and OSError."""
    try:
        # A link could lead to a file that somebody else chose, and knows.
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as opened:
        if reason := _distrust(os.fstat(opened.fileno())):
            raise Distrusted(reason)
        return opened.read(limit_bytes)


def _distrust(facts: os.stat_result) -> str | None:
    if not stat.S_ISREG(facts.st_mode):
        return "is not a plain file"
    if os.name != "posix":
        return None  # Windows says nothing of others in the mode
    if facts.st_uid != os.getuid():
        return "belongs to another user"
    if facts.st_mode & 0o077:
        return "could be read by other users of this computer"
    return None


def _owner_only(file: Path) -> None:
    """An access list with the current user alone. Not yet proved on a Windows machine."""
    try:
        said = subprocess.run(  # noqa: S603 - a fixed program with fixed arguments
            [SYSTEM_TOOLS / "whoami.exe", "/user", "/fo", "csv", "/nh"],
            capture_output=True,
            check=True,
            text=True,
            timeout=TOOL_SECONDS,
        )
        # The SID, because names can hold any letter of any code page.
        sid = said.stdout.rsplit(",", 1)[-1].strip().strip('"')
        subprocess.run(  # noqa: S603 - a fixed program; the path is ours
            [SYSTEM_TOOLS / "icacls.exe", file, "/inheritance:r", "/grant:r", f"*{sid}:F"],
            capture_output=True,
            check=True,
            timeout=TOOL_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as err:
        # The folder of a user's data is closed to other users by default: go on, but say so.
        log.warning("%s keeps the access list of its folder (%s)", file.name, type(err).__name__)
