"""The file of the main token: made by the agent, readable by its owner alone."""

import hmac
import logging
import os
import re
import stat
import subprocess
from pathlib import Path

from agent.access.rules import hashed
from agent.shared.clock import NewSecret

SHAPE = re.compile(r"[A-Za-z0-9_-]{32,200}")
SYSTEM_TOOLS = Path(r"C:\Windows\System32")
TOOL_SECONDS = 10

log = logging.getLogger(__name__)


class TokenFile:
    """The main token, which may do everything. Only its hash stays in memory."""

    def __init__(self, file: Path, new_secret: NewSecret) -> None:
        """Takes the token that the file has, or makes one. Raises OSError."""
        self._file, self._new_secret = file, new_secret
        secret = _read(file)
        if secret is None:
            secret = new_secret()
            write_private(file, f"{secret}\n")
        self._digest = hashed(secret)

    def is_digest(self, digest: str) -> bool:
        return hmac.compare_digest(self._digest, digest)

    def rotate(self) -> None:
        """Puts a new token in place of the old one, which is worth nothing from now on.

        Raises OSError, and then the old one stays."""
        secret = self._new_secret()
        write_private(self._file, f"{secret}\n")
        self._digest = hashed(secret)


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


def _read(file: Path) -> str | None:
    """The token in the file; None if there is none, or one that others could have read."""
    try:
        # A link could lead to a file that somebody else chose, and knows.
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return None
    except OSError as err:
        log.warning("the token file cannot be read (%s): a new token is made", err.strerror)
        return None
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as opened:
        facts = os.fstat(opened.fileno())
        if reason := _distrust(facts):
            log.warning("the token file %s: a new token is made", reason)
            return None
        secret = opened.read(1000).strip()
    if not SHAPE.fullmatch(secret):
        log.warning("the token file holds no token: a new one is made")
        return None
    return secret


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
        log.warning("the token file keeps the access list of its folder (%s)", type(err).__name__)
