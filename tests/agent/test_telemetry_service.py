"""What is noted of requests: that it lasts, adds up, goes when its time has come, and tells no
secret."""

import asyncio
import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from agent.inference.rules import Usage
from agent.shared.clock import rfc3339
from agent.shared.errors import Malformed, TimedOut, TooMany, Unavailable
from agent.shared.logs import logging_to
from agent.telemetry.rules import COUNTERS, RequestRecord
from agent.telemetry.service import FORGOTTEN_AT_ONCE
from tests.agent.recording import AT, MODEL, keeping, record
from tests.clock import MovingClock

CANARY = "canary-of-the-prompt"


class Stopwatch:
    """A monotonic clock that a test moves on."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def read(file: Path, query: str) -> list[Any]:  # Any: what SQLite holds
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


def holding(folder: Path, text: str) -> set[Path]:
    """The files below `folder` with `text` in them."""
    files = {file for file in folder.rglob("*") if file.is_file()}
    return {file for file in files if text.encode() in file.read_bytes()}


def ms(value: float) -> float:
    return round(value, 3)


async def test_records_and_counters_are_there_after_a_restart(tmp_path: Path) -> None:
    async with keeping(tmp_path) as kept:
        kept.telemetry.record(record(1, project="voron"))
        kept.telemetry.record(record(2, outcome="failed", code="model-not-found"))

    async with keeping(tmp_path) as kept:
        rows, cursor = await kept.telemetry.requests({}, since=None, cursor=None, limit=10)
        days, _ = await kept.telemetry.days({"project": "voron"}, since=AT, cursor=None, limit=10)

    wanted = [
        {**asdict(one), "at": rfc3339(AT), "number": number}
        for number, one in (
            (2, record(2, outcome="failed", code="model-not-found")),
            (1, record(1, project="voron")),
        )
    ]
    assert (rows, cursor) == (wanted, None)
    assert [(day["day"], day["requests"], day["done"]) for day in days] == [("2026-01-31", 1, 1)]


async def test_counters_agree_with_records_whatever_came(tmp_path: Path) -> None:
    outcomes = ("done", "cancelled", "failed", "rejected", "timed-out", "interrupted")
    async with keeping(tmp_path) as kept:
        for number in range(5000):
            kept.telemetry.record(
                record(
                    number,
                    at=AT - timedelta(hours=number % 50),
                    outcome=outcomes[number % 6],
                    project=f"project-{number % 7}",
                    model=f"model-{number % 3}",
                    cached=number % 5 == 0,
                    was_cold=number % 11 == 0,
                    prompt_tokens=number % 90,
                )
            )
            if number % 777 == 0:
                await kept.telemetry.flush()

    sums = ", ".join(f"sum({name})" for name in COUNTERS)
    columns = (
        "count(*), sum(outcome = 'done'), sum(outcome = 'cancelled'), sum(outcome = 'failed'), "
        "sum(outcome = 'rejected'), sum(outcome = 'timed-out'), sum(outcome = 'interrupted'), "
        "sum(cached), sum(was_cold), sum(prompt_tokens), sum(completion_tokens), "
        "cast(sum(queued_ms) as integer), cast(sum(total_ms) as integer)"
    )
    by = "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    counted = read(
        kept.file,
        f"SELECT day, project, model, {sums} FROM request_day {by}",  # noqa: S608
    )
    noted = read(
        kept.file,
        f"SELECT substr(at, 1, 10), project, model, {columns} FROM request {by}",  # noqa: S608
    )
    assert counted == noted
    assert sum(row[3] for row in counted) == 5000


async def test_old_records_go_in_batches_and_their_counters_stay(tmp_path: Path) -> None:
    clock = MovingClock()
    async with keeping(tmp_path, clock=clock, keep_days=30) as kept:
        many = FORGOTTEN_AT_ONCE * 2 + 7
        for number in range(many):
            kept.telemetry.record(record(number, at=AT - timedelta(days=31)))
        kept.telemetry.record(record(at=AT - timedelta(days=29)))
        kept.telemetry.record(record(at=AT - timedelta(days=800)))
        await kept.telemetry.flush()

        forgotten = [await kept.telemetry.forget_old() for _ in range(2)]

    assert forgotten == [many + 1, 0]
    assert read(kept.file, "SELECT count(*) FROM request") == [(1,)]
    assert read(kept.file, "SELECT day, requests FROM request_day ORDER BY day") == [
        ("2025-12-31", many),
        ("2026-01-02", 1),
    ]


async def test_pages_of_a_list_lack_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    async with keeping(tmp_path) as kept:
        for number in range(25):
            model = MODEL if number % 2 else "other:1b"
            at = AT - timedelta(seconds=number // 4)
            kept.telemetry.record(record(number, at=at, model=model, project=f"p{number}"))
        await kept.telemetry.flush()
        found: dict[str, list[str]] = {}
        for name, page in (("requests", kept.telemetry.requests), ("days", kept.telemetry.days)):
            cursor, seen = None, []
            while True:
                rows, cursor = await page({"model": MODEL}, since=AT, cursor=cursor, limit=1)
                seen += [row["project"] for row in rows]
                if cursor is None:
                    break
            found[name] = seen
        with pytest.raises(Malformed):
            await kept.telemetry.requests({}, since=None, cursor="nonsense", limit=1)

    assert found == {
        "requests": ["p3", "p1"],
        "days": [f"p{number}" for number in range(23, 0, -2)],
    }


async def test_a_record_that_cannot_be_saved_is_saved_later(tmp_path: Path) -> None:
    async with keeping(tmp_path) as kept:
        with closing(sqlite3.connect(kept.file, isolation_level=None)) as other:
            other.execute("ALTER TABLE request_day RENAME TO away")
            kept.telemetry.record(record())
            await kept.telemetry.flush()
            halves = read(kept.file, "SELECT count(*) FROM request")
            other.execute("ALTER TABLE away RENAME TO request_day")

    assert halves == [(0,)]  # not without its counters
    assert read(kept.file, "SELECT requests FROM request_day") == [(1,)]


async def test_what_keeps_coming_holds_up_nothing_that_came_before(tmp_path: Path) -> None:
    told: list[str] = []
    export = lambda batch: told.extend(one.id for one in batch)  # noqa: E731
    async with keeping(tmp_path, export=export) as kept:

        async def coming() -> None:
            for number in count(2):
                kept.telemetry.record(record(number))
                await asyncio.sleep(0)

        kept.telemetry.record(record(1))
        more = asyncio.create_task(coming())
        try:
            async with asyncio.timeout(20):
                await kept.telemetry.flush()
                await kept.telemetry.flush()
        finally:
            more.cancel()
        saved = read(kept.file, "SELECT id FROM request")

    assert told[:2] == ["request-1", "request-2"]
    assert ("request-1",) in saved


async def test_a_cancelled_job_saves_each_record_once(tmp_path: Path) -> None:
    async with keeping(tmp_path) as kept:
        for number in range(3000):
            kept.telemetry.record(record(number))
        saving = asyncio.gather(kept.telemetry.flush(), kept.telemetry.flush())
        await asyncio.sleep(0)
        await saving

    assert read(kept.file, "SELECT count(*) FROM request") == [(3000,)]
    assert read(kept.file, "SELECT requests FROM request_day") == [(3000,)]


# --- measuring ----------------------------------------------------------------------------------


async def test_times_are_right_while_the_clock_of_the_system_jumps_back(tmp_path: Path) -> None:
    clock, stopwatch = MovingClock(), Stopwatch()
    async with keeping(tmp_path, clock=clock, monotonic=stopwatch) as kept:
        with kept.telemetry.measure("chat", id="one", model=MODEL, client="me") as measure:
            clock.passes(days=-400)
            stopwatch.now_s += 0.5
            measure.began("local", "ollama", is_cold=True)
            stopwatch.now_s += 2
            measure.heard()
            clock.passes(days=900)
            stopwatch.now_s += 3
            measure.heard()
            measure.used(Usage(10, 20, 1500, 2000, 6.5, 5000))
        rows = await saved(kept.telemetry)

    assert rows == [
        {
            **asdict(RequestRecord("one", AT, "chat", "done")),
            "at": rfc3339(AT),
            "model": MODEL,
            "backend": "local",
            "provider": "ollama",
            "client": "me",
            "queued_ms": 500,
            "load_ms": 1500,
            "first_token_ms": 2000,
            "total_ms": 5500,
            "prompt_tokens": 10,
            "completion_tokens": 20,
            "tokens_per_second": 6.5,
            "was_cold": True,
            "number": 1,
        }
    ]


async def saved(telemetry: Any) -> list[dict[str, Any]]:  # Any: Telemetry; what SQLite holds
    await telemetry.flush()
    rows, _ = await telemetry.requests({}, since=None, cursor=None, limit=10)
    return [dict(row) for row in rows]


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (asyncio.CancelledError(), "cancelled", ""),
        (Unavailable("queue-full", "Too many."), "rejected", "queue-full"),
        (TooMany("too-many-requests", "Slower."), "rejected", "too-many-requests"),
        (TimedOut("queue-timeout", "Too long."), "timed-out", "queue-timeout"),
        (Unavailable("ollama-down", "Gone."), "failed", "ollama-down"),
        (ValueError("a mistake of ours"), "failed", ""),
    ],
)
async def test_what_ends_a_request_is_noted_and_goes_on_its_way(
    tmp_path: Path, error: BaseException, outcome: str, code: str
) -> None:
    stopwatch = Stopwatch()
    async with keeping(tmp_path, monotonic=stopwatch) as kept:
        measure = kept.telemetry.measure("generate", id="one", project="voron")
        stopwatch.now_s += 0.25
        with pytest.raises(type(error)), measure:
            raise error
        (row,) = await saved(kept.telemetry)

    noted = ("kind", "project", "outcome", "code", "queued_ms", "total_ms", "backend")
    assert [row[name] for name in noted] == ["generate", "voron", outcome, code, 250, 250, ""]


async def test_a_request_is_noted_once_and_a_cached_one_waited_for_nothing(
    tmp_path: Path,
) -> None:
    stopwatch = Stopwatch()
    async with keeping(tmp_path, monotonic=stopwatch) as kept:
        with kept.telemetry.measure("embed", id="one") as measure:
            stopwatch.now_s += 0.002
            measure.served_from_cache()
            measure.end("done")
            measure.end("failed", "late")
        (row,) = await saved(kept.telemetry)

    assert (row["outcome"], row["cached"], row["queued_ms"]) == ("done", True, 0)
    assert ms(row["total_ms"]) == 2


# --- what is told -------------------------------------------------------------------------------


@pytest.mark.parametrize("logs_prompts", [False, True])
async def test_each_request_is_one_line_of_the_log_and_the_prompt_only_if_wanted(
    tmp_path: Path, *, logs_prompts: bool
) -> None:
    told: list[RequestRecord] = []
    with logging_to(tmp_path / "logs", "info", terminal=StringIO()) as log:
        async with keeping(tmp_path, logs_prompts=logs_prompts, export=told.extend) as kept:
            kept.telemetry.record(record(code="x-y", outcome="failed"), prompt=CANARY)
            with kept.telemetry.measure("chat", id="two", prompt=CANARY):
                pass
    text = log.read_text("utf-8")

    lines = [json.loads(line) for line in text.splitlines()]
    first = {k: v for k, v in lines[0].items() if k not in {"timestamp", "prompt", "message"}}
    assert first == {
        **asdict(record(code="x-y", outcome="failed")),
        "at": rfc3339(AT),
        "event": "model request",
        "level": "info",
        "logger": "agent.telemetry.service",
    }
    assert [line.get("prompt") for line in lines] == [CANARY if logs_prompts else None] * 2
    assert [one.id for one in told] == ["request-1", "two"]
    assert holding(tmp_path, CANARY) - {log} == set()
    assert CANARY not in repr([vars(kept.telemetry.tallies), told])


@pytest.mark.slow
async def test_performance_says_when_it_is_of_the_latest_only(tmp_path: Path) -> None:
    async with keeping(tmp_path) as kept:
        for number in range(20_010):
            kept.telemetry.record(record(number, model=f"model-{number % 2}"))
        kept.telemetry.record(record(at=AT - timedelta(days=2), project="voron"))
        await kept.telemetry.flush()

        latest, is_whole = await kept.telemetry.performance({}, since=AT - timedelta(days=1))
        voron, voron_is_whole = await kept.telemetry.performance(
            {"project": "voron"}, since=AT - timedelta(days=3)
        )

    assert (is_whole, voron_is_whole) == (False, True)
    assert Counter({one.model: one.requests for one in latest}).total() == 20_000
    assert [(one.model, one.requests) for one in voron] == [(MODEL, 1)]
