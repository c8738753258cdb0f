"""The processes that are measured, each started as its users start it."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from agent import runfile
from tests.bench.connection import BenchError, Connection

ROOT = Path(__file__).resolve().parents[2]
MODEL = "bench:latest"
OURS = ("ORCA_AGENT_", "ORCA_HUB_", "OLLAMA_", "LITELLM_")
UNSET = {"PYTHONDONTWRITEBYTECODE", "DEFAULT_MODEL", "LOG_LEVEL"}


@dataclass(slots=True)
class Process:
    """A child process, with its children counted as part of it."""

    name: str
    popen: subprocess.Popen[bytes]

    def cpu_s(self) -> float:
        """Seconds of processor time so far."""
        times = [process.cpu_times() for process in self._family()]
        return sum(one.user + one.system for one in times)

    def rss_bytes(self) -> int:
        return sum(process.memory_info().rss for process in self._family())

    def check(self) -> None:
        """Raises BenchError if it has ended."""
        if self.popen.poll() is not None:
            raise BenchError(f"{self.name} ended with code {self.popen.returncode}")

    def stop(self) -> None:
        """Ends it gently, then not."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()

    def _family(self) -> list[psutil.Process]:
        process = psutil.Process(self.popen.pid)
        return [process, *process.children(recursive=True)]


@contextlib.contextmanager
def cores_apart(load: Sequence[Process], tested: Sequence[Process]) -> Iterator[bool]:
    """This program and `load` on one core and `tested` on the others, for as long as the block
    lasts. False, and nothing changed, where there is one core or no way to say so (Linux has)."""
    if sys.platform != "linux" or len(cores := sorted(os.sched_getaffinity(0))) < 2:
        yield False
        return
    ours = os.getpid()
    try:
        for pid in (ours, *(one.popen.pid for one in load)):
            _bind(pid, cores[-1:])
        for one in tested:
            _bind(one.popen.pid, cores[:-1])
        yield True
    finally:
        for pid in (ours, *(one.popen.pid for one in (*load, *tested))):
            _bind(pid, cores)


def _bind(pid: int, cores: Sequence[int]) -> None:
    for thread in psutil.Process(pid).threads():
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.sched_setaffinity(thread.id, cores)


def environ(**more: str) -> dict[str, str]:
    """The environment of a user: bytecode is kept, and no setting of ours is left in it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in UNSET and not name.startswith(OURS)
    }
    return {**kept, **more}


def spawn(name: str, command: Sequence[object], log: Path, env: Mapping[str, str]) -> Process:
    """Its output goes to `log`. Its standard input is a pipe that ends with us."""
    with log.open("ab") as out:
        popen = subprocess.Popen(
            [str(word) for word in command],
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    return Process(name, popen)


async def until_answers(process: Process, url: str, path: str, within_s: float) -> float:
    """Polls until `path` is answered 200; says when (time.perf_counter)."""
    deadline = time.perf_counter() + within_s
    while time.perf_counter() < deadline:
        process.check()
        with contextlib.suppress(OSError, BenchError):
            connection = await Connection.open(url)
            try:
                if (await connection.fetch("GET", path)).status == 200:
                    return time.perf_counter()
            finally:
                connection.close()
        await asyncio.sleep(0.005)
    raise BenchError(f"{process.name} did not answer within {within_s:g} s")


def free_port() -> int:
    """One that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@dataclass(slots=True)
class Fake:
    """The fake Ollama, whose frames are made beforehand."""

    process: Process
    url: str

    async def stream(self, tokens: int, pace: float | None = None) -> None:
        """From now on every answer has so many tokens, `pace` a second or as fast as read."""
        await self._tell({"full_speed": {"tokens": tokens, "pace": pace}})

    async def departures(self) -> list[float]:
        """When clients left before the end (time.monotonic of this machine)."""
        connection = await Connection.open(self.url)
        try:
            stats: Any = (await connection.fetch("GET", "/__stats")).json()  # Any: JSON
        finally:
            connection.close()
        return [gone["at"] for gone in stats["departures"]]

    async def _tell(self, order: object) -> None:
        connection = await Connection.open(self.url)
        try:
            answer = await connection.fetch("POST", "/__behave", order)
        finally:
            connection.close()
        if answer.status != 200:
            raise BenchError(f"the fake refuses: {answer.body!r}")


@contextlib.contextmanager
def fake_ollama(folder: Path) -> Iterator[Fake]:
    """The fake as its own process, for as long as the block lasts."""
    port = free_port()
    command = [sys.executable, "-m", "tests.fakes.ollama", "--port", port, "--model", MODEL]
    process = spawn("the fake Ollama", [*command, "--tokens", 100], folder / "fake.log", environ())
    try:
        yield Fake(process, f"http://127.0.0.1:{port}")
    finally:
        process.stop()


@dataclass(slots=True)
class Agent:
    """The agent, and the main token of its data folder."""

    process: Process
    url: str
    token: str


def agent_command() -> list[str]:
    """`orca-agent serve` where that is installed, else the same as a module."""
    script = Path(sys.executable).with_name("orca-agent")
    start = [str(script)] if script.exists() else [sys.executable, "-m", "agent"]
    return [*start, "serve", "--no-browser"]


def agent_environ(
    data_dir: Path, ollama_url: str, port: int = 0, *, at_once: int = 64, waiting: int = 256
) -> dict[str, str]:
    return environ(
        ORCA_AGENT_DATA_DIR=str(data_dir),
        ORCA_AGENT_PORT=str(port),
        ORCA_AGENT_OLLAMA_URL=ollama_url,
        ORCA_AGENT_LOG_LEVEL="warning",
        ORCA_AGENT_CONCURRENT_CHATS=str(at_once),
        ORCA_AGENT_WAITING_CHATS=str(waiting),
    )


@contextlib.asynccontextmanager
async def orca_agent(
    folder: Path, data_dir: Path, ollama_url: str, *, at_once: int = 64, waiting: int = 256
) -> AsyncIterator[Agent]:
    """The agent as its own process, for as long as the block lasts."""
    log = folder / "agent.log"
    environment = agent_environ(data_dir, ollama_url, at_once=at_once, waiting=waiting)
    process = spawn("the agent", agent_command(), log, environment)
    try:
        deadline = time.monotonic() + 30
        while (found := runfile.read(data_dir)) is None or found.pid != process.popen.pid:
            process.check()
            if time.monotonic() > deadline:
                raise BenchError(f"the agent did not start, see {log}")
            await asyncio.sleep(0.02)
        await until_answers(process, found.url, "/api/v1/health/live", 30)
        yield Agent(process, found.url, found.token)
    finally:
        process.stop()


def compile_bytecode() -> None:
    """As an installation does; a start that compiles is another thing to measure."""
    command = [sys.executable, "-m", "compileall", "-q", "agent", "hub", "tests/fakes"]
    subprocess.run(command, cwd=ROOT, env=environ(), check=True)


def find_uv() -> str | None:
    """The machine's uv, or the one that `make setup` fetched."""
    own = ROOT / ".venv" / "bootstrap"
    for candidate in (own / "bin" / "uv", own / "Scripts" / "uv.exe"):
        if candidate.exists():
            return str(candidate)
    return shutil.which("uv")
