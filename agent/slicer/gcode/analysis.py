"""Asks a process of its own to look at every move of a file, and waits for it."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from agent.shared.errors import Invalid, TimedOut, TooLarge, Unavailable
from agent.slicer.rules import Analysis, Feature, Layers

log = logging.getLogger(__name__)

WORKER_FLAG = "--look-at-moves"
PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    " from agent.slicer.gcode.worker import main; main()"
)
ANSWER_BYTES = 256 << 20
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one analysis may take. A gigabyte of G-code takes about a minute."""

    seconds: float = 600.0
    memory_bytes: int = 1 << 30


class AnalysisWorker:
    """One file at a time. A process is started for each, and ended when nobody waits for it."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._place = asyncio.Semaphore(1)

    async def analysis_of(self, path: Path, *, tell: Callable[[float], None]) -> Analysis:
        """`tell` hears the share of the file that was read.

        Raises Invalid for what is no G-code, TooLarge and TimedOut for what takes more than it
        may, Unavailable where the process ends by itself."""
        async with self._place:
            process = await _started(path, self._limits.memory_bytes)
            try:
                async with asyncio.timeout(self._limits.seconds):
                    return await _answer(process, tell)
            except TimeoutError:
                raise TimedOut(
                    "analysis-too-slow",
                    f"{path.name} takes longer than the {self._limits.seconds:g} seconds that an "
                    "analysis may take.",
                ) from None
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


async def _started(path: Path, memory_bytes: int) -> asyncio.subprocess.Process:
    root = str(Path(__file__).parents[3])
    # The folder in which the agent was started is nobody's place for libraries: -P.
    command = [sys.executable, "-P", "-c", PROGRAM, root]
    if getattr(sys, "frozen", False):
        command = [sys.executable, WORKER_FLAG]
    return await asyncio.create_subprocess_exec(
        *command,
        str(path),
        str(memory_bytes),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=ANSWER_BYTES,
        env={**os.environ, **ONE_THREAD},
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


async def _answer(process: asyncio.subprocess.Process, tell: Callable[[float], None]) -> Analysis:
    lines = process.stdout
    while lines and (line := await lines.readline()):
        said: dict[str, Any] = orjson.loads(line)  # Any: JSON
        if "done" in said:
            tell(float(said["done"]))
        elif "error" in said:
            raise _error(*said["error"])
        else:
            return await asyncio.to_thread(_analysis, said["analysis"])
    raise Unavailable("analysis-failed", "The process that looks at the moves ended. Try it again.")


def _error(code: str, detail: str) -> Exception:
    if code == "analysis-too-large":
        return TooLarge(code, detail)
    return Unavailable(code, detail) if code == "analysis-failed" else Invalid(code, detail)


def _analysis(said: dict[str, Any]) -> Analysis:  # Any: JSON
    box = said["bounding_box"]
    return Analysis(
        **{
            **said,
            "layers": Layers(**{name: tuple(column) for name, column in said["layers"].items()}),
            "features": tuple(Feature(**feature) for feature in said["features"]),
            "bounding_box": tuple(box) if box else None,
            "filament_mm": tuple(said["filament_mm"]),
            "notes": tuple(said["notes"]),
        }
    )
