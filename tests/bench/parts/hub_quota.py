"""What a quota takes: checked before a request and settled after it, beside one bare UPDATE of the
same row; and lines in the audit log, by fifty writers at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy import text

from agent.shared.clock import random_id, system_clock
from hub.access import Principal
from hub.audit.service import AuditService
from hub.database import open_database
from hub.limits.quotas import Quotas
from hub.limits.rules import Used, period_starts
from hub.limits.server_books import ServerBooks
from hub.postgres import PostgresDatabase
from hub.settings import load
from tests.bench.connection import BenchError
from tests.bench.processes import Fake
from tests.bench.report import Row, ms, watching
from tests.bench.targets import median
from tests.hub.postgres import binaries, postgres

REACH = 3.0
WRITERS = 50
QUOTA = "the-quota"
SET = text(
    "INSERT INTO quota (id, subject_kind, subject, model, period, tokens, is_each, created_at, "
    "updated_at) VALUES (:id, 'everybody', '', '*', 'day', :tokens, FALSE, '', '')"
)
BARE = (
    "UPDATE quota_use SET tokens = tokens + 1 WHERE quota_id = $1 AND starts_at = $2 AND who = $3"
)
Work = Callable[[], Awaitable[object]]


async def measure(_fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """In turns, one request after the other."""
    if binaries() is None:
        raise BenchError("PostgreSQL is not installed")
    times, turns = (100, 2) if quick else (500, 9)
    data_dir = folder / "quota"
    with postgres(is_durable=True) as server:
        url = server.new_database()
        async with open_database(
            load({"ORCA_HUB_DATABASE_URL": url}, data_dir=data_dir)
        ) as database:
            if not isinstance(database, PostgresDatabase):
                raise BenchError("the database is not PostgreSQL")
            with watching() as others:
                rows = await _of_quota(database, url, times, turns)
                rows += await _of_log(database, times)
    for row in rows:
        row.others = others.cores
    return rows


async def _of_quota(database: PostgresDatabase, url: str, times: int, turns: int) -> list[Row]:
    import asyncpg  # type: ignore[import-untyped] # slow import, without types

    books, driver = ServerBooks(database), await asyncpg.connect(url)
    quotas = Quotas(database, books, system_clock, random_id)
    who = Principal("one", "one", "user", "session", "s")
    async with database.writing() as connection:
        await connection.execute(SET, {"id": QUOTA, "tokens": 10**15})

    async def check_and_settle() -> None:
        taken = await quotas.reserve(who, "m", prompt_tokens=100, answer_tokens=1000)
        await quotas.settle(taken, Used(90, 300, 1.0, "p"))

    async def bare() -> None:
        await driver.execute(BARE, QUOTA, period_starts("day", system_clock()), "")

    await _each(check_and_settle, times)
    ours, yardstick = [], []
    for _ in range(turns):
        yardstick.append(await _each(bare, times))
        ours.append(await _each(check_and_settle, times))
    await driver.close()
    await books.close()
    took, least = median(ours), median(yardstick)
    return [
        Row(
            "hub: quota checked and settled",
            "one after the other, PostgreSQL",
            ms(took),
            f"one bare UPDATE {ms(least)}",
            f"{took / least:.2f} ×",
            f"{REACH:g} ×",
            took / least <= REACH,
            {"ours": took, "bare": least},
        )
    ]


async def _of_log(database: PostgresDatabase, times: int) -> list[Row]:
    log = AuditService(database, system_clock)

    async def write() -> None:
        await log.note_alone("bench", "x")

    alone = await _each(write, times)
    began = time.perf_counter()
    await asyncio.gather(*(_each(write, times // WRITERS) for _ in range(WRITERS)))
    together = (time.perf_counter() - began) / (times // WRITERS * WRITERS)
    return [
        Row(
            "hub: line in the audit log",
            f"{WRITERS} writers at once, PostgreSQL",
            ms(together),
            f"one writer {ms(alone)}",
            f"{together / alone:.2f} ×",
            facts={"together": together, "alone": alone},
        )
    ]


async def _each(work: Work, times: int) -> float:
    """The median of so many, one after the other."""
    took: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        took.append(time.perf_counter() - began)
    return median(took)
