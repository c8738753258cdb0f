"""The program that a slicer waits for after each export, beside a Python that does nothing."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.connection import BenchError
from tests.bench.processes import Fake, agent_command, agent_environ, orca_agent
from tests.bench.report import Row, watching
from tests.bench.targets import median, percentile
from tests.slicing import gcode

REACH_S = 0.150
SETTINGS = 400  # about as many as a slicer hands over


async def measure(fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """Each from the start of the process to its end, in turns with `python -c pass`."""
    rounds = 5 if quick else 40
    file = folder / "exported.gcode.pp"
    file.write_text(gcode.orca(), "utf-8")
    plain = [sys.executable, "-c", "pass"]
    mine = [agent_command()[0], "post-process", str(file)]
    if agent_command()[0] == sys.executable:
        mine = [sys.executable, "-m", "agent", *mine[1:]]
    data_dir = folder / "post-process"
    environment = agent_environ(data_dir, fake.url) | {
        f"SLIC3R_SETTING_{number}": "0.42" for number in range(SETTINGS)
    }
    rows = []
    nobody = await asyncio.to_thread(_turns, rounds, mine, plain, environment)
    rows.append(_row("no agent runs", *nobody))
    strict = await asyncio.to_thread(_turns, rounds, [*mine, "--strict"], plain, environment)
    rows.append(_row("--strict, checked by itself", *strict))
    async with orca_agent(folder, data_dir, fake.url) as agent:
        with watching(agent.process) as others:
            told = await asyncio.to_thread(_turns, rounds, mine, plain, environment)
        rows.append(_row("the agent reads and checks the file", *told, others=others.cores))
    return rows


def _turns(
    rounds: int, mine: Sequence[str], plain: Sequence[str], environment: Mapping[str, str]
) -> tuple[list[float], list[float]]:
    _took(mine, environment)  # the first time is read from the disk
    pairs = [(_took(mine, environment), _took(plain, environment)) for _ in range(rounds)]
    return [one for one, _ in pairs], [one for _, one in pairs]


def _took(command: Sequence[str], environment: Mapping[str, str]) -> float:
    began = time.perf_counter()
    ended = subprocess.run(command, env=dict(environment), capture_output=True, check=False)
    took = time.perf_counter() - began
    if ended.returncode:
        raise BenchError(f"{command[0]} ended with {ended.returncode}: {ended.stderr[-300:]!r}")
    return took


def _row(under: str, mine: list[float], plain: list[float], *, others: float = 0.0) -> Row:
    half, slow, nothing = median(mine), percentile(mine, 95), median(plain)
    return Row(
        "post-process",
        under,
        f"p50 {half * 1000:.0f} ms, p95 {slow * 1000:.0f} ms",
        f"python -c pass {nothing * 1000:.0f} ms",
        f"+{(half - nothing) * 1000:.0f} ms",
        f"< {REACH_S * 1000:.0f} ms",
        half < REACH_S,
        {"p50": half, "p95": slow, "python": nothing},
        others,
    )
