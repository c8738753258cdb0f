"""A test double of the program `ollama`: a real one, which serves what tests/fakes/ollama serves.

    program = OllamaProgram(tmp_path / "bin", crash_after=0.1, crash_times=2)
    program.path      # the file to start; `serve` and `-v` work
    program.starts()  # what it was started with, each time

It is told what to do by FAKE_... variables, which the file sets for itself: what it inherits is
what a real one would.
"""

import json
import os
import shlex
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
OF_THE_SHELL = {"PWD", "OLDPWD", "SHLVL", "_", "PYTHONPATH", "LC_CTYPE"}


@dataclass(frozen=True, slots=True)
class Start:
    """One `ollama serve`, with the environment that it was given."""

    pid: int
    environment: dict[str, str]
    runner: int | None


class OllamaProgram:
    """Keyword arguments become FAKE_... variables: crash_after, crash_times, exit_code, hang_after,
    hang_times, grow_mb, ignore_term, runner, slow_start, version (see __main__)."""

    def __init__(self, folder: Path, **behaviour: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self._journal = folder / "ollama", folder / "starts.jsonl"
        self.behave(**behaviour)

    def behave(self, **behaviour: object) -> None:
        """From the next start on."""
        told: dict[str, object] = {"PYTHONPATH": ROOT, "FAKE_JOURNAL": self._journal}
        told |= {f"FAKE_{name.upper()}": value for name, value in behaviour.items()}
        lines = [f"export {name}={shlex.quote(str(value))}" for name, value in told.items()]
        run = f'exec {shlex.quote(sys.executable)} -m tests.fakes.ollama_binary "$@"'
        self.path.write_text("\n".join(["#!/bin/sh", *lines, run, ""]), "utf-8")
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)

    def starts(self) -> list[Start]:
        """Every `ollama serve` so far."""
        if not self._journal.exists():
            return []
        said = [json.loads(line) for line in self._journal.read_text("utf-8").splitlines()]
        return [Start(one["pid"], one["environment"], one["runner"]) for one in said]


def inherited() -> dict[str, str]:
    """What this process was given from outside the file that started it."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in OF_THE_SHELL and not name.startswith("FAKE_")
    }
