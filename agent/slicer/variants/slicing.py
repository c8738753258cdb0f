"""One slicing in a folder of its own, with bounds of time and size. Nothing of it survives."""

import asyncio
import logging
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.shared.errors import NoSpace, TimedOut, Unavailable

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
END_S = 5.0
SAID_CHARACTERS = 300
LOG = "said.txt"
# What a program needs to run at all; all else of the agent's environment is not its business.
PASSED_ON = (
    *("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY"),
    *("SYSTEMROOT", "WINDIR", "COMSPEC", "NUMBER_OF_PROCESSORS"),
)
HOMES = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA")
TEMPORARY = ("TMPDIR", "TEMP", "TMP")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one slicing."""

    seconds: float
    size_bytes: int


async def run_slicer(
    arguments: Sequence[str],
    folder: Path,
    bounds: Bounds,
    environment: Mapping[str, str],
) -> tuple[int, str]:
    """The number that the program ends with, and the last that it said.

    Raises TimedOut, NoSpace or Unavailable. However this ends, the program has ended before, and
    its children were killed."""
    process = await _started(arguments, folder, environment)
    try:
        async with asyncio.timeout(bounds.seconds):
            await _watched(process, folder, bounds.size_bytes)
    except TimeoutError:
        raise TimedOut(
            "slicing-too-slow",
            f"Slicing took longer than the {bounds.seconds:g} s that it has (slicing_seconds).",
        ) from None
    finally:
        await _ended(process)
    return process.returncode or 0, await asyncio.to_thread(_last_said, folder)


async def _started(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> asyncio.subprocess.Process:
    def to_log() -> int:
        return os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    said = await asyncio.to_thread(to_log)
    try:
        return await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=folder,
            env=_environment(folder, environment),
            start_new_session=sys.platform != "win32",
        )
    except OSError as err:
        raise Unavailable(
            "slicer-not-started", f"{Path(arguments[0]).name} cannot be started: {err.strerror}."
        ) from err
    finally:
        os.close(said)


async def _watched(process: asyncio.subprocess.Process, folder: Path, most_bytes: int) -> None:
    while process.returncode is None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await process.wait()
        except TimeoutError:
            if await asyncio.to_thread(size_of, folder) > most_bytes:
                raise NoSpace(
                    "slicing-too-large",
                    f"Slicing wrote more than the {most_bytes >> 20} MB that it may (slicing_mb).",
                ) from None


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Kills the whole group: a slicer may have started others."""
    if sys.platform == "win32":
        with suppress(ProcessLookupError):
            process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    waiting = asyncio.wait_for(process.wait(), END_S)
    try:
        await asyncio.shield(waiting)
    except TimeoutError:
        log.warning("a slicer that was killed has not ended")


def _environment(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    kept = {name: environment[name] for name in PASSED_ON if name in environment}
    home = str(folder / "home")
    return {
        "LANG": "C.UTF-8",
        **kept,
        **dict.fromkeys(HOMES, home),
        **dict.fromkeys(TEMPORARY, str(folder / "tmp")),
    }


def prepare(folder: Path) -> None:
    """An empty folder with what a slicer expects. Blocking."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("home", "tmp", "out", "data"):
        (folder / name).mkdir(parents=True, mode=0o700)


def size_of(folder: Path) -> int:
    """Bytes of all files in it. Blocking."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(where, name)).st_size  # noqa: PTH118
    return total


def _last_said(folder: Path) -> str:
    try:
        with (folder / LOG).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = lines[-1].replace(str(folder), "…") if lines else ""
    return "".join(char for char in said if char.isprintable())[:SAID_CHARACTERS]
