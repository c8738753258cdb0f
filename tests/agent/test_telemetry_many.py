"""A million requests: lists, sums and percentiles are still there at once."""

import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from agent.telemetry.service import Telemetry
from tests.agent.recording import AT, keeping, record

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


async def longest(telemetry: Telemetry) -> dict[str, float]:
    """How long each question took, in seconds."""
    took = {}
    since = AT - timedelta(days=30)
    questions = {
        "latest": telemetry.requests({}, since=None, cursor=None, limit=1000),
        "of a project": telemetry.requests(
            {"project": "project-7"}, since=since, cursor=None, limit=1000
        ),
        "rare": telemetry.requests({"outcome": "failed"}, since=since, cursor=None, limit=1000),
        "of nobody": telemetry.requests({"model": "none"}, since=None, cursor=None, limit=1000),
        "days": telemetry.days({}, since=since, cursor=None, limit=1000),
        "performance": telemetry.performance({}, since=since),
        "of one model": telemetry.performance({"model": "model-3"}, since=since),
    }
    for name, question in questions.items():
        began_s = time.perf_counter()
        await question
        took[name] = time.perf_counter() - began_s
    return took


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_million_requests_hold_up_nobody(tmp_path: Path) -> None:
    async with keeping(tmp_path, clock=lambda: AT, keep_days=1) as kept:
        kept.telemetry.record(record())
        await kept.telemetry.flush()
        with closing(sqlite3.connect(kept.file)) as connection:
            connection.execute(COPY, (MANY,))
            connection.commit()

        took = await longest(kept.telemetry)
        began_s = time.perf_counter()
        kept.telemetry.record(record())
        await kept.telemetry.flush()
        took["saving"] = time.perf_counter() - began_s

    # Of all, the latest 20,000 are looked at: a fraction of a second on a slow machine.
    assert {name: f"{s:.2f} s" for name, s in took.items() if s > 1} == {}
