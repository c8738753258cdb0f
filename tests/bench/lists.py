"""The list of conversations and the search, with a long history."""

import json
import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec
from urllib.parse import quote

from agent.shared.searching import fts_query
from tests.bench import seed
from tests.bench.connection import BenchError, Connection
from tests.bench.processes import Agent, Fake, orca_agent
from tests.bench.report import Row, ms, watching
from tests.bench.targets import median, percentile

P = ParamSpec("P")
LIST_S, SEARCH_S = 0.02, 0.06
PAGE = 50
LIST = "/api/v1/conversations?limit=50"
FIRST_PAGE = (
    "SELECT id, title, title_is_automatic, model, system, created_at, updated_at, archived,"
    " pinned, active_message_id, message_count FROM conversation"
    " WHERE deleted_at IS NULL AND archived = 0"
    " ORDER BY pinned DESC, updated_at DESC, id DESC LIMIT 51"
)
LATER_PAGE = FIRST_PAGE.replace("ORDER BY", "AND (pinned, updated_at, id) < (?, ?, ?) ORDER BY")
# The newest 500 hits, the conversations of a page, and snippets of up to three hits of each.
TITLES = (
    "SELECT c.id FROM conversation_fts f JOIN conversation c ON c.number = f.rowid"
    " WHERE conversation_fts MATCH ? AND c.deleted_at IS NULL ORDER BY f.rowid DESC LIMIT 500"
)
HITS = (
    "SELECT m.conversation_id, hit.rowid FROM (SELECT rowid FROM message_fts"
    " WHERE message_fts MATCH ? ORDER BY rowid DESC LIMIT 500) hit"
    " JOIN message m ON m.number = hit.rowid JOIN conversation c ON c.id = m.conversation_id"
    " WHERE c.deleted_at IS NULL ORDER BY hit.rowid DESC"
)
CONVERSATIONS = (
    "SELECT id, title, title_is_automatic, model, system, created_at, updated_at, archived,"
    " pinned, active_message_id, message_count FROM conversation"
    " WHERE id IN (SELECT value FROM json_each(?))"
)
SNIPPETS = (
    "SELECT rowid, CASE WHEN rowid IN (SELECT value FROM json_each(?))"
    " THEN snippet(message_fts, 0, '[', ']', '…', 16) END FROM message_fts"
    " WHERE message_fts MATCH ? AND rowid BETWEEN ? AND ?"
)


@dataclass(slots=True)
class Timed:
    """Seconds over HTTP and in bare SQLite for one kind of request."""

    agent: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


async def measure(fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """Pages of the list, then searches by kind of word."""
    conversations, messages = (1_000, 20_000) if quick else (10_000, 200_000)
    count = 40 if quick else 200
    data_dir = seed.data_folder(conversations, messages)
    with closing(sqlite3.connect(data_dir / "agent.db")) as bare:
        async with orca_agent(folder, data_dir, fake.url) as agent:
            connection = await Connection.open(agent.url)
            under = f"{conversations:,} conversations, {messages:,} messages"
            with watching(agent.process, fake.process) as others:
                lists = await _lists(agent, connection, bare, count)
                searches = await _searches(agent, connection, bare, count)
            connection.close()
    rows = [_row(f"list: {what}", under, timed, LIST_S) for what, timed in lists.items()]
    rows += [_row(f"search: {what}", under, timed, SEARCH_S) for what, timed in searches.items()]
    for row in rows:
        row.others = others.cores
    return rows


async def _lists(
    agent: Agent, connection: Connection, bare: sqlite3.Connection, count: int
) -> dict[str, Timed]:
    path, last = LIST, {}
    for _ in range(PAGE - 1):
        page = await _get(connection, path, agent.token)
        if page["next_cursor"] is None:
            break
        path, last = f"{LIST}&cursor={page['next_cursor']}", page["items"][-1]
    after = (last["pinned"], last["updated_at"], last["id"])
    timed = {"first page": Timed(), f"page {PAGE}": Timed()}
    for _ in range(count):
        for name, asked, sql, values in (
            ("first page", LIST, FIRST_PAGE, ()),
            (f"page {PAGE}", path, LATER_PAGE, after),
        ):
            said, took_s = await _timed(connection, asked, agent.token)
            found, bare_s = _bare(_page, bare, sql, values)
            _same([item["id"] for item in said["items"]], found)
            timed[name].agent.append(took_s)
            timed[name].bare.append(bare_s)
    return timed


async def _searches(
    agent: Agent, connection: Connection, bare: sqlite3.Connection, count: int
) -> dict[str, Timed]:
    timed: dict[str, Timed] = {}
    for what, texts in _texts(count).items():
        timed[what] = Timed()
        for text in texts:
            path = f"/api/v1/conversations?limit={PAGE}&q={quote(text)}"
            said, took_s = await _timed(connection, path, agent.token)
            found, bare_s = _bare(_search, bare, fts_query(text) or "")
            _same([item["id"] for item in said["items"]], found)
            timed[what].agent.append(took_s)
            timed[what].bare.append(bare_s)
    return timed


def _texts(count: int) -> dict[str, list[str]]:
    """Words by how often they were used. The last word of a search is always a beginning too."""
    words, chance = seed.language().words, random.Random(7)

    def some(first: int, last: int) -> list[str]:
        return [chance.choice(words[first:last]) for _ in range(count)]

    return {
        "a rare word": some(5_000, 30_000),
        "a common word": some(0, 30),
        "two words": [f"{a} {b}" for a, b in zip(some(0, 200), some(30, 1_000), strict=True)],
        "a beginning of two letters": [word[:2] for word in some(0, 2_000)],
        "no hit": [f"{word}qx" for word in some(0, 30_000)],
    }


def _search(bare: sqlite3.Connection, fts: str) -> list[str]:
    hits: dict[str, list[int]] = {}
    for (conversation_id,) in bare.execute(TITLES, (fts,)):
        hits.setdefault(conversation_id, []).append(0)
    for conversation_id, number in bare.execute(HITS, (fts,)):
        hits.setdefault(conversation_id, []).append(number)
    found = list(hits)[:PAGE]
    bare.execute(CONVERSATIONS, (json.dumps(found),)).fetchall()
    if numbers := [number for key in found for number in hits[key][:3] if number]:
        values = (json.dumps(numbers), fts, min(numbers), max(numbers))
        bare.execute(SNIPPETS, values).fetchall()
    return found


async def _get(connection: Connection, path: str, token: str) -> Any:  # Any: JSON
    answer = await connection.fetch("GET", path, token=token)
    if answer.status != 200:
        raise BenchError(f"the agent answered {answer.status}: {answer.body!r}")
    return answer.json()


async def _timed(connection: Connection, path: str, token: str) -> tuple[Any, float]:  # Any: JSON
    began = time.perf_counter()
    answer = await connection.fetch("GET", path, token=token)
    took_s = time.perf_counter() - began
    if answer.status != 200:
        raise BenchError(f"the agent answered {answer.status}: {answer.body!r}")
    return answer.json(), took_s


def _bare(work: Callable[P, list[str]], *args: P.args, **kw: P.kwargs) -> tuple[list[str], float]:
    began = time.perf_counter()
    found = work(*args, **kw)
    return found, time.perf_counter() - began


def _page(bare: sqlite3.Connection, sql: str, values: tuple[object, ...]) -> list[str]:
    return [row[0] for row in bare.execute(sql, values).fetchall()][:PAGE]


def _same(agent: Sequence[str], bare: Sequence[str]) -> None:
    if list(agent) != list(bare):
        raise BenchError("the agent and bare SQLite found different rows")


def _row(what: str, under: str, timed: Timed, reach_s: float) -> Row:
    p95, bare = percentile(timed.agent, 95), percentile(timed.bare, 95)
    return Row(
        what,
        under,
        f"p95 {ms(p95)}, p50 {ms(median(timed.agent))}",
        f"SQLite p95 {ms(bare)}, p50 {ms(median(timed.bare))}",
        f"{p95 / bare:.1f} ×",
        f"p95 < {reach_s * 1000:.0f} ms",
        p95 < reach_s,
        {"p95": p95, "bare p95": bare},
    )
