"""`agent.json`: how programs of the same user find the running agent."""

import http.client
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import psutil

FILE_NAME = "agent.json"
TOKEN_NAME = "token"  # noqa: S105 - a file's name
CLOCK_SLACK_S = 60.0


@dataclass(frozen=True, slots=True)
class RunningAgent:
    """An agent as its file tells of it. `token` may do everything: hand it to nobody else."""

    url: str
    port: int
    pid: int
    token: str = field(repr=False)
    started_at: str
    version: str


def find_agent(data_dir: Path, *, timeout_s: float = 1.0) -> RunningAgent | None:
    """The agent of this data folder, if its process lives and answers; else None."""
    agent = find_process(data_dir)
    return agent if agent and _answers(agent.url, timeout_s) else None


def find_process(data_dir: Path) -> RunningAgent | None:
    """The agent of this data folder if its process lives, also where it does not answer."""
    agent = read(data_dir)
    return agent if agent and _lives(agent) else None


def read(data_dir: Path) -> RunningAgent | None:
    """What the file says, true or not. The token is that of the token file, which may be newer."""
    try:
        said = json.loads((data_dir / FILE_NAME).read_text("utf-8"))
        agent = RunningAgent(
            url=str(said["url"]),
            port=int(said["port"]),
            pid=int(said["pid"]),
            token=read_token(data_dir) or str(said["token"]),
            started_at=str(said["started_at"]),
            version=str(said["version"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return agent if urlsplit(agent.url).hostname == "127.0.0.1" else None


def read_token(data_dir: Path) -> str | None:
    """The main token, or None if there is none that this user may read."""
    try:
        return (data_dir / TOKEN_NAME).read_text("utf-8").strip() or None
    except (OSError, ValueError):
        return None


def write(data_dir: Path, agent: RunningAgent) -> None:
    """Replaces the file as one step; only its owner may read it. Raises OSError."""
    file = data_dir / FILE_NAME
    draft = file.with_name(f".{FILE_NAME}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(asdict(agent), out, indent=2)
            out.write("\n")
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)  # it holds the token
        raise


def refresh(data_dir: Path) -> None:
    """Brings the token in the file up to date, if there is a file. Raises OSError."""
    if agent := read(data_dir):
        write(data_dir, agent)


def remove(data_dir: Path, pid: int) -> None:
    """Removes the file if it is that of process `pid`."""
    agent = read(data_dir)
    if agent is not None and agent.pid == pid:
        with suppress(OSError):
            (data_dir / FILE_NAME).unlink(missing_ok=True)


def _lives(agent: RunningAgent) -> bool:
    try:
        born = psutil.Process(agent.pid).create_time()
        wrote = datetime.fromisoformat(agent.started_at).timestamp()
    except (psutil.Error, ValueError):
        return False
    # A number that was given to another process since then belongs to a younger one.
    return born <= wrote + CLOCK_SLACK_S


def _answers(url: str, timeout_s: float) -> bool:
    address = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", address.port or 0, timeout=timeout_s)
    try:
        connection.request("GET", "/api/v1/health/live")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
