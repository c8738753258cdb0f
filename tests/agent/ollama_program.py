"""A Runtime over the test double of Ollama's program, at a pace for tests."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from agent.runtime.rules import Ollama, Pace, Sizing
from agent.runtime.service import Runtime
from agent.runtime.watch import Policy, Surroundings, Watch
from agent.shared.tasks import running
from tests.fakes.ollama_binary import OllamaProgram

QUICK = Pace(
    look_every_s=0.1,
    check_every_s=0.05,
    answer_within_s=0.5,
    starting_every_s=0.03,
    start_within_s=5,
    hung_after_s=0.4,
    grace_s=0.4,
    first_wait_s=0.05,
    longest_wait_s=0.2,
    weigh_every_s=0.05,
    missed_every_s=0.05,
    give_up_after=3,
)
SIZING = Sizing(context_tokens=8192, parallel=1, max_loaded_models=1, keep_alive="5m")


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
    return port


def lives(pid: int) -> bool:
    """Whether there is such a process; one that only waits to be buried is none."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def listening(pid: int) -> list[str]:
    """The addresses that a process listens on."""
    found = psutil.Process(pid).net_connections("tcp")
    return [one.laddr.ip for one in found if one.status == psutil.CONN_LISTEN and one.laddr]


class Around:
    """What the rest of the program would know."""

    def __init__(self) -> None:
        self.idle, self.loaded = True, 0

    async def sizing(self) -> Sizing:
        return SIZING

    def surroundings(self) -> Surroundings:
        return Surroundings(self.sizing, lambda: self.idle, lambda: self.loaded)


@asynccontextmanager
async def watching(
    folder: Path,
    program: OllamaProgram | None,
    *,
    url: str | None = None,
    pace: Pace = QUICK,
    around: Around | None = None,
    environment: Mapping[str, str] | None = None,
    limit_bytes: int | None = None,
    manages: bool = True,
    moved: Callable[[str], None] | None = None,
) -> AsyncIterator[Runtime]:
    """Runs one, and closes it as the agent does."""
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - ruff lets no Path do it in a loop
    given = {"PATH": os.environ["PATH"], "HOME": str(folder), **(environment or {})}
    watch = Watch(
        url or f"http://127.0.0.1:{a_free_port()}",
        folder,
        folder / "logs",
        Policy(manages, program.path if program else folder / "none", limit_bytes),
        pace=pace,
        inherited=given,
        moved=moved,
    )
    runtime = Runtime(watch)
    await runtime.prepare()
    try:
        async with running(runtime=runtime.run((around or Around()).surroundings())):
            yield runtime
    finally:
        await runtime.close()


async def heard(runtime: Runtime, holds: Callable[[Ollama], bool]) -> Ollama:
    """Waits until something is true of the state. Raises TimeoutError."""
    async with asyncio.timeout(30):
        while not holds(runtime.state):  # noqa: ASYNC110 - the product has no such event
            await asyncio.sleep(0.01)
    return runtime.state


async def until(runtime: Runtime, state: str, *, restarts: int = 0) -> Ollama:
    """Waits until the state is this one. Raises TimeoutError."""
    return await heard(runtime, lambda one: one.state == state and one.restarts >= restarts)


def forgotten(folder: Path) -> bool:
    """Whether no child is noted for a later agent."""
    return not (folder / "ollama.json").exists()
