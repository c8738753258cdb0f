"""Whose process listens on a port. Slow where there are many processes: call it in a thread."""

import getpass
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from agent.runtime.rules import Holder, Owner
from agent.shared.programs import answer_of

APPS = {"ollama app.exe", "ollama app", "ollama.app"}
SYSTEMCTL = ("show", "ollama.service", "--property=ActiveState", "--value")
ALIVE = {"active", "activating", "reloading"}
CONTAINERS = ("docker", "containerd", "libpod", "kubepods", "/lxc")
ALL = {"0.0.0.0", "::", "*"}  # noqa: S104 - what others listen to, not what we do
SYSTEMCTL_S = 2.0


def holder(port: int, *, ours: int | None = None) -> Holder | None:
    """Who listens on the port; None if nobody seems to. `ours` is the process of our child."""
    pid, listens_to_all, is_held = _listener(port)
    if pid is None and is_held:
        pid = next((one.pid for one in _servers()), None)  # of another user
    if pid is None:
        return Holder("unknown", listens_to_all=listens_to_all) if is_held else None
    if pid == ours:
        return Holder("agent", pid, "ollama", listens_to_all)
    try:
        process = psutil.Process(pid)
        name = process.name()
        return Holder(_owner(process), pid, name, listens_to_all)
    except psutil.Error:
        return Holder("unknown", pid, listens_to_all=listens_to_all)


def keeper() -> Owner | None:
    """Who starts Ollama here by itself, now or in a moment: then the agent does not."""
    if sys.platform.startswith("linux"):
        if program := shutil.which("systemctl"):
            said = answer_of([program, *SYSTEMCTL], SYSTEMCTL_S) or ""
            return "systemd" if said.strip() in ALIVE else None
        return None
    for process in psutil.process_iter(["name"]):
        if _is_app(process):
            return "app"
    return None


def is_ollama(one: Holder | None) -> bool:
    """Whether the process is called like Ollama, whatever it answers."""
    return one is not None and (one.name or "").lower().startswith("ollama")


def _listener(port: int) -> tuple[int | None, bool, bool]:
    """Process, whether it listens to all, and whether anyone listens at all."""
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):  # macOS tells administrators alone
        return None, False, True
    found = [
        one
        for one in connections
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port
    ]
    pid = next((one.pid for one in found if one.pid), None)
    return pid, any(one.laddr and one.laddr.ip in ALL for one in found), bool(found)


def _servers() -> Iterator[psutil.Process]:
    for process in psutil.process_iter(["name", "cmdline"]):
        name = str(process.info.get("name") or "").lower()
        arguments = process.info.get("cmdline") or []
        if name in {"ollama", "ollama.exe"} and {"serve", "start"} & set(arguments):
            yield process


def _owner(process: psutil.Process) -> Owner:
    groups = _groups(process.pid)
    if groups != _groups("self"):  # else it tells of this program as much as of that one
        if ".service" in groups and "/user@" not in groups:
            return "systemd"
        if any(word in groups for word in CONTAINERS):
            return "container"
    with suppress(psutil.Error):
        if any(_is_app(parent) for parent in process.parents()):
            return "app"
    with suppress(psutil.Error, KeyError, OSError):
        if process.username().rpartition("\\")[2] != getpass.getuser():
            return "other-user"
        return "user"
    return "unknown"


def _is_app(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        if process.name().lower() in APPS:
            return True
        if sys.platform == "darwin":
            return "Ollama.app/Contents/MacOS" in process.exe()
    return False


def _groups(pid: int | str) -> str:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text("utf-8", errors="replace")
    except OSError:
        return ""
