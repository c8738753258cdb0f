"""Has files looked at by a process of its own, which gets a time and no more."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import orjson

PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv.pop(1));"
    " from hub.artefacts.looking import main; main()"
)
MEMORY_BYTES = 1 << 30
ANSWER_BYTES = 1 << 20
KNOWN = {"python", "json", "yaml", "toml", "gcode", "klipper", "openscad"}
Findings = list[dict[str, object]]
TOO_LONG: Findings = [{"line": 1, "text": "It takes longer to check than it may."}]


@dataclass(frozen=True, slots=True)
class Checked:
    """`findings` is None for what nobody here can check."""

    findings: Findings | None


class Checker:
    """A few processes at a time, one for all files of an answer. Ends what takes too long."""

    def __init__(self, *, seconds: float, at_once: int = 2) -> None:
        self._seconds, self._places = seconds, asyncio.Semaphore(at_once)
        self._openscad = shutil.which("openscad") or ""

    async def check(self, files: Sequence[tuple[str, str]]) -> list[Checked]:
        """What is wrong with each (language, content), in order."""
        asked = [index for index, (language, _) in enumerate(files) if language in KNOWN]
        checked = [Checked(None) for _ in files]
        if asked:
            async with self._places:
                found = await self._ask([files[index] for index in asked])
            for index, one in zip(asked, found, strict=True):
                checked[index] = one
        return checked

    async def _ask(self, files: Sequence[tuple[str, str]]) -> list[Checked]:
        process = await asyncio.create_subprocess_exec(
            # The folder in which the hub was started is nobody's place for libraries: -P.
            *(sys.executable, "-P", "-c", PROGRAM, str(Path(__file__).parents[2])),
            *(str(MEMORY_BYTES), str(ceil(self._seconds)), self._openscad),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PYTHONDONTWRITEBYTECODE": "1"},
            start_new_session=True,
            limit=ANSWER_BYTES,
        )
        answers: list[Checked] = []
        try:
            async with asyncio.timeout(self._seconds):
                await self._talk(process, files, answers)
        except (TimeoutError, OSError):
            pass  # what it said until then holds
        finally:
            with suppress(ProcessLookupError):
                _end(process)
            await process.wait()
        # It falls over, or is ended, at the first that has no answer; the rest nobody looked at.
        if len(answers) < len(files):
            answers.append(Checked(TOO_LONG))
        return [*answers, *(Checked(None) for _ in files[len(answers) :])]

    async def _talk(
        self,
        process: asyncio.subprocess.Process,
        files: Sequence[tuple[str, str]],
        answers: list[Checked],
    ) -> None:
        if process.stdin is None or process.stdout is None:
            return
        process.stdin.write(orjson.dumps(files))
        await process.stdin.drain()
        process.stdin.close()
        async for line in process.stdout:
            told = orjson.loads(line)
            findings = told and [{"line": number, "text": text} for number, text in told]
            answers.append(Checked(findings))


def _end(process: asyncio.subprocess.Process) -> None:
    """With whatever it has started."""
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
