"""From the start of the process to its first answer, and the memory it holds when idle."""

import asyncio
import shutil
import time
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


async def measure(fake: Fake, folder: Path, proxy: Path | None, *, quick: bool) -> list[Row]:
    """The agent with a fresh and with its own folder, and LiteLLM once."""
    repeats = 2 if quick else 7
    fresh_s, existing_s, memory = [], [], []
    data_dir = folder / "start"
    await _agent(fake, folder, data_dir, idle_s=0)  # the first start of all reads from the disk
    with watching(fake.process) as others:
        for number in range(repeats):
            shutil.rmtree(data_dir)
            fresh_s.append((await _agent(fake, folder, data_dir, idle_s=0))[0])
            idle_s = IDLE_S if number < 2 else 0
            took_s, rss = await _agent(fake, folder, data_dir, idle_s=idle_s)
            existing_s.append(took_s)
            memory += [rss] if idle_s else []
    beside = "LiteLLM not measured", "LiteLLM not measured"
    facts = {"fresh": median(fresh_s), "existing": median(existing_s), "rss": median(memory)}
    if proxy is not None:
        took_s, rss = await _proxy(fake, folder, proxy)
        beside = f"LiteLLM {took_s:.1f} s", f"LiteLLM {rss / 1e6:.0f} MB"
        facts |= {"LiteLLM": took_s, "LiteLLM rss": rss}
    used = others.cores
    return [
        _start("a fresh data folder", median(fresh_s), beside[0], facts, used),
        _start("an existing data folder", median(existing_s), beside[0], facts, used),
        Row(
            "idle memory",
            f"{IDLE_S:g} s after the start",
            f"{facts['rss'] / 1e6:.0f} MB",
            beside[1],
            "",
            "< 120 MB",
            facts["rss"] < MEMORY_BYTES,
            facts,
            used,
        ),
    ]


def _start(under: str, took_s: float, beside: str, facts: dict[str, float], used: float) -> Row:
    agent = f"{took_s:.2f} s"
    return Row(
        "start until it answers", under, agent, beside, "", "< 1 s", took_s < START_S, facts, used
    )


async def _agent(fake: Fake, folder: Path, data_dir: Path, *, idle_s: float) -> tuple[float, int]:
    port = free_port()
    env = agent_environ(data_dir, fake.url, port)
    began = time.perf_counter()
    process = spawn("the agent", agent_command(), folder / "start.log", env)
    return await _observed(process, port, "/api/v1/health/live", began, idle_s)


async def _proxy(fake: Fake, folder: Path, environment: Path) -> tuple[float, int]:
    began = time.perf_counter()
    proxy = litellm.start(environment, folder, fake.url)
    port = int(proxy.url.rsplit(":", 1)[1])
    return await _observed(proxy.process, port, "/health/liveliness", began, IDLE_S)


async def _observed(
    process: Process, port: int, path: str, began: float, idle_s: float
) -> tuple[float, int]:
    try:
        answered = await until_answers(process, f"http://127.0.0.1:{port}", path, 120)
        await asyncio.sleep(idle_s)
        return answered - began, process.rss_bytes()
    finally:
        process.stop()
