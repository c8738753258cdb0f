"""What can be wrong with an agent and its surroundings, each with its remedy."""

import asyncio
import os
import shutil
import socket
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from agent.client.problems import ClientProblem, NotRunning
from agent.client.sync import Agent
from agent.commands.choices import unfit
from agent.commands.hub_checks import hub_at_rest, hub_of
from agent.inference.ollama import Ollama
from agent.inference.rules import canonical_name
from agent.inference.versions import security_warning
from agent.migrations import VERSIONS
from agent.migrations.looking import way_back
from agent.runfile import RunningAgent, find_agent, find_process, read_token
from agent.settings import BadSettings, Settings, load, notices
from agent.shared.errors import OrcaError, Unavailable
from agent.shared.findings import Check, good, warning, wrong
from agent.shared.folders import VARIABLE, data_dir_warning
from agent.shared.secrets import IN_FILE, Secrets
from agent.terminal import size

OLDEST_PYTHON = (3, 11)
LITTLE_DISK_BYTES = 2_000_000_000
NO_DISK_BYTES = 20_000_000
LITTLE_MEMORY_BYTES = 2_000_000_000
START_OLLAMA = (
    "Start Ollama, or install it from ollama.com first; until then the built-in guide answers."
)
PULL = "Run `orca-agent models pull qwen3:4b`."
UI = Path(__file__).parents[1] / "ui" / "index.html"


def examine(folder: Path) -> Iterator[Check]:
    """Every check, one after another; none of them leaves anything changed."""
    running = find_agent(folder)
    health = _health(running) if running else None
    yield _python()
    settings, check = _settings(folder)
    unfitting = list(unfit(settings))
    if not unfitting or check != NOTHING_WRONG:
        yield check
    for one in unfitting:
        yield replace(warning("Settings", one.text, one.fix), brief=f"{one.name} cannot work")
    if not settings.allowed.is_everything:
        yield replace(good("Allowed", _allowed_here(settings)), brief="not everything")
    yield _data_folder(folder)
    yield _database(settings.database_file)
    yield _token(folder)
    yield asyncio.run(_keys(folder))
    yield _agent(folder, running, health)
    yield good("Port", str(running.port)) if running else _port(settings.port)
    if health and health.get("ollama"):
        # What this shell has set need not be what the agent was started with.
        yield from _ollama_of(health)
        yield from _in_place_of(settings.default_model, health)
        yield from hub_of(health)
    else:
        yield from asyncio.run(_ollama(settings))
        yield from hub_at_rest(folder)
    yield _memory()
    yield _disk(folder)
    yield _ui()


def _settings(folder: Path) -> tuple[Settings, Check]:
    """The settings in force; the defaults where a wrong one stops the start."""
    try:
        settings = load(data_dir=folder)
    except BadSettings as err:
        fix = "Correct it: the agent does not start before. What follows is checked with defaults."
        return Settings.model_construct(data_dir=folder), wrong("Settings", str(err), fix)
    for notice in notices(settings):
        is_level = notice.startswith("LOG_LEVEL ")
        fix = "Set ORCA_AGENT_LOG_LEVEL in its place." if is_level else "Take it out."
        return settings, warning("Settings", notice, fix)
    return settings, good("Settings", fixing) if (fixing := _fixed_by(settings)) else NOTHING_WRONG


def _fixed_by(settings: Settings) -> str:
    layers = settings.layers
    names = ", ".join(sorted(layers.managed)) or "nothing"
    return f"{layers.managed_file} fixes {names}" if layers.managed_file else ""


def _allowed_here(settings: Settings) -> str:
    """What the settings leave of models and their servers."""
    parts = [
        "" if settings.cloud else "the cloud is off",
        f"models: {settings.allowed_models}" if settings.allowed_models else "",
        f"model servers: {settings.allowed_backends}" if settings.allowed_backends else "",
    ]
    return "; ".join(filter(None, parts))


def _health(running: RunningAgent) -> Mapping[str, Any]:  # Any: JSON values
    try:
        with Agent(running.url, running.token) as agent:
            return agent.ready()
    except (ClientProblem, NotRunning):
        return {}


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return wrong("Python", version, "Install Python 3.11 or newer and run `make setup`.")
    return good("Python", version)


def _data_folder(folder: Path) -> Check:
    if not os.path.lexists(folder):
        return _missing(folder)
    if folder.is_file():
        fix = f"Move it away, or set {VARIABLE} to a folder."
        return wrong("Data folder", f"{folder} is a file", fix)
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        fix = f"Make {folder} a folder that you may write to, or set {VARIABLE} to another."
        return wrong("Data folder", f"{folder} cannot be written", fix)
    if os.name == "posix" and (mode := stat.S_IMODE(folder.stat().st_mode)) & 0o077:
        text = f"{folder} is open to others (mode {mode:o})"
        return warning("Data folder", text, f"Run `chmod 700 {folder}`.")
    if told := data_dir_warning(folder):
        found, _, fix = told.partition(". ")
        return warning("Data folder", f"{found}.", fix)
    return good("Data folder", str(folder))


def _missing(folder: Path) -> Check:
    try:
        # Only the attempt tells: rights, mounts and special file systems all have a say.
        Path(tempfile.mkdtemp(dir=_nearest(folder))).rmdir()
    except OSError as err:
        fix = f"Set {VARIABLE} to a folder that you may write to."
        return wrong("Data folder", f"{folder} cannot be made: {err.strerror}", fix)
    return warning("Data folder", f"{folder} is not there yet", "`orca-agent serve` makes it.")


def _nearest(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if _is_there(path))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder above it may not be entered
        return False


def _database(file: Path) -> Check:
    if not _is_there(file):
        return warning("Database", "there is none yet", "`orca-agent serve` makes it.")
    as_is = ""
    if not os.access(file.parent, os.W_OK):  # to be read, a database has files made beside it
        if _is_there(log := file.with_name(f"{file.name}-wal")) and log.stat().st_size:
            text = "not looked at: its folder cannot be written"
            return warning("Database", text, "Mend the folder first.")
        as_is = "&immutable=1"
    try:
        address = f"{file.as_uri()}?mode=ro{as_is}"
        with closing(sqlite3.connect(address, uri=True, timeout=5)) as database:
            verdict = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
            schema = _schema(database)
    except (sqlite3.Error, TypeError) as err:
        return wrong("Database", f"{file.name} cannot be read ({err})", _restore(file))
    if verdict != "ok":
        return wrong("Database", f"{file.name} is damaged ({verdict})", _restore(file))
    return _known(file, schema)


def _known(file: Path, schema: str | None) -> Check:
    if schema is None:
        return warning("Database", "it has no schema yet", "`orca-agent serve` makes it.")
    if schema not in VERSIONS:
        text = f"written by a newer version (schema {schema}, this one knows {VERSIONS[-1]})"
        fix = f"Update the program, or choose another folder with {VARIABLE}."
        return wrong("Database", text, fix)
    return good("Database", f"{size(file.stat().st_size)}, sound, schema {schema}")


def _schema(database: sqlite3.Connection) -> str | None:
    known = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
    if not database.execute(known).fetchone():
        return None
    row = database.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _restore(file: Path) -> str:
    return f"Stop the agent. {way_back(file)}"


def _token(folder: Path) -> Check:
    file = folder / "token"
    if not _is_there(file):
        return warning("Token", "there is none yet", "`orca-agent serve` makes it.")
    if read_token(folder) is None:
        fix = f"Delete {file} and start the agent: it makes a new one."
        return wrong("Token", f"{file} is empty or cannot be read", fix)
    if os.name == "posix" and (mode := stat.S_IMODE(file.stat().st_mode)) & 0o077:
        fix = f"Run `chmod 600 {file}` and `orca-agent token rotate`."
        return wrong("Token", f"others can read it (mode {mode:o})", fix)
    return good("Token", "there, for you alone")


async def _keys(folder: Path) -> Check:
    """Where the keys of servers and printers are kept."""
    secrets = Secrets(folder)
    try:
        has_some = await secrets.has_some_in_file()
    except Unavailable as err:
        return wrong("Keys", "those in the data folder cannot be read", str(err))
    if problem := await secrets.problem():
        text = f"the keyring of this computer gives and takes none ({problem})"
        fix = f"Unlock it. Until then, new keys go into: {IN_FILE}."
        return warning("Keys", text, fix)
    if (place := await secrets.place()) == IN_FILE:
        none = f"none is kept yet; the first goes into: {IN_FILE}"
        return good("Keys", f"{IN_FILE}; this computer has no keyring" if has_some else none)
    return good("Keys", place)


def _agent(
    folder: Path,
    running: RunningAgent | None,
    health: Mapping[str, Any] | None,  # Any: JSON values
) -> Check:
    if running:
        text = f"runs at {running.url}, version {running.version}, process {running.pid}"
        status = (health or {}).get("status")
        if status not in {"ready", "degraded"}:
            fix = "Run `orca-agent logs`, then stop the agent and start it anew."
            return wrong("Agent", f"{text}, but is {status or 'not to be asked'}", fix)
        if "ollama" not in (health or {}):
            fix = "Stop the agent and start it anew."
            return wrong("Agent", f"{text}, but does not take the token of the folder", fix)
        return good("Agent", text)
    if left := find_process(folder):
        fix = "Wait a moment; if it stays so, run `orca-agent logs`, end the process, start anew."
        return wrong("Agent", f"process {left.pid} does not answer at {left.url}", fix)
    return warning("Agent", "does not run", "Start it with `make run` or `orca-agent serve`.")


def _port(port: int) -> Check:
    if port == 0:
        return good("Port", "any free one")
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as err:
            fix = "End the program that has it; until then the agent takes the next free one."
            return warning("Port", f"{port} cannot be had ({err.strerror})", fix)
    return good("Port", f"{port} is free")


async def _ollama(settings: Settings) -> list[Check]:
    url, default_model = settings.ollama_url, settings.default_model
    if refusal := settings.allowed.why_not_server(url):
        fix = "Set ollama_url to one that is."
        return [replace(warning("Ollama", refusal, fix), brief="not allowed here"), NO_MODELS]
    try:
        async with asyncio.timeout(10), Ollama(url, stays_near=not settings.cloud) as ollama:
            version, models = await ollama.version(), await ollama.tags()
    except (OrcaError, TimeoutError) as err:
        detail = err.detail if isinstance(err, OrcaError) else "it is too slow"
        return [_no_server(url, detail), NO_MODELS]
    first = _server(url, version, security_warning(version))
    names = [model.name for model in models]
    if not names:
        return [first, NOT_INSTALLED]
    if default_model and default_model not in {*names, *(n.removesuffix(":latest") for n in names)}:
        fix = f"Run `orca-agent models pull {default_model}`, or choose another default model."
        found = wrong("Models", f"the default, {default_model}, is not installed", fix)
        return [first, replace(found, brief=f"{len(names)}; the default one is not installed")]
    which = f"{default_model} answers" if default_model else "an agent that runs says which answers"
    found = good("Models", f"{len(names)}: {', '.join(names[:4])}; {which} where none is named")
    return [first, replace(found, brief=str(len(names)))]


def _ollama_of(health: Mapping[str, Any]) -> list[Check]:  # Any: JSON values
    """The same two rows, as a running agent sees them."""
    ollama, count = health["ollama"], int(health.get("models_count") or 0)
    default, url = health.get("default_model"), str(ollama["url"])
    if ollama["state"] != "up":
        if default:
            return [replace(good("Ollama", f"none at {url}"), brief="none"), _elsewhere(default)]
        return [_no_server(url, str(ollama.get("detail") or "not looked at yet")), NO_MODELS]
    first = _server(url, str(ollama.get("version")), ollama.get("warning"))
    if not count:
        return [first, _elsewhere(default) if default else NOT_INSTALLED]
    if not default:
        return [first, warning("Models", f"{count}, but none that can chat", PULL)]
    found = good("Models", f"{count}; {default} answers where none is named")
    return [first, replace(found, brief=f"{count}; one answers where none is named")]


def _elsewhere(default: str) -> Check:
    found = good("Models", f"{default} of another server answers where none is named")
    return replace(found, brief="one of another server answers")


def _in_place_of(wanted: str | None, health: Mapping[str, Any]) -> Iterator[Check]:
    """Where another model than the chosen one answers."""
    answers = health.get("default_model")
    if wanted and answers and canonical_name(wanted) != canonical_name(answers):
        text = f"the default, {wanted}, is not installed; {answers} answers in its place"
        fix = f"Run `orca-agent models pull {wanted}`, or choose another default model."
        found = warning("Models", text, fix)
        yield replace(found, brief="the default one is not installed")


def _no_server(url: str, detail: str) -> Check:
    # Most of these sentences name the address already.
    return warning("Ollama", detail if url in detail else f"none at {url}: {detail}", START_OLLAMA)


def _server(url: str, version: str, unsafe: str | None) -> Check:
    if unsafe:
        return warning("Ollama", unsafe, "Update Ollama.")
    return good("Ollama", f"version {version} at {url}")


def _memory() -> Check:
    memory = psutil.virtual_memory()
    text = f"{size(memory.available)} of {size(memory.total)} free"
    if memory.available < LITTLE_MEMORY_BYTES:
        return warning("Memory", text, "Close other programs, or use a smaller model.")
    return good("Memory", text)


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(_nearest(folder)).free
    if free < NO_DISK_BYTES:
        fix = "Free some space on the disk of your data: nothing more can be kept."
        return wrong("Disk", f"it is full ({size(free)} free)", fix)
    if free < LITTLE_DISK_BYTES:
        return warning("Disk", f"{size(free)} free", "Free some space on the disk of your data.")
    return good("Disk", f"{size(free)} free")


def _ui() -> Check:
    if not UI.exists():
        fix = "Install Node.js 20.19 or newer and run `make setup`."
        return warning("Page", "it is not built; the API and the commands work", fix)
    return good("Page", "built")


NOTHING_WRONG = good("Settings", "nothing wrong")
NO_MODELS = warning("Models", "none: the built-in guide answers", "Start Ollama first.")
NOT_INSTALLED = warning("Models", "none is installed", PULL)
