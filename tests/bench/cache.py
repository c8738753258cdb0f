"""An answer that is given again, beside the same answer made by the model server."""

import time
from pathlib import Path

from tests.bench.connection import BenchError, Connection
from tests.bench.processes import MODEL, Agent, Fake, orca_agent
from tests.bench.report import Row, ms, watching
from tests.bench.targets import QUESTION, median, percentile

CHAT = "/api/v1/chat"
REACH_S = 0.003
TOKENS = 300
QUESTIONS = 50


async def measure(fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """Every question is asked twice at first; later those that come from memory and those that
    have to be read from the file, after a restart."""
    repeats = 200 if quick else 2000
    async with orca_agent(folder, folder / "answers", fake.url) as agent:
        await fake.stream(TOKENS)
        connection = await Connection.open(agent.url)
        with watching(agent.process, fake.process) as others:
            made = [await _asked(connection, agent, n, is_cached=False) for n in range(QUESTIONS)]
            near = [
                await _asked(connection, agent, n % QUESTIONS, is_cached=True)
                for n in range(repeats)
            ]
        connection.close()
    async with orca_agent(folder, folder / "answers", fake.url) as agent:
        connection = await Connection.open(agent.url)
        await _models_are_known(connection, agent)
        with watching(agent.process, fake.process) as again:
            far = [await _asked(connection, agent, n, is_cached=True) for n in range(QUESTIONS)]
        connection.close()
    return [
        _row("from memory", near, made, others.cores),
        _row("from the file, after a restart", far, made, again.cores),
    ]


async def _asked(connection: Connection, agent: Agent, number: int, *, is_cached: bool) -> float:
    asked = {
        "model": MODEL,
        "messages": [{"role": "user", "content": f"{QUESTION} ({number})"}],
        "options": {"temperature": 0},
        "cache": True,
    }
    began = time.perf_counter()
    answer = await connection.fetch("POST", CHAT, asked, agent.token)
    took_s = time.perf_counter() - began
    if answer.status != 200 or answer.json()["cached"] is not is_cached:
        raise BenchError(f"this is not the answer: {answer.body[:200]!r}")
    return took_s


async def _models_are_known(connection: Connection, agent: Agent) -> None:
    """The first request after a start asks the server about its model."""
    answer = await connection.fetch("GET", f"/api/v1/models/{MODEL}", token=agent.token)
    if answer.status != 200:
        raise BenchError(f"the model is not there: {answer.body[:200]!r}")


def _row(under: str, cached: list[float], made: list[float], others: float) -> Row:
    p50, p95 = median(cached), percentile(cached, 95)
    return Row(
        "answer from the cache",
        f"{under}, {TOKENS} tokens, {len(cached)} requests",
        f"p50 {ms(p50)}, p95 {ms(p95)}",
        f"made anew p50 {ms(median(made))}, p95 {ms(percentile(made, 95))}",
        f"1/{median(made) / p50:.0f}",
        f"p50 < {REACH_S * 1000:g} ms",
        p50 < REACH_S,
        {"p50": p50, "p95": p95, "made p50": median(made)},
        others,
    )
