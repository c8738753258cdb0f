"""The agent as the desktop needs it: found or started, looked at, asked, brought back."""

import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from agent import runfile
from agent.client.problems import AgentError, NotRunning
from agent.client.shapes import Json
from agent.client.starting import own_command, running_agent
from agent.client.sync import Agent
from ui.log_lines import readable
from ui.rules import Seen, seen

LAST_LINES = 12
LOOK_S, ACT_S, START_S = 5.0, 30.0, 60.0
PAUSE_S, UNPAUSE_S = 120.0, 10.0
RESTORE_S = 600.0
LOG_NAMES = ("agent.log", "start.log")
OFFERS_BACKUP = "orca-agent restore"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no agent, in its own words, and whether a backup could help. `crashes`: how
    often it went in a short while; 0 where it did not start at all."""

    text: str
    offers_backup: bool = False
    crashes: int = 0


class AgentProcess:
    """Safe to use from several threads."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._starting = threading.Lock()
        self._client: Agent | None = None
        self._is_leaving = False

    def come_up(self) -> Failure | None:
        """Finds the agent or starts one, which outlives us. None if it is there now."""
        with self._starting:
            if self._is_leaving:
                return None
            try:
                running_agent(self.data_dir, wait_s=START_S)
            except NotRunning as err:
                offers_backup = OFFERS_BACKUP in err.detail and self._has_backups()
                return Failure(readable(err.detail), offers_backup)
            return None

    def lives(self) -> bool:
        """Whether its process is there: one that has much to do may leave a question open."""
        found = runfile.read(self.data_dir)
        return found is not None and psutil.pid_exists(found.pid)

    def has_crashed(self) -> bool:
        """Whether the agent went without saying so: one that ends takes its file along."""
        return runfile.read(self.data_dir) is not None

    def look(self) -> Seen | None:
        """The agent now; None if none answers as one."""
        try:
            return seen(self._agent().json("GET", "/desktop/now", timeout=LOOK_S))
        except AgentError:
            self._forget()
        except (LookupError, TypeError, AttributeError):
            return None  # an older agent, which does not know the route
        return None

    def where(self) -> str:
        """Its address; empty where there is none."""
        found = runfile.read(self.data_dir)
        return found.url if found else ""

    def link(self) -> str:
        """Signs the window in, once. Raises AgentError."""
        return self._agent().ticket()

    def sessions(self) -> set[str]:
        """The pages that are signed in. Raises AgentError."""
        return {
            str(one["id"]) for one in self._agent().items("/tokens") if one["kind"] == "session"
        }

    def sign_out(self, session: str) -> None:
        """Ends the session of a window that closes."""
        with suppress(AgentError):
            self._agent().call("DELETE", f"/tokens/{session}", timeout=LOOK_S)

    def autostart(self) -> bool | None:
        """Whether it starts with the computer; None where it cannot. Raises AgentError."""
        return _autostart(self._agent().json("GET", "/desktop"))

    def set_autostart(self, *, is_on: bool) -> bool | None:
        """As `autostart`, after the change."""
        return _autostart(self._agent().json("PATCH", "/desktop", json={"autostart": is_on}))

    def pause(self, *, is_on: bool) -> None:
        """Raises AgentError."""
        path, patience_s = ("/pause", PAUSE_S) if is_on else ("/resume", UNPAUSE_S)
        self._agent().call("POST", f"/desktop{path}", timeout=patience_s)

    def stop(self) -> None:
        """Ends the agent, and waits until it is gone. What runs is kept as far as it came."""
        with self._starting:
            self._is_leaving = True
            _run(self.data_dir, "stop")

    def restore(self) -> Failure | None:
        """Goes back to the newest backup. None if that went well."""
        said = _run(self.data_dir, "restore", "--latest", "--yes", patience_s=RESTORE_S)
        return Failure(said) if said else None

    def log_file(self) -> Path | None:
        """The log that says most of what went wrong last."""
        logs = [self.data_dir / "logs" / name for name in LOG_NAMES]
        found = [(log.stat().st_mtime, log) for log in logs if log.exists() and log.stat().st_size]
        return max(found)[1] if found else None

    def last_words(self, crashes: int) -> Failure:
        """What the agent wrote last before it went, so many times by now."""
        file = self.log_file()
        lines = file.read_text("utf-8", errors="replace").splitlines()[-LAST_LINES:] if file else []
        return Failure(readable("\n".join(lines)), crashes=crashes)

    def wait_until(self, holds: Callable[[], bool], *, at_most_s: float) -> bool:
        """Whether it came true in time."""
        ends_at = time.monotonic() + at_most_s
        while not (did := holds()) and time.monotonic() < ends_at:
            threading.Event().wait(0.05)
        return did

    def _has_backups(self) -> bool:
        return any((self.data_dir / "backups").glob("*.zip"))

    def _agent(self) -> Agent:
        """Raises NotRunning. The client finds an agent that was started anew by itself."""
        if self._client is None:
            self._client = Agent.local(self.data_dir, timeout=LOOK_S, retry_for=0.0)
        return self._client

    def _forget(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _autostart(said: Json) -> bool | None:
    found = said["autostart"]
    return bool(found["is_on"]) if found["is_possible"] or found["is_on"] else None


def _run(data_dir: Path, *words: str, patience_s: float = ACT_S) -> str:
    """Has the agent's own program do it. What it complained of, empty if it did it."""
    asked = [*own_command(), *words, "--data-dir", str(data_dir)]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, no shell
            asked,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=patience_s,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        return f"`orca-agent {words[0]}` could not be run ({type(err).__name__})."
    return "" if done.returncode == 0 else (done.stderr or done.stdout).strip()[-2000:]
