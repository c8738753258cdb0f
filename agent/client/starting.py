"""Starts an agent that outlives the program which needed it."""

import http.client
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from agent.client.problems import NotRunning
from agent.runfile import RunningAgent, find_agent
from agent.shared import folders

Tell = Callable[[str], None]
LOOK_EVERY_S = 0.05
FIRST_LOOK_S = 2.0  # how long the agent may take to learn which model servers there are
LAST_WORDS = 2000
NO_COMMAND = "Nothing here starts an agent: `orca-agent` is not on the path. Start it by hand."


def nobody(_sentence: str) -> None:
    """Tells nobody."""


def running_agent(
    data_dir: Path,
    *,
    wait_s: float = 60.0,
    tell: Tell = nobody,
    command: Sequence[str] | None = None,
) -> RunningAgent:
    """The agent of this folder, started if none runs. Raises NotRunning where that fails.

    Two programs that do this at once get the same agent: a folder has one, and the second
    process that is started finds that out and ends."""
    if agent := find_agent(data_dir):
        return agent
    began_at = time.monotonic()
    tell("No agent runs: starting one.")
    words = data_dir / "logs" / "start.log"
    process = _start(data_dir, words, command or own_command())
    while (agent := find_agent(data_dir)) is None:
        took_s = time.monotonic() - began_at
        if process.poll() or took_s > wait_s:
            why = f"ended with code {process.returncode}" if process.returncode else "is not ready"
            raise NotRunning(
                f"The agent was started, and {why} after {took_s:.1f} s. {_last_words(words)}",
                code="did-not-start",
            )
        time.sleep(LOOK_EVERY_S)
    _wait_for_its_look_around(agent)
    tell(f"The agent is ready after {time.monotonic() - began_at:.1f} s.")
    return agent


def own_command() -> list[str]:
    """The words before every command of this agent. Raises NotRunning `did-not-start`."""
    name = Path(sys.executable or "").name.lower()
    if name.startswith(("python", "pypy")):
        # -P: a file agent.py in the folder of the caller is not meant.
        return [sys.executable, "-P", "-m", "agent"]
    if name.startswith("orca-agent"):
        return [sys.executable]
    # Another program that has Python inside, such as the slicer.
    if found := shutil.which("orca-agent"):
        return [found]
    raise NotRunning(NO_COMMAND, code="did-not-start")


def _start(data_dir: Path, words: Path, command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """A process of its own: it has no terminal, and no signal meant for this one reaches it."""
    asked = [*command, "serve", "--no-browser", "--data-dir", str(data_dir)]
    try:
        folders.prepare(data_dir)
        words.parent.mkdir(mode=0o700, exist_ok=True)
        with words.open("wb") as out:
            process = _detached(asked, out.fileno(), data_dir)
    except OSError as err:
        file = folders.in_the_way(data_dir, err)
        why = f"{file} is a file, and would have to be a folder" if file else err.strerror or err
        sentence = f"The agent cannot be started: {why}."
        raise NotRunning(sentence, code="did-not-start") from err
    # Somebody has to notice its end, or it stays as a zombie while this program lives.
    threading.Thread(target=process.wait, name="agent's end", daemon=True).start()
    return process


def _detached(asked: Sequence[str], errors: int, folder: Path) -> "subprocess.Popen[bytes]":
    # The flags exist on Windows alone. No window, also for what the agent starts; no Ctrl-C of
    # this console; and not in the job of this program, whose end may end all that is in it.
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    flags |= getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    leaves_job = getattr(subprocess, "CREATE_BREAKAWAY_FROM_JOB", 0)

    def begun(flags: int) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 - our own program, no shell
            asked,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # it prints a link that logs in
            stderr=errors,
            cwd=folder,
            start_new_session=sys.platform != "win32",
            creationflags=flags,
        )

    try:
        return begun(flags | leaves_job)
    except PermissionError:
        if not leaves_job:
            raise
        return begun(flags)  # a job that lets nobody go


def _last_words(words: Path) -> str:
    try:
        said = words.read_text("utf-8", errors="replace")[-LAST_WORDS:].strip()
    except OSError:
        said = ""
    return said or "`orca-agent logs` may say why."


def _wait_for_its_look_around(agent: RunningAgent) -> None:
    """Whoever asks at once is not told that there is no model yet."""
    gives_up_at = time.monotonic() + FIRST_LOOK_S
    while time.monotonic() < gives_up_at:
        if _knows_its_servers(agent):
            return
        time.sleep(LOOK_EVERY_S)


def _knows_its_servers(agent: RunningAgent) -> bool:
    port = urlsplit(agent.url).port or 0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        headers = {"Authorization": f"Bearer {agent.token}"}
        connection.request("GET", "/api/v1/health/ready", headers=headers)
        health = json.loads(connection.getresponse().read())
        return bool((health.get("ollama") or {}).get("state") != "unknown")
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        connection.close()
