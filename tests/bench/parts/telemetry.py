"""What is noted of requests: what a note costs, and questions beside a bare count of all rows."""

import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from agent.telemetry.service import Telemetry
from tests.agent.recording import AT, keeping, record
from tests.agent.test_telemetry_many import filled, questions
from tests.bench.processes import Fake
from tests.bench.report import Row, ms, watching
from tests.bench.targets import median, percentile

NOTE_S, QUESTION_S = 20e-6, 1.0
COUNT = "SELECT count(*), sum(completion_tokens) FROM request"


async def measure(fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """Notes by themselves, then each question of the page with a million requests kept."""
    many, rounds = (50_000, 3) if quick else (1_000_000, 9)
    own = folder / "telemetry"
    own.mkdir()
    with watching(fake.process) as others:
        async with keeping(own, clock=lambda: AT, keep_days=1) as kept:
            rows = [_note(kept.telemetry, rounds)]
            await kept.telemetry.flush()
            await filled(kept, many)
            bare = _bare(kept.file, rounds)
            for name, ask in questions(kept.telemetry, AT - timedelta(days=30)).items():
                rows.append(await _question(name, f"{many:,} requests", ask, bare, rounds))
    for row in rows:
        row.others = others.cores
    return rows


def _note(telemetry: Telemetry, rounds: int) -> Row:
    one = record(prompt_tokens=900)
    took = []
    for _ in range(rounds * 10):
        began = time.perf_counter()
        for _ in range(100):
            telemetry.record(one)
        took.append((time.perf_counter() - began) / 100)
    half, slow = median(took), percentile(took, 95)
    return Row(
        "a request noted",
        "in the way of the answer",
        f"p50 {half * 1e6:.1f} µs, p95 {slow * 1e6:.1f} µs",
        reach=f"< {NOTE_S * 1e6:.0f} µs",
        is_reached=half < NOTE_S,
        facts={"p50_s": half, "p95_s": slow},
    )


def _bare(file: Path, rounds: int) -> float:
    took = []
    with closing(sqlite3.connect(file)) as connection:
        for _ in range(rounds):
            began = time.perf_counter()
            connection.execute(COUNT).fetchone()
            took.append(time.perf_counter() - began)
    return median(took)


async def _question(
    name: str, under: str, ask: Callable[[], Awaitable[object]], bare: float, rounds: int
) -> Row:
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        await ask()
        took.append(time.perf_counter() - began)
    half = median(took)
    return Row(
        f"performance page: {name}",
        under,
        ms(half),
        f"SQLite counts all rows {ms(bare)}",
        f"{half / bare:.1f} ×",
        f"< {QUESTION_S:.0f} s",
        half < QUESTION_S,
        facts={"p50_s": half, "bare_s": bare},
    )
