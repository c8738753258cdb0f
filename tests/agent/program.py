"""The real program as a process of its own, and the fake Ollama as another."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent import runfile
from agent.client.sync import Agent
from agent.runfile import RunningAgent

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing answers there
TERMINALS = pytest.mark.parametrize(
    ("settings", "is_coloured"),
    [
        ({"NO_COLOR": "", "TERM": "xterm"}, True),
        ({"NO_COLOR": "1", "TERM": "xterm"}, False),
        ({"NO_COLOR": "", "TERM": "dumb"}, False),
    ],
    ids=["a terminal", "NO_COLOR", "TERM=dumb"],
)


def until(holds: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Waits for a fact about another process. Raises TimeoutError."""
    ends_at = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > ends_at:
            raise TimeoutError("it never came true")
        time.sleep(0.02)


@dataclass
class Program:
    """`orca-agent` with a data folder and surroundings of its own."""

    data_dir: Path
    ollama_url: str = NOBODY
    settings: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[str] | None" = None
    python: str = sys.executable

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k in {"PATH", "SYSTEMROOT", "TMPDIR"}}
        return {
            **kept,
            "PATH": os.pathsep.join([str(Path(self.python).parent), kept.get("PATH", "")]),
            "HOME": str(self.data_dir.parent),
            "PYTHONPATH": str(ROOT),
            "PYTHONUTF8": "1",
            "NO_COLOR": "1",
            "COLUMNS": "100",
            "ORCA_AGENT_DATA_DIR": str(self.data_dir),
            "ORCA_AGENT_PORT": "0",
            "ORCA_AGENT_OLLAMA_URL": self.ollama_url,
            "ORCA_AGENT_MANAGE_OLLAMA": "never",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            **self.settings,
        }

    def orca(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Runs a command to its end."""
        return subprocess.run(
            [self.python, "-m", "agent", *arguments],
            input=stdin,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            timeout=30,
            check=False,
        )

    def converse(self, typed: bytes) -> tuple[int, str, str]:
        """Exit code, answers, and what is said beside them, where a person types this.

        Not on Windows, which has no pseudo-terminals for it."""
        ours, theirs = os.openpty()
        begun = subprocess.Popen(
            [self.python, "-m", "agent", "chat"],
            env=self.environment,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        os.close(theirs)
        os.write(ours, typed)
        out, err = begun.communicate(timeout=30)
        os.close(ours)
        return begun.returncode, out, err

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """Starts a command that goes on."""
        return subprocess.Popen(
            [self.python, "-m", "agent", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def serve(self, *arguments: str) -> RunningAgent:
        """Starts the agent and waits until it answers."""
        started = self.process = self.begin("serve", "--no-browser", *arguments)

        def is_there() -> bool:
            if started.poll() is not None:
                raise RuntimeError(f"the agent ended: {started.communicate()}")
            there = runfile.find_agent(self.data_dir)
            return there is not None and there.pid == started.pid

        until(is_there)
        agent = runfile.find_agent(self.data_dir)
        if agent is None:
            raise RuntimeError("the agent went away")
        return agent

    def client(self) -> Agent:
        return Agent.local(self.data_dir)

    def kill(self) -> None:
        """Ends the agent as a crash does."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def end(self) -> tuple[int, str, str]:
        """Ends the agent; answers exit code, output and errors."""
        if self.process is None:
            return 0, "", ""
        process, self.process = self.process, None
        if process.poll() is None:
            process.terminate()
        try:
            out, err = process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return process.returncode, out, err


@contextmanager
def program(data_dir: Path, *, ollama_url: str = NOBODY, **settings: str) -> Iterator[Program]:
    """A program whose agent, if it was started, ends with the block."""
    one = Program(data_dir, ollama_url, settings)
    try:
        yield one
    finally:
        one.end()


class OllamaProcess:
    """The fake Ollama in its own process."""

    def __init__(self, url: str) -> None:
        self.url = url

    def behave(self, **what: object) -> None:
        httpx.post(f"{self.url}/__behave", json=what, trust_env=False).raise_for_status()

    def stats(self) -> dict[str, Any]:  # Any: JSON values
        answer: dict[str, Any] = httpx.get(f"{self.url}/__stats", trust_env=False).json()
        return answer


@contextmanager
def fake_ollama(*arguments: str) -> Iterator[OllamaProcess]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.ollama", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        url = process.stdout.readline().strip() if process.stdout else ""
        yield OllamaProcess(url)
    finally:
        process.communicate(timeout=30)


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:  # Any: JSON values
    """Names and data of the events in an SSE text."""
    blocks = [block.splitlines() for block in text.split("\n\n")]
    named = [block for block in blocks if any(line.startswith("event: ") for line in block)]
    return [
        (
            next(line[7:] for line in block if line.startswith("event: ")),
            json.loads(next(line[6:] for line in block if line.startswith("data: "))),
        )
        for block in named
    ]
