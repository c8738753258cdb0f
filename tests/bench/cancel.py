"""From the request to cancel until the model server sees that its client has gone."""

import asyncio
import time

from tests.bench.connection import BenchError, Connection
from tests.bench.processes import Fake
from tests.bench.report import Row, ms, watching
from tests.bench.targets import Conversation, OrcaAgent, ask_once, median, percentile

P99_S = 0.05
PACE = 20.0


async def measure(fake: Fake, agent: OrcaAgent, *, quick: bool) -> list[Row]:
    """Alone, and while sixteen others are answered."""
    count = 30 if quick else 200
    rows = []
    for others in (0, 16):
        with watching(fake.process, agent.process) as watched:
            values = await _among(fake, agent, others, count)
        p99 = percentile(values, 99)
        row = Row(
            "cancel until the upstream sees it",
            f"{others} other streams" if others else "alone",
            f"p50 {ms(median(values))}, p99 {ms(p99)}",
            f"{count} cancels",
            "",
            "p99 < 50 ms",
            p99 < P99_S,
            {"p50": median(values), "p99": p99, "max": max(values)},
            watched.cores,
        )
        rows.append(row)
    return rows


async def _among(fake: Fake, agent: OrcaAgent, others: int, count: int) -> list[float]:
    await fake.stream(8)
    await ask_once(agent)
    await fake.stream(1_000_000, PACE)
    crowd = [await agent.asker() for _ in range(others)]
    tasks = [asyncio.create_task(one.ask()) for one in crowd]
    try:
        for one in crowd:
            await one.connection.first.wait()
        return [await _cancel(fake, agent) for _ in range(count)]
    finally:
        control = await Connection.open(agent.agent.url)
        for one in crowd:
            await control.fetch(
                "POST", f"/api/v1/runs/{one.run_id}/cancel", token=agent.agent.token
            )
        control.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in crowd:
            one.close()


async def _cancel(fake: Fake, agent: OrcaAgent) -> float:
    """Seconds; both ends read the machine's one monotonic clock."""
    before = len(await fake.departures())
    conversation: Conversation = await agent.asker()
    control = await Connection.open(agent.agent.url)
    try:
        events = await conversation.post()
        reading = asyncio.create_task(conversation.connection.count(events, b"event: token"))
        await conversation.connection.first.wait()
        path = f"/api/v1/runs/{conversation.run_id}/cancel"
        asked_at = time.monotonic()
        await control.fetch("POST", path, token=agent.agent.token)
        await reading
        for _ in range(200):
            if len(departures := await fake.departures()) > before:
                return departures[-1] - asked_at
            await asyncio.sleep(0.01)
        raise BenchError("the upstream never saw the cancel")
    finally:
        control.close()
        conversation.close()
