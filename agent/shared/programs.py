"""What another program on this computer says, without ever waiting for it for long."""

import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

LAST_S = 1.0


def answer_of(
    argv: Sequence[str | Path],
    within_s: float = 5.0,
    *,
    environment: Mapping[str, str] | None = None,
) -> str | None:
    """What a program prints; None if it fails, is not there, or does not end in time.

    Blocks for `within_s` seconds and one more at the most: call it in a thread."""
    try:
        process = subprocess.Popen(  # noqa: S603 - fixed programs, no shell
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            env=environment,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError:
        return None
    try:
        out, _ = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        # One that hangs in a driver does not die: it is left to the system.
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=LAST_S)
        return None
    return out if process.returncode == 0 else None
