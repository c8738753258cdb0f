"""`python -m tests.bench`: every figure of the product's promise, beside its yardstick."""

import argparse
import asyncio
import os
import platform
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import orjson
import psutil

from agent.shared.connections import loop_factory
from tests.bench import (
    cache,
    cancel,
    first_token,
    images,
    lists,
    litellm,
    memory,
    panel,
    queue,
    relay,
    starting,
    tokens,
)
from tests.bench.connection import BenchError
from tests.bench.parts import (
    ending,
    gcode,
    hub_first_token,
    hub_quota,
    hub_read,
    hub_start,
    post_process,
    presets,
    telemetry,
    upload,
    window,
)
from tests.bench.processes import Fake, compile_bytecode, fake_ollama, orca_agent
from tests.bench.report import Row, table
from tests.bench.targets import Direct, OrcaAgent, Proxy

RESULTS = Path(__file__).with_name("results")
PARTS = (
    "tokens",
    "relay",
    "first-token",
    "cancel",
    "start",
    "end",
    "lists",
    "images",
    "cache",
    "queue",
    "memory",
    "upload",
    "gcode",
    "post-process",
    "presets",
    "telemetry",
    "window",
    "panel",
    "hub-read",
    "hub-start",
    "hub-quota",
    "hub-first-token",
)


# Parts that need nothing but the fake model server and a folder.
ALONE: dict[str, Callable[..., Awaitable[list[Row]]]] = {
    "end": ending.measure,
    "lists": lists.measure,
    "images": images.measure,
    "cache": cache.measure,
    "queue": queue.measure,
    "memory": memory.measure,
    "upload": upload.measure,
    "gcode": gcode.measure,
    "presets": presets.measure,
    "post-process": post_process.measure,
    "telemetry": telemetry.measure,
    "window": window.measure,
    "panel": panel.measure,
    "hub-read": hub_read.measure,
    "hub-start": hub_start.measure,
    "hub-quota": hub_quota.measure,
    "hub-first-token": hub_first_token.measure,
}


@dataclass(slots=True)
class Bench:
    """One run."""

    only: tuple[str, ...]
    quick: bool
    wants_proxy: bool
    folder: Path
    rows: list[Row]

    async def run(self) -> None:
        compile_bytecode()
        with fake_ollama(self.folder) as fake:
            if {"tokens", "relay", "first-token", "cancel"} & set(self.only):
                await self._relaying(fake)
            if "start" in self.only:
                environment = self._proxy_environment()
                start = starting.measure(fake, self.folder, environment, quick=self.quick)
                await self._part("start", lambda: start)
            for name, measure in ALONE.items():
                if name in self.only:
                    await self._part(name, partial(measure, fake, self.folder, quick=self.quick))

    async def _relaying(self, fake: Fake) -> None:
        async with AsyncExitStack() as stack:
            data_dir = self.folder / "data"
            agent = OrcaAgent(
                await stack.enter_async_context(orca_agent(self.folder, data_dir, fake.url))
            )
            proxy = None
            if {"tokens", "relay", "first-token"} & set(self.only) and self._proxy_environment():
                began = litellm.litellm_proxy(self.folder, fake.url)
                proxy = Proxy(await stack.enter_async_context(began))
            direct = Direct(fake)
            parts: dict[str, Callable[[], Awaitable[list[Row]]]] = {
                "first-token": lambda: first_token.measure(
                    fake, direct, agent, proxy, quick=self.quick
                ),
                "cancel": lambda: cancel.measure(fake, agent, quick=self.quick),
                "tokens": lambda: tokens.measure(fake, direct, agent, proxy, quick=self.quick),
                "relay": lambda: relay.measure(fake, direct, agent.agent, proxy, quick=self.quick),
            }
            for name, work in parts.items():
                if name in self.only:
                    await self._part(name, work)

    async def _part(self, name: str, work: Callable[[], Awaitable[list[Row]]]) -> None:
        began = time.monotonic()
        try:
            self.rows += await work()
        except (BenchError, OSError, psutil.Error) as err:
            self.rows.append(Row(name, "", "not measured", str(err)))
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)

    def _proxy_environment(self) -> Path | None:
        if not self.wants_proxy:
            return None
        try:
            return litellm.install()
        except BenchError as err:
            print(err, flush=True)
            self.wants_proxy = False
            return None


def machine() -> dict[str, object]:
    """Where this was measured."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load_average": [round(one, 2) for one in psutil.getloadavg()],
    }


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="fewer of everything: a try-out")
    parser.add_argument("--no-litellm", action="store_true", help="leave this yardstick out")
    asked = parser.parse_args()
    asked.only = tuple(name.strip() for name in asked.only.split(",") if name.strip())
    if unknown := set(asked.only) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return asked


def main() -> None:
    asked, before = _arguments(), machine()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="orca-bench-") as folder:
        bench = Bench(asked.only, asked.quick, not asked.no_litellm, Path(folder), rows)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(bench.run())
    print("\n" + table(rows))
    print("\n" + ", ".join(f"{name} {value}" for name, value in before.items()))
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    document = {
        "at": now.isoformat(),
        "quick": asked.quick,
        "machine": before,
        "litellm": litellm.version(),
        "rows": [row.to_json() for row in rows],
    }
    file = RESULTS / f"{now:%Y%m%dT%H%M%S}.json"
    file.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    print(f"written to {file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file}")


if __name__ == "__main__":
    main()
