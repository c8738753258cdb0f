"""Whether the agent grows: its memory after many requests and pictures, beside after a few."""

import asyncio
import base64
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.bench.connection import BenchError, Connection
from tests.bench.processes import MODEL, Agent, Fake, orca_agent
from tests.bench.report import Row, watching

CLIENTS = 16
REACH = 1.05
SETTLES_S = 3.0


async def measure(fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """The first thousand requests and hundred pictures are the yardstick."""
    few, many = ((200, 20), (2_000, 200)) if quick else ((1_000, 100), (100_000, 10_000))
    async with orca_agent(folder, folder / "memory", fake.url) as agent:
        await fake.stream(4)
        with watching(agent.process, fake.process) as others:
            await _use(agent, 0, few)
            before = await _settled(agent)
            await _use(agent, few[1], (many[0] - few[0], many[1] - few[1]))
            after = await _settled(agent)
    return [
        Row(
            "memory",
            f"after {many[0]:,} requests and {many[1]:,} pictures",
            f"{after / 1e6:.1f} MB",
            f"{before / 1e6:.1f} MB after {few[0]:,} and {few[1]:,}",
            f"{after / before:.3f} ×",
            f"< {REACH:g} ×",
            after < REACH * before,
            {"before": before, "after": after},
            others.cores,
        )
    ]


async def _use(agent: Agent, start: int, work: tuple[int, int]) -> None:
    """So many whole answers, and pictures that are kept and shrunk, `start` being the first's
    number."""
    requests, pictures = work
    numbers = iter(range(requests))
    shown = iter(range(start, start + pictures))
    ratio = max(1, requests // max(1, pictures))

    async def client() -> None:
        connection = await Connection.open(agent.url)
        for asked, number in enumerate(numbers, 1):
            await _ask(connection, agent, number)
            if asked % ratio == 0 and (picture := next(shown, None)) is not None:
                await _show(connection, agent, picture)
        for picture in shown:
            await _show(connection, agent, picture)
        connection.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


async def _ask(connection: Connection, agent: Agent, number: int) -> None:
    body = {"model": MODEL, "prompt": f"Question {number}: why does PETG string?", "stream": False}
    answer = await connection.fetch("POST", "/api/v1/generate", body, agent.token)
    if answer.status != 200:
        raise BenchError(f"the agent answered {answer.status}: {answer.body[:200]!r}")


async def _show(connection: Connection, agent: Agent, number: int) -> None:
    """A picture that was not there before, kept, and shrunk as a model gets it."""
    colour = (number & 255, number >> 8 & 255, 90)
    out = BytesIO()
    Image.new("RGB", (200, 150), colour).save(out, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
    kept = await connection.fetch("POST", "/api/v1/images", {"data_url": url}, agent.token)
    if kept.status != 201:
        raise BenchError(f"the agent refuses a picture: {kept.body[:200]!r}")
    path = f"/api/v1/images/{kept.json()['sha256']}?max_edge=100&format=jpeg"
    shrunk = await connection.fetch("GET", path, token=agent.token)
    if shrunk.status != 200:
        raise BenchError(f"no picture came: {shrunk.body[:200]!r}")


async def _settled(agent: Agent) -> int:
    """Resident bytes once what was begun has ended."""
    await asyncio.sleep(SETTLES_S)
    return agent.process.rss_bytes()
