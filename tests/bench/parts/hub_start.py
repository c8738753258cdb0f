"""From the start of the hub to its first answer, and the memory it holds when idle."""

import asyncio
import shutil
import time
from pathlib import Path

from tests.bench.connection import BenchError
from tests.bench.parts.hub_processes import LIVE, READY, begun, servers
from tests.bench.processes import Fake, free_port, until_answers
from tests.bench.report import Row, watching
from tests.bench.targets import median

START_S, MEMORY_BYTES, IDLE_S = 2.0, 180e6, 5.0


async def measure(_fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """With nothing but a folder, and with PostgreSQL and Redis."""
    rows = await _rows(folder, {"ORCA_HUB_LOG_LEVEL": "warning"}, "SQLite", quick=quick)
    try:
        with servers() as environment:
            rows += await _rows(folder, environment, "PostgreSQL and Redis", quick=quick)
    except BenchError as err:
        rows.append(Row("hub: start", "PostgreSQL and Redis", "not measured", str(err)))
    return rows


async def _rows(folder: Path, environment: dict[str, str], under: str, *, quick: bool) -> list[Row]:
    fresh: list[float] = []
    again: list[float] = []
    memory: list[float] = []
    data_dir = folder / "hub-start"
    with watching() as others:
        for number in range(2 if quick else 5):
            shutil.rmtree(data_dir, ignore_errors=True)
            fresh.append((await _start(folder, data_dir, environment, 0))[0])
            took_s, rss = await _start(folder, data_dir, environment, IDLE_S if number < 2 else 0)
            again.append(took_s)
            memory += [rss] if number < 2 else []
    first, later, held = median(fresh), median(again), median(memory)
    return [
        Row(
            "hub: start until it is ready",
            under,
            f"{later:.2f} s, with an empty folder {first:.2f} s",
            reach=f"< {START_S:g} s",
            is_reached=max(first, later) < START_S,
            facts={"fresh": first, "again": later},
            others=others.cores,
        ),
        Row(
            "hub: idle memory",
            f"{under}, {IDLE_S:g} s after the start",
            f"{held / 1e6:.0f} MB",
            reach=f"< {MEMORY_BYTES / 1e6:.0f} MB",
            is_reached=held < MEMORY_BYTES,
            facts={"rss": held},
            others=others.cores,
        ),
    ]


async def _start(
    folder: Path, data_dir: Path, environment: dict[str, str], idle_s: float
) -> tuple[float, float]:
    """Seconds until it is ready, and the bytes that it holds after a while."""
    port, began = free_port(), time.perf_counter()
    process = begun(folder, data_dir, environment, port)
    try:
        url = f"http://127.0.0.1:{port}"
        await until_answers(process, url, LIVE, 60)
        ready_s = await until_answers(process, url, READY, 60) - began
        await asyncio.sleep(idle_s)
        return ready_s, float(process.rss_bytes())
    finally:
        process.stop()
