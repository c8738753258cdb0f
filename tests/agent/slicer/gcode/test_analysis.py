"""The process that looks at every move: what it answers, how it is ended, what it may take."""

import asyncio
from pathlib import Path
from typing import Any

import psutil
import pytest

from agent.shared.errors import Invalid, TimedOut, TooLarge, Unavailable
from agent.slicer.gcode.analysis import AnalysisWorker, Limits
from agent.slicer.gcode.motion import analyse
from agent.slicer.rules import Analysis
from tests.slicing import gcode
from tests.slicing.gcode import Part

LONG = b"G1 X10.5 Y20.25 E.5 F1800\nG1 X20 Y10 E.5\n" * 1_000_000  # told of several times


def written(folder: Path, content: str | bytes) -> Path:
    file = folder / "part.gcode"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def at_work(file: Path) -> list[psutil.Process]:
    """The processes below this one that were asked for the file."""
    return [one for one in psutil.Process().children() if str(file) in one.cmdline()]


async def first_told(told: asyncio.Queue[float], running: asyncio.Future[Analysis]) -> float:
    """What is told first. An analysis that ends before fails as it ended."""
    telling = asyncio.ensure_future(told.get())
    both: set[asyncio.Future[Any]] = {telling, running}  # Any: they answer different things
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    if not telling.done():
        telling.cancel()
        raise AssertionError(f"nothing was told of {await running}")
    return telling.result()


async def test_the_process_answers_what_the_pass_finds(tmp_path: Path) -> None:
    file = written(tmp_path, gcode.orca(Part(layers=5)))

    found = await AnalysisWorker().analysis_of(file, tell=lambda done: None)

    assert found == analyse(file, lambda done: None)


async def test_progress_is_told_and_cancelling_ends_the_process(tmp_path: Path) -> None:
    file, told = written(tmp_path, LONG), asyncio.Queue[float]()
    running = asyncio.ensure_future(AnalysisWorker().analysis_of(file, tell=told.put_nowait))

    first = await first_told(told, running)
    (process,) = at_work(file)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert 0 < first < 1
    assert not process.is_running()


async def test_one_file_at_a_time(tmp_path: Path) -> None:
    worker, told = AnalysisWorker(), asyncio.Queue[float]()
    long, short = written(tmp_path, LONG), tmp_path / "other.gcode"
    short.write_text(gcode.orca())
    first = asyncio.ensure_future(worker.analysis_of(long, tell=told.put_nowait))
    await first_told(told, first)
    (process,) = at_work(long)
    process.suspend()  # it does not end before it is cancelled, however quick the machine

    second = asyncio.ensure_future(worker.analysis_of(short, tell=lambda done: None))
    await asyncio.wait([second], timeout=0.3)

    assert at_work(short) == []
    first.cancel()
    assert (await second).layers.z_mm == (0.2, 0.4, 0.6)


async def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    file = written(tmp_path, LONG)

    with pytest.raises(TimedOut) as ended:
        await AnalysisWorker(Limits(seconds=0.1)).analysis_of(file, tell=lambda done: None)

    assert ended.value.code == "analysis-too-slow"
    assert at_work(file) == []


async def test_what_takes_too_much_memory_is_ended(tmp_path: Path) -> None:
    file = written(tmp_path, gcode.orca())

    with pytest.raises((TooLarge, Unavailable)):
        await AnalysisWorker(Limits(memory_bytes=60 << 20)).analysis_of(
            file, tell=lambda done: None
        )


async def test_what_is_no_gcode_is_refused_with_the_readers_words(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        await AnalysisWorker().analysis_of(written(tmp_path, b"GCDE\0"), tell=lambda done: None)

    assert refused.value.code == "not-gcode"


async def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as failed:
        await AnalysisWorker().analysis_of(tmp_path / "gone", tell=lambda done: None)

    assert failed.value.detail == "The file cannot be read. Is it still there?"
