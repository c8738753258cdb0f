"""Hubs and workers as processes of their own, as operators run them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STARTS_S = 90.0
ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Program:
    """Runs until it is told to end, or killed."""

    process: "subprocess.Popen[str]"
    log: Path
    said: str = ""

    @property
    def url(self) -> str:
        """Of a hub."""
        return self.said.rpartition(" ")[2].strip()

    def wait_for(self, words: str) -> str:
        """The first line of its output that holds these words."""
        ends_at = time.monotonic() + STARTS_S
        while time.monotonic() < ends_at:
            for line in self.output().splitlines():
                if words in line:
                    return line
            assert self.process.poll() is None, f"It has ended: {self.output()}"
            time.sleep(0.02)
        raise AssertionError(f"It does not say {words}: {self.output()}")

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait(10)

    def end(self) -> int:
        """As a person or a container's host would; answers the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)


@contextmanager
def program(
    folder: Path, environment: Mapping[str, str], *words: str, python: str = sys.executable
) -> Iterator[Program]:
    """A Python program that ends with the block at the latest."""
    folder.mkdir(parents=True, exist_ok=True)
    own = {name: value for name, value in os.environ.items() if not name.startswith("ORCA_")}
    given = {**own, "ORCA_HUB_DATA_DIR": str(folder / "data"), "ORCA_HUB_PORT": "0", **environment}
    log = folder / f"{words[-1]}.{time.monotonic_ns()}.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [python, *words],
            cwd=ROOT,
            env=given,
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield Program(process, log)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(10)


@contextmanager
def replica(
    folder: Path, environment: Mapping[str, str], *, python: str = sys.executable
) -> Iterator[Program]:
    """`orca-hub serve`, as soon as it serves."""
    with program(folder, environment, "-m", "hub", "serve", python=python) as one:
        one.said = one.wait_for("The hub serves")
        yield one


@contextmanager
def worker(folder: Path, environment: Mapping[str, str]) -> Iterator[Program]:
    """One that knows the jobs of the tests (tests/hub/working.py), as soon as it works."""
    with program(folder, environment, "-m", "tests.hub.working") as one:
        one.said = one.wait_for("ready")
        yield one
