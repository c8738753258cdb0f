"""The file of the main token: made by the agent, readable by its owner alone."""

import hmac
import logging
import re
from pathlib import Path

from agent.access.rules import hashed
from agent.shared.clock import NewSecret
from agent.shared.private_file import Distrusted, read_private, write_private

SHAPE = re.compile(r"[A-Za-z0-9_-]{32,200}")

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


def _read(file: Path) -> str | None:
    """The token in the file; None if there is none, or one that others could have read."""
    try:
        secret = (read_private(file, limit_bytes=1000) or "").strip()
    except Distrusted as err:
        log.warning("the token file %s: a new token is made", err)
        return None
    except OSError as err:
        log.warning("the token file cannot be read (%s): a new token is made", err.strerror)
        return None
    if secret and not SHAPE.fullmatch(secret):
        log.warning("the token file holds no token: a new one is made")
    return secret if SHAPE.fullmatch(secret) else None
