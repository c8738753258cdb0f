"""G-code: what it says of itself, beside reading its two ends; every move of it, beside a plain
reading of the lines and OctoPrint's own analysis."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

from agent.slicer.gcode.analysis import AnalysisWorker
from tests.bench.connection import BenchError
from tests.bench.processes import ROOT, Fake, environ
from tests.bench.report import Row, ms, watching
from tests.bench.targets import median
from tests.slicing.large import write_large

MB = 1_000_000
READ_S, READ_MB = 0.040, 30
OCTOPRINT_TIMES, LINES_TIMES = 5.0, 25.0
PREPARE = (
    "import sys; sys.path.insert(0, 'packaging'); import environment;"
    " print(environment.prepare_beside('octoprint'))"
)


async def measure(fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """Each in a process of its own, the analyses in turns. Nothing of it needs a model server."""
    del fake
    return [
        await asyncio.to_thread(_reading, folder, quick=quick),
        *await _analysing(folder, quick=quick),
    ]


def _reading(folder: Path, *, quick: bool) -> Row:
    size_mb, rounds = (60, 5) if quick else (500, 40)
    file = write_large(folder / "large.gcode", size_mb * MB)
    with watching() as others:
        said = json.loads(_run("tests.bench.parts.gcode_reading", str(file), str(rounds)))
    file.unlink()
    mine, bare = median(said["mine"]), median(said["bare"])
    slowest, grown_mb = max(said["mine"]), said["grown_bytes"] / MB
    return Row(
        "G-code: header, settings, picture, checks",
        f"{size_mb} MB",
        f"p50 {ms(mine)}, slowest {ms(slowest)}, {grown_mb:.0f} MB more",
        f"reading both ends {ms(bare)}",
        f"{mine / bare:.0f} ×",
        f"< {READ_S * 1000:.0f} ms, < {READ_MB} MB",
        mine < READ_S and grown_mb < READ_MB,
        {"p50": mine, "slowest": slowest, "bare": bare, "grown_mb": grown_mb},
        others.cores,
    )


async def _analysing(folder: Path, *, quick: bool) -> list[Row]:
    size_mb, rounds = (10, 1) if quick else (100, 3)
    file = write_large(folder / "moves.gcode", size_mb * MB)
    mine, lines, octoprint, problem = [], [], [], ""
    with watching() as others:
        for _ in range(rounds):
            lines.append(float(await asyncio.to_thread(_run, LINES, str(file))))
            mine.append(await _analysis_s(file))
            try:
                octoprint.append(await asyncio.to_thread(_octoprint_s, file))
            except BenchError as err:
                problem = str(err)
    file.unlink()
    return [
        _row(size_mb, mine, lines, others.cores),
        _octoprint_row(size_mb, mine, octoprint, problem, others.cores),
    ]


LINES = "tests.bench.parts.gcode_lines"


async def _analysis_s(file: Path) -> float:
    """From the question to the answer, the start of the process included."""
    began = time.perf_counter()
    await AnalysisWorker().analysis_of(file, tell=lambda done: None)
    return time.perf_counter() - began


def _octoprint_s(file: Path) -> float:
    """Its command, as its server starts it for every upload."""
    prepared = subprocess.run(
        [sys.executable, "-c", PREPARE],
        cwd=ROOT,
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    if prepared.returncode:
        raise BenchError(f"OctoPrint cannot be installed: {prepared.stderr.strip()[-300:]}")
    scripts = Path(prepared.stdout.split("\n")[-2]) / ("Scripts" if _is_windows() else "bin")
    began = time.perf_counter()
    ended = subprocess.run(
        [str(scripts / "octoprint"), "analysis", "gcode", str(file)],
        env=environ(),
        capture_output=True,
        check=False,
    )
    took = time.perf_counter() - began
    if ended.returncode:
        raise BenchError(f"OctoPrint's analysis failed: {ended.stderr[-300:]!r}")
    return took


def _is_windows() -> bool:
    return sys.platform == "win32"


def _run(module: str, *arguments: str) -> str:
    """What a module of ours prints."""
    ended = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise BenchError(f"{module} failed: {ended.stderr.strip()[-300:]}")
    return ended.stdout


def _row(size_mb: int, mine: list[float], lines: list[float], others: float) -> Row:
    took, plain = median(mine), median(lines)
    return Row(
        "every move of a G-code",
        f"{size_mb} MB, process included",
        f"{took:.1f} s",
        f"its lines in Python {plain:.2f} s",
        f"{took / plain:.1f} ×",
        f"≤ {LINES_TIMES:.0f} ×",
        took <= LINES_TIMES * plain,
        {"seconds": took, "lines": plain},
        others,
    )


def _octoprint_row(
    size_mb: int, mine: list[float], octoprint: list[float], problem: str, others: float
) -> Row:
    what, under = "every move of a G-code", f"{size_mb} MB"
    if not octoprint:
        return Row(what, under, f"{median(mine):.1f} s", f"not measured: {problem}")
    took, theirs = median(mine), median(octoprint)
    return Row(
        what,
        under,
        f"{took:.1f} s",
        f"OctoPrint {theirs:.1f} s",
        f"1/{theirs / took:.1f}",
        f"1/{OCTOPRINT_TIMES:.0f}",
        theirs >= OCTOPRINT_TIMES * took,
        {"seconds": took, "octoprint": theirs},
        others,
    )
