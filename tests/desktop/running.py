"""The tray as the program that people start, on a display of its own."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from agent import runfile
from agent.client.sync import Agent
from tests.agent.program import NOBODY, ROOT

from .inside import Inside
from .screen import Display, until

PYTHON = ROOT / ".venv" / "beside" / "desktop" / "bin" / "python"
TITLE = "Orca Agents"
GAP = 2  # what parts two groups of a menu, in pixels
LINES = (
    *("state", "", "open", "new", "models", "held", "", "pause", "autostart"),
    *("", "quit", "quit-stop"),
)
BROWSER = """#!/bin/sh
echo "$1" >>"$HOME/opened"
"""


@dataclass
class Tray:
    """`orca-agent tray` of a user with a home of their own."""

    display: Display
    home: Path
    settings: dict[str, str] = field(default_factory=dict)
    ollama_url: str = NOBODY
    data_name: str = "data"
    process: "subprocess.Popen[bytes] | None" = None
    port: int = 0

    @property
    def data_dir(self) -> Path:
        return self.home / self.data_name

    @property
    def said(self) -> str:
        """What it wrote to the terminal."""
        return (self.home / "said").read_text("utf-8", errors="replace")

    @property
    def page(self) -> Inside:
        return Inside(self.port)

    @property
    def environment(self) -> dict[str, str]:
        browser = self.display.folder / "browser"  # a path without a space or a quotation mark
        if not browser.exists():
            browser.write_text(BROWSER)
            browser.chmod(0o755)
        return {
            "PATH": os.environ["PATH"],
            "DISPLAY": self.display.name,
            "HOME": str(self.home),
            "LANG": "en_GB.UTF-8",
            "BROWSER": f"{browser} %s",
            "PYTHONPATH": str(ROOT),
            "QTWEBENGINE_REMOTE_DEBUGGING": str(self.port),
            "ORCA_AGENT_DATA_DIR": str(self.data_dir),
            "ORCA_AGENT_PORT": "0",
            "ORCA_AGENT_OLLAMA_URL": self.ollama_url,
            "ORCA_AGENT_MANAGE_OLLAMA": "never",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            **self.settings,
        }

    def begin(self, *words: str) -> "subprocess.Popen[bytes]":
        """Starts it and goes on."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        with (self.home / "said").open("ab") as said:
            self.process = subprocess.Popen(
                (PYTHON, "-m", "agent", "tray", *words),
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        return self.process

    def again(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """A second start, to its end."""
        command = (str(PYTHON), "-m", "agent", "tray", *words)
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**self.environment, "QTWEBENGINE_REMOTE_DEBUGGING": ""},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def agent(self) -> Agent:
        """Of the agent that runs; a busy machine may keep it from answering at once."""
        until(lambda: runfile.find_agent(self.data_dir), "the agent answers")
        return Agent.local(self.data_dir)

    def agent_pid(self) -> int:
        """Of the agent that lives; 0 if none does."""
        found = runfile.read(self.data_dir)
        return found.pid if found and psutil.pid_exists(found.pid) else 0

    def window(self) -> str:
        """The window, once it can be seen."""
        until(self.is_open, "the window is open")
        return self.display.windows(TITLE)[0]

    def is_open(self) -> bool:
        return bool(self.display.windows(TITLE))

    def ready(self) -> None:
        """Returns once the panel is drawn in the window."""
        self.window()
        until(lambda: self.page.has("New chat"), "the panel is drawn")

    def choose(self, line: str) -> None:
        """Clicks on a line of the icon's menu."""
        x, y, width, height = self.display.icon()
        self.display.click(x + width // 2, y + height // 2, button=3)
        until(self.display.menus, "the menu is open")
        left, top, _, tall = self.display.menus()[0]
        row = (tall - GAP * sum(not one for one in LINES)) / sum(bool(one) for one in LINES)
        before = LINES[: LINES.index(line)]
        down = sum(row if one else GAP for one in before) + row / 2
        self.display.click(left + 60, round(top + down))

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(60) if self.process else 0

    def end(self) -> None:
        """Whatever is left of it."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)
        self.stop_agent()

    def stop_agent(self) -> None:
        """As a crash does."""
        if pid := self.agent_pid():
            with suppress(psutil.Error):
                agent = psutil.Process(pid)
                agent.kill()
                agent.wait(20)


@contextmanager
def tray(display: Display, home: Path, **more: object) -> Iterator[Tray]:
    """Not started yet; what is left of it ends with the block."""
    home.mkdir(parents=True, exist_ok=True)
    one = Tray(display, home, **more)  # type: ignore[arg-type] # each field has its own
    try:
        yield one
    finally:
        one.end()
