"""What can be wrong with an agent and its surroundings, each with its remedy."""

import asyncio
import os
import shutil
import socket
import sqlite3
import stat
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from agent.inference.ollama import Ollama
from agent.inference.versions import security_warning
from agent.runfile import RunningAgent, find_agent, read, read_token
from agent.settings import Settings
from agent.shared.errors import OrcaError
from agent.shared.folders import VARIABLE, data_dir_warning
from agent.terminal import size

OLDEST_PYTHON = (3, 11)
LITTLE_DISK_BYTES = 2_000_000_000
LITTLE_MEMORY_BYTES = 2_000_000_000
UI = Path(__file__).parents[1] / "ui" / "index.html"


class State(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `fix` is a sentence about what to do; empty where all is well."""

    name: str
    state: State
    text: str
    fix: str = ""


def examine(settings: Settings) -> Iterator[Check]:
    """Every check, one after another; none of them changes anything."""
    folder = settings.data_dir
    running = find_agent(folder)
    yield _python()
    yield _data_folder(folder)
    yield _database(settings.database_file)
    yield _token(folder)
    yield _agent(folder, running)
    yield _port(settings.port, running)
    yield from asyncio.run(_ollama(settings.ollama_url, settings.default_model))
    yield _memory()
    yield _disk(folder)
    yield _ui()


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return _wrong("Python", version, "Install Python 3.11 or newer and run `make setup`.")
    return _good("Python", version)


def _data_folder(folder: Path) -> Check:
    if not folder.exists():
        return _warning("Data folder", f"{folder} is not there yet", "`orca-agent serve` makes it.")
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        fix = f"Make {folder} a folder that you may write to, or set {VARIABLE} to another."
        return _wrong("Data folder", f"{folder} cannot be written", fix)
    if os.name == "posix" and (mode := stat.S_IMODE(folder.stat().st_mode)) & 0o077:
        text = f"{folder} is open to others (mode {mode:o})"
        return _warning("Data folder", text, f"Run `chmod 700 {folder}`.")
    if warning := data_dir_warning(folder):
        found, _, fix = warning.partition(". ")
        return _warning("Data folder", f"{found}.", fix)
    return _good("Data folder", str(folder))


def _database(file: Path) -> Check:
    if not file.exists():
        return _warning("Database", "there is none yet", "`orca-agent serve` makes it.")
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=5)) as database:
            verdict = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
            revision = str(
                database.execute("SELECT version_num FROM alembic_version").fetchone()[0]
            )
    except (sqlite3.Error, TypeError) as err:
        return _wrong("Database", f"{file.name} cannot be read ({err})", _restore(file))
    if verdict != "ok":
        return _wrong("Database", f"{file.name} is damaged ({verdict})", _restore(file))
    return _good("Database", f"{size(file.stat().st_size)}, sound, schema {revision}")


def _restore(file: Path) -> str:
    return (
        f"Stop the agent, move {file.name} away and put the newest backup beside it in its place."
    )


def _token(folder: Path) -> Check:
    file = folder / "token"
    if not file.exists():
        return _warning("Token", "there is none yet", "`orca-agent serve` makes it.")
    if read_token(folder) is None:
        fix = f"Delete {file} and start the agent: it makes a new one."
        return _wrong("Token", f"{file} is empty or cannot be read", fix)
    if os.name == "posix" and (mode := stat.S_IMODE(file.stat().st_mode)) & 0o077:
        fix = f"Run `chmod 600 {file}` and `orca-agent token rotate`."
        return _wrong("Token", f"others can read it (mode {mode:o})", fix)
    return _good("Token", "there, for you alone")


def _agent(folder: Path, running: RunningAgent | None) -> Check:
    if running:
        text = f"runs at {running.url}, version {running.version}, process {running.pid}"
        return _good("Agent", text)
    if (left := read(folder)) and psutil.pid_exists(left.pid):
        fix = "Wait a moment; if it stays so, run `orca-agent logs`, end the process, start anew."
        return _wrong("Agent", f"process {left.pid} does not answer at {left.url}", fix)
    return _warning("Agent", "does not run", "Start it with `make run` or `orca-agent serve`.")


def _port(port: int, running: RunningAgent | None) -> Check:
    if running and port not in {0, running.port}:
        fix = f"Find out who uses port {port}, end that, and restart the agent."
        return _warning("Port", f"{running.port} in place of {port}", fix)
    if running or port == 0:
        return _good("Port", str(running.port if running else "any free one"))
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as err:
            fix = "End the program that has it; until then the agent takes the next free one."
            return _warning("Port", f"{port} cannot be had ({err.strerror})", fix)
    return _good("Port", f"{port} is free")


async def _ollama(url: str, default_model: str | None) -> list[Check]:
    try:
        async with asyncio.timeout(10), Ollama(url) as ollama:
            version, models = await ollama.version(), await ollama.tags()
    except (OrcaError, TimeoutError) as err:
        detail = err.detail if isinstance(err, OrcaError) else "it is too slow"
        fix = "Install Ollama (ollama.com) and start it; until then the built-in guide answers."
        return [_warning("Ollama", f"none at {url}: {detail}", fix)]
    unsafe = security_warning(version)
    first = (
        _warning("Ollama", unsafe, "Update Ollama.")
        if unsafe
        else _good("Ollama", f"version {version} at {url}")
    )
    names = [model.name for model in models]
    if not names:
        return [first, _warning("Models", "none is installed", "Run `ollama pull qwen3:4b`.")]
    if default_model and default_model not in {*names, *(n.removesuffix(":latest") for n in names)}:
        fix = f"Run `ollama pull {default_model}`, or choose another default model."
        return [first, _wrong("Models", f"the default, {default_model}, is not installed", fix)]
    return [first, _good("Models", f"{len(names)}: {', '.join(names[:4])}")]


def _memory() -> Check:
    memory = psutil.virtual_memory()
    text = f"{size(memory.available)} of {size(memory.total)} free"
    if memory.available < LITTLE_MEMORY_BYTES:
        return _warning("Memory", text, "Close other programs, or use a smaller model.")
    return _good("Memory", text)


def _disk(folder: Path) -> Check:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < LITTLE_DISK_BYTES:
        return _warning("Disk", f"{size(free)} free", "Free some space on the disk of your data.")
    return _good("Disk", f"{size(free)} free")


def _ui() -> Check:
    if not UI.exists():
        fix = "Install Node.js 20.19 or newer and run `make setup`."
        return _warning("Page", "it is not built; the API and the commands work", fix)
    return _good("Page", "built")


def _good(name: str, text: str) -> Check:
    return Check(name, State.GOOD, text)


def _warning(name: str, text: str, fix: str) -> Check:
    return Check(name, State.WARNING, text, fix)


def _wrong(name: str, text: str, fix: str) -> Check:
    return Check(name, State.WRONG, text, fix)
