"""An authenticated small read of the hub, beside the same route of a Quart without identity."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.connection import BenchError, Connection
from tests.bench.parts.bare_route import PATH
from tests.bench.parts.hub_processes import orca_hub, servers
from tests.bench.processes import Fake, Process, environ
from tests.bench.report import Row, ms, thousands, watching
from tests.bench.targets import median

AT_ONCE = 16
RATIO, PACE, P95_S = 0.6, 300, 0.015
CPU_RATIO = 1.55  # with which the rate is reached where nothing else runs


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask, and with what."""

    process: Process
    url: str
    token: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """Requests a second, and processor time of each."""

    rate: float
    cpu_s: float


async def measure(_fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """As many as it can, in turns with the bare one; then 300 a second."""
    turns, seconds = (2, 1.0) if quick else (5, 4.0)
    with servers() as environment:
        async with orca_hub(folder, environment) as one:
            hub = Target(one.process, one.url, one.token)
            said = await _read(hub)
            async with _bare(folder, said) as bare:
                with watching(hub.process, bare.process) as others:
                    turned: dict[str, list[Turn]] = {"hub": [], "bare": []}
                    for _ in range(turns):
                        turned["bare"].append(await _as_many(bare, seconds))
                        turned["hub"].append(await _as_many(hub, seconds))
                with watching(hub.process, bare.process) as paced_others:
                    took = sorted(await _paced(hub, 3.0 if quick else 15.0))
    p95 = took[int(len(took) * 0.95)]
    return [
        *_rows(turned, others.cores),
        Row(
            "hub: the same, paced",
            f"{PACE}/s",
            f"p95 {ms(p95)}",
            reach=f"p95 < {P95_S * 1000:.0f} ms",
            is_reached=p95 < P95_S,
            facts={"p50": took[len(took) // 2], "p95": p95, "p99": took[int(len(took) * 0.99)]},
            others=paced_others.cores,
        ),
    ]


def _rows(turned: dict[str, list[Turn]], others: float) -> list[Row]:
    reached, yardstick = (median([one.rate for one in turned[name]]) for name in ("hub", "bare"))
    ours, least = (median([one.cpu_s for one in turned[name]]) for name in ("hub", "bare"))
    return [
        Row(
            "hub: authenticated small read",
            f"{AT_ONCE} connections, PostgreSQL and Redis",
            f"{thousands(reached)}/s",
            f"bare Quart {thousands(yardstick)}/s",
            f"{reached / yardstick:.0%}",
            f"{RATIO:.0%}",
            reached / yardstick >= RATIO,
            {"hub": reached, "bare": yardstick},
            others,
        ),
        Row(
            "hub: processor time of such a read",
            f"{AT_ONCE} connections",
            ms(ours),
            f"bare Quart {ms(least)}",
            f"{ours / least:.2f} ×",
            f"{CPU_RATIO:g} ×",
            ours / least <= CPU_RATIO,
            {"hub": ours, "bare": least},
            others,
        ),
    ]


@contextlib.asynccontextmanager
async def _bare(folder: Path, said: bytes) -> AsyncIterator[Target]:
    file = folder / "me.json"
    file.write_bytes(said)
    words = (sys.executable, "-m", "tests.bench.parts.bare_route", str(file))
    started = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, env=environ()
    )
    try:
        if started.stdout is None:
            raise BenchError("the bare Quart says nothing")
        port = int(await started.stdout.readline())
        process = Process("the bare Quart", _Known(started.pid))  # type: ignore[arg-type] # its id
        yield Target(process, f"http://127.0.0.1:{port}", None)
    finally:
        started.terminate()
        await started.wait()


@dataclass(frozen=True, slots=True)
class _Known:
    pid: int


async def _read(target: Target) -> bytes:
    connection = await Connection.open(target.url)
    answer = await connection.fetch("GET", PATH, token=target.token)
    connection.close()
    if answer.status != 200:
        raise BenchError(f"{target.process.name} answers {answer.status}: {answer.body!r}")
    return answer.body


async def _as_many(target: Target, seconds: float) -> Turn:
    """On connections that stay open."""
    cpu_s, ends_at = target.process.cpu_s(), time.perf_counter() + seconds

    async def ask() -> int:
        connection, number = await Connection.open(target.url), 0
        while time.perf_counter() < ends_at:
            answer = await connection.fetch("GET", PATH, token=target.token)
            if answer.status != 200:
                raise BenchError(f"{target.process.name} answers {answer.status}")
            number += 1
        connection.close()
        return number

    number = sum(await asyncio.gather(*(ask() for _ in range(AT_ONCE))))
    return Turn(number / seconds, (target.process.cpu_s() - cpu_s) / number)


async def _paced(target: Target, seconds: float) -> list[float]:
    """How long each took from the moment at which it was due."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(64):
        free.put_nowait(await Connection.open(target.url))
    took: list[float] = []

    async def ask(due: float) -> None:
        connection = await free.get()
        await connection.fetch("GET", PATH, token=target.token)
        took.append(time.perf_counter() - due)
        free.put_nowait(connection)

    async with asyncio.TaskGroup() as group:
        began = time.perf_counter()
        for number in range(int(PACE * seconds)):
            due = began + number / PACE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(ask(due))
    while not free.empty():
        free.get_nowait().close()
    return took
