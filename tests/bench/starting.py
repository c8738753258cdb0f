"""From the start of the process to its first answer, and the memory it holds when idle."""

import asyncio
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import litellm
from tests.bench.processes import (
    Fake,
    Process,
    agent_command,
    agent_environ,
    free_port,
    spawn,
    until_answers,
)
from tests.bench.report import Row, watching
from tests.bench.targets import median

START_S, MEMORY_BYTES = 1.0, 120e6
IDLE_S = 5.0
LIVE, READY = "/api/v1/health/live", "/api/v1/health/ready"


@dataclass(frozen=True, slots=True)
class Started:
    """Seconds until it said that it lives, and until it did its work; bytes that it held then."""

    alive_s: float
    ready_s: float
    rss: int


async def measure(fake: Fake, folder: Path, proxy: Path | None, *, quick: bool) -> list[Row]:
    """The agent with a fresh and with its own folder, and LiteLLM once."""
    repeats = 2 if quick else 7
    fresh: list[Started] = []
    existing: list[Started] = []
    memory = []
    data_dir = folder / "start"
    await _agent(fake, folder, data_dir, idle_s=0)  # the first start of all reads from the disk
    with watching(fake.process) as others:
        for number in range(repeats):
            shutil.rmtree(data_dir)
            fresh.append(await _agent(fake, folder, data_dir, idle_s=0))
            idle_s = IDLE_S if number < 2 else 0
            existing.append(await _agent(fake, folder, data_dir, idle_s=idle_s))
            memory += [existing[-1].rss] if idle_s else []
    beside = "LiteLLM not measured", "LiteLLM not measured"
    facts = {
        "fresh": median([one.alive_s for one in fresh]),
        "existing": median([one.alive_s for one in existing]),
        "fresh, whole": median([one.ready_s for one in fresh]),
        "existing, whole": median([one.ready_s for one in existing]),
        "rss": median(memory),
    }
    if proxy is not None:
        took_s, rss = await _proxy(fake, folder, proxy)
        beside = f"LiteLLM {took_s:.1f} s", f"LiteLLM {rss / 1e6:.0f} MB"
        facts |= {"LiteLLM": took_s, "LiteLLM rss": rss}
    return [
        _start("a fresh data folder", "fresh", beside[0], facts, others.cores),
        _start("an existing data folder", "existing", beside[0], facts, others.cores),
        _memory(beside[1], facts, others.cores),
    ]


def _memory(beside: str, facts: dict[str, float], used: float) -> Row:
    return Row(
        "idle memory",
        f"{IDLE_S:g} s after the start",
        f"{facts['rss'] / 1e6:.0f} MB",
        beside,
        "",
        "< 120 MB",
        facts["rss"] < MEMORY_BYTES,
        facts,
        used,
    )


def _start(under: str, name: str, beside: str, facts: dict[str, float], used: float) -> Row:
    took_s = facts[name]
    agent = f"{took_s:.2f} s, all of it {facts[f'{name}, whole']:.2f} s"
    return Row(
        "start until it answers", under, agent, beside, "", "< 1 s", took_s < START_S, facts, used
    )


async def _agent(fake: Fake, folder: Path, data_dir: Path, *, idle_s: float) -> Started:
    port = free_port()
    env = agent_environ(data_dir, fake.url, port)
    began = time.perf_counter()
    process = spawn("the agent", agent_command(), folder / "start.log", env)
    return await _observed(process, port, (LIVE, READY), began, idle_s)


async def _proxy(fake: Fake, folder: Path, environment: Path) -> tuple[float, int]:
    began = time.perf_counter()
    proxy = litellm.start(environment, folder, fake.url)
    port = int(proxy.url.rsplit(":", 1)[1])
    paths = ("/health/liveliness",)
    started = await _observed(proxy.process, port, paths, began, IDLE_S)
    return started.alive_s, started.rss


async def _observed(
    process: Process, port: int, paths: Sequence[str], began: float, idle_s: float
) -> Started:
    """When each of the addresses answered 200, one after the other."""
    try:
        at_s = [
            await until_answers(process, f"http://127.0.0.1:{port}", path, 120) - began
            for path in paths
        ]
        await asyncio.sleep(idle_s)
        return Started(at_s[0], at_s[-1], process.rss_bytes())
    finally:
        process.stop()
