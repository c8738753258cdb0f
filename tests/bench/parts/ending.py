"""How soon the agent has ended with fifty answers on their way."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import httpx

from tests.bench.connection import BenchError
from tests.bench.processes import MODEL, Agent, Fake, orca_agent
from tests.bench.report import Row, watching
from tests.bench.targets import CHAT, median

STREAMS, REACH_S = 50, 3.0


async def measure(fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """With fifty streams, in turns with none."""
    idle, busy = [], []
    with watching(fake.process) as others:
        for number in range(1 if quick else 5):
            idle.append(await _ended(fake, folder, f"end-idle-{number}", 0))
            busy.append(await _ended(fake, folder, f"end-busy-{number}", STREAMS))
    took, alone = median(busy), median(idle)
    return [
        Row(
            "end by SIGTERM",
            f"{STREAMS} streams, each told",
            f"{took:.2f} s",
            f"{alone:.2f} s without any",
            "",
            f"< {REACH_S:g} s",
            took < REACH_S,
            {"seconds": took, "idle": alone},
            others.cores,
        )
    ]


async def _ended(fake: Fake, folder: Path, name: str, streams: int) -> float:
    """Seconds from the signal until the process is gone."""
    async with orca_agent(folder, folder / name, fake.url) as agent:
        await fake.stream(100_000, 20.0)
        begun, told = asyncio.Semaphore(0), list[bool]()
        async with asyncio.TaskGroup() as group:
            for _ in range(streams):
                group.create_task(_reads(agent, begun, told))
            for _ in range(streams):
                await begun.acquire()
            began = time.perf_counter()
            agent.process.popen.terminate()
            code = await asyncio.to_thread(agent.process.popen.wait, 30)
            took_s = time.perf_counter() - began
        if code:
            raise BenchError(f"the agent ended with code {code}")
        if len(told) != streams:
            raise BenchError(f"{streams - len(told)} of {streams} streams were told nothing")
    return took_s


async def _reads(agent: Agent, begun: asyncio.Semaphore, told: list[bool]) -> None:
    headers = {"Authorization": f"Bearer {agent.token}", "Accept": "text/event-stream"}
    is_begun, text = False, ""
    async with httpx.AsyncClient(base_url=agent.url, headers=headers, timeout=60) as client:
        made = (await client.post(CHAT, json={"model": MODEL})).json()["id"]
        asked = {"content": "How long does it take to end?"}
        with suppress(httpx.TransportError):
            async with client.stream("POST", f"{CHAT}/{made}/messages", json=asked) as answer:
                async for piece in answer.aiter_text():
                    text = text[-200:] + piece
                    if not is_begun and "event: token" in text:
                        is_begun = True
                        begun.release()
                    if "event: interrupted" in text:
                        told.append(True)
                        return
