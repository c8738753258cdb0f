"""A million requests: lists, sums and percentiles say of which of them they are."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.telemetry.service import Telemetry
from tests.agent.recording import AT, Kept, keeping, record

MANY = 1_000_000
COPY = """
INSERT INTO request (id, at, kind, outcome, project, model, backend, provider, client, code,
    queued_ms, load_ms, first_token_ms, total_ms, prompt_tokens, completion_tokens,
    tokens_per_second, cached, was_cold)
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
  SELECT id || i, strftime('%Y-%m-%dT%H:%M:%f000Z', at, '-' || (i * 2) || ' seconds'), kind,
    CASE i % 100000 WHEN 0 THEN 'failed' ELSE outcome END, 'project-' || (i % 40),
    'model-' || (i % 12), backend, provider, client, code, queued_ms, load_ms,
    first_token_ms + i % 50, total_ms, prompt_tokens, completion_tokens, tokens_per_second,
    cached, was_cold
  FROM n, request WHERE number = 1
"""


async def filled(kept: Kept, many: int) -> None:
    """As if that many had been asked, one every two seconds."""
    kept.telemetry.record(record())
    await kept.telemetry.flush()
    with closing(sqlite3.connect(kept.file)) as connection:
        connection.execute(COPY, (many,))
        connection.commit()


def questions(
    telemetry: Telemetry, since: datetime
) -> dict[str, Callable[[], Awaitable[tuple[list[Any], Any]]]]:
    """What the page of performance asks; each may be asked again. Any: rows and cursor."""
    page = partial(telemetry.requests, cursor=None, limit=1000)
    return {
        "latest": partial(page, {}, since=None),
        "of a project": partial(page, {"project": "project-7"}, since=since),
        "rare": partial(page, {"outcome": "failed"}, since=since),
        "of nobody": partial(page, {"model": "none"}, since=None),
        "days": partial(telemetry.days, {}, since=since, cursor=None, limit=1000),
        "performance": partial(telemetry.performance, {}, since=since),
        "of one model": partial(telemetry.performance, {"model": "model-3"}, since=since),
    }


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_million_requests_are_told_in_pages_and_of_the_latest(tmp_path: Path) -> None:
    async with keeping(tmp_path, clock=lambda: AT, keep_days=1) as kept:
        await filled(kept, MANY)
        asked = questions(kept.telemetry, AT - timedelta(days=30))

        told = {name: await ask() for name, ask in asked.items()}

    assert {name: len(rows) for name, (rows, _) in told.items()} == {
        "latest": 1000,
        "of a project": 1000,
        "rare": 10,
        "of nobody": 0,
        "days": 1,
        "performance": 13,
        "of one model": 1,
    }
    assert told["performance"][1] is False
