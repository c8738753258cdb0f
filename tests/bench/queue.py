"""A thousand requests, sixteen at a time, beside the schedule that no queue can beat."""

import asyncio
import heapq
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.inference.queue import Queue
from agent.inference.queue_rules import Priority, Wants
from tests.bench.connection import BenchError, Connection
from tests.bench.processes import MODEL, Fake, orca_agent
from tests.bench.report import Row, watching
from tests.bench.targets import CHAT, QUESTION, Direct, OrcaAgent, median

AT_ONCE = 16
REACH = 1.05
TOKENS, PACE = 50, 100.0
LOOK_EVERY_S = 0.02


async def measure(fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """The queue by itself, and the whole agent."""
    count = 100 if quick else 1000
    return [await _alone(count), await _through_the_agent(fake, folder, count)]


async def _alone(count: int) -> Row:
    chance = random.Random(7)
    durations = [chance.lognormvariate(-3, 0.7) for _ in range(count)]  # median 50 ms
    queue = Queue("text", lanes={"one": AT_ONCE}, capacity=count, wait_limit_s=600)
    heard: list[int] = []
    served: list[float] = []

    async def visit(number: int, seconds: float) -> None:
        wants = Wants(f"client {number % 20}", f"project {number % 3}", Priority(number % 4 == 0))
        async with queue.place(wants, heard.append):
            served.append(seconds)
            await asyncio.sleep(seconds)

    with watching() as watched:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, seconds in enumerate(durations):
                group.create_task(visit(number, seconds))
        took_s = time.perf_counter() - began
    return _row("the queue alone, 20 clients", count, took_s, ideal(served), watched.cores)


async def _through_the_agent(fake: Fake, folder: Path, count: int) -> Row:
    await fake.stream(TOKENS, PACE)
    alone = await Direct(fake).asker()
    one_s = median([(await alone.ask()).total_s for _ in range(9)])
    alone.close()
    data_dir = folder / "queued"
    async with orca_agent(folder, data_dir, fake.url, at_once=AT_ONCE, waiting=count) as running:
        agent = OrcaAgent(running)
        connection = await Connection.open(running.url)
        answer = await connection.fetch("POST", CHAT, {"model": MODEL}, running.token)
        path = f"{CHAT}/{answer.json()['id']}/messages"
        with watching(fake.process, agent.process) as watched:
            began = time.perf_counter()
            for _ in range(count):
                # Each begins a conversation's tree anew, or it would have to wait for the last.
                question = {"content": QUESTION, "parent_id": None}
                answer = await connection.fetch("POST", path, question, running.token)
                if answer.status != 202:
                    raise BenchError(f"the agent answered {answer.status}: {answer.body!r}")
            await _until_served(connection, running.token, count)
            took_s = time.perf_counter() - began
        connection.close()
    return _row("chats, by the whole agent", count, took_s, ideal([one_s] * count), watched.cores)


async def _until_served(connection: Connection, token: str, count: int) -> None:
    while True:
        answer: Any = (
            await connection.fetch("GET", "/api/v1/queues", token=token)
        ).json()  # Any: JSON
        text = answer["items"][0]
        if text["served"] == count and not text["running"]:
            return
        if not text["running"] and not text["waiting"]:
            raise BenchError(f"only {text['served']} of {count} were served")
        await asyncio.sleep(LOOK_EVERY_S)


def ideal(durations: Sequence[float]) -> float:
    """Seconds until all are done, if each that gets a place takes it in no time."""
    free_at = [0.0] * AT_ONCE
    for seconds in durations:
        heapq.heappushpop(free_at, free_at[0] + seconds)
    return max(free_at)


def _row(under: str, count: int, took_s: float, ideal_s: float, others: float) -> Row:
    ratio = took_s / ideal_s
    return Row(
        f"{count:,} queued, {AT_ONCE} at a time",
        under,
        f"{took_s:.2f} s",
        f"ideal schedule {ideal_s:.2f} s",
        f"{(ratio - 1) * 100:+.1f} %",
        "within 5 %",
        ratio <= REACH,
        {"took_s": took_s, "ideal_s": ideal_s},
        others,
    )
