"""orca-agent restore"""

import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.commands.backup import Json, result_of
from agent.runfile import find_agent
from agent.shared.folders import data_dir as data_dir_in_force
from agent.terminal import DataDir, clean, fail, size

if TYPE_CHECKING:
    from agent.client.sync import Agent
    from agent.keeping.applying import Restored

PATIENCE_S = 900.0
LOOK_EVERY_S = 0.2


def restore(
    file: Annotated[
        Path | None,
        typer.Argument(help="A backup: a file, or the name of one in the folder `backups`."),
    ] = None,
    *,
    latest: Annotated[bool, typer.Option("--latest", help="The newest one.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Bring a backup back, all of it or nothing. What is here now becomes a backup of its own.

    Works with the agent running, which then starts anew, or without one. Tokens, signed-in pages
    and keys stay as they are now.

    Examples:

        orca-agent restore --latest

        orca-agent restore ~/orca-agents-20260131-090500.zip --yes
    """
    folder = data_dir_in_force(data_dir)
    if (file is None) == (not latest):
        raise fail("Name a backup, or say --latest.", 2)
    backup = _named(folder, file) if file else _newest(folder)
    _ask(backup, yes=yes)
    if find_agent(folder):
        restored = _by_the_agent(folder, backup)
        problem, kept_as, note = (restored.get(name) for name in ("problem", "kept_as", "note"))
    else:
        done = _here(folder, backup)
        problem, kept_as, note = done.problem, done.kept_as, done.note
    if problem:
        raise fail(f"Nothing was changed: {problem}")
    typer.echo(clean(f"{backup.name} is restored."))
    if kept_as:
        typer.echo(clean(f"What was here before is kept as {kept_as}."))
    if note:
        typer.echo(clean(str(note)))


def _named(folder: Path, file: Path) -> Path:
    from agent.keeping.folder import FOLDER  # slow import

    for path in (file.expanduser().absolute(), folder / FOLDER / file.name):
        if path.is_file():
            return path
    raise fail(f"There is no file {file}, and no backup of this name.")


def _newest(folder: Path) -> Path:
    from agent.keeping.folder import Backups  # slow import
    from agent.shared.clock import system_clock  # slow import

    backups = Backups(folder)
    if newest := backups.latest(system_clock()):
        return backups.path / newest.name
    if copy := backups.newest_copy():
        return copy
    raise fail(f"There are no backups in {backups.path}.")


def _ask(backup: Path, *, yes: bool) -> None:
    typer.echo(clean(f"{backup} ({size(backup.stat().st_size)})"), err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise fail("Nobody can be asked here: --yes restores it.", 2)
    question = "Bring it back? What is here now becomes a backup of its own."
    if not typer.confirm(question, err=True):
        raise fail("Nothing was changed.")


def _here(folder: Path, backup: Path) -> "Restored":
    from agent.keeping.applying import has_begun  # slow import
    from agent.keeping.offline import alone_in, restore_here  # slow import
    from agent.keeping.watching import Watch  # slow import
    from agent.serve import LOCK_NAME  # slow import
    from agent.settings import problem_of  # slow import
    from agent.shared.clock import system_clock  # slow import
    from agent.shared.errors import OrcaError  # slow import
    from agent.version import program_version  # slow import

    try:
        with alone_in(folder, LOCK_NAME):
            version = program_version()
            return restore_here(backup, folder, problem_of, version, system_clock, Watch())
    except OrcaError as err:
        if has_begun(folder):
            raise fail(
                f"It is not finished: {err.detail} The next start of the agent, or of this "
                "command, goes on with it."
            ) from None
        raise fail(f"Nothing was changed: {err.detail}") from None
    except OSError as err:
        raise fail(f"{backup} cannot be read: {err.strerror}.") from None


def _by_the_agent(folder: Path, backup: Path) -> Json:
    """How it ended, once the agent has started anew."""
    from agent.client.problems import NotFound  # slow import
    from agent.client.sync import Agent  # slow import
    from agent.keeping.folder import FOLDER  # slow import
    from agent.keeping.staging import is_database  # slow import

    if is_database(backup):
        raise fail("Stop the agent first to restore a copy of the database: `orca-agent stop`.")
    with Agent.local(folder) as agent:
        before = _last(agent)
        name = backup.name
        if backup.parent != folder / FOLDER:
            with backup.open("rb") as opened:
                name = str(agent.json("POST", "/backups", content=opened, timeout=None)["name"])
        run_id = str(agent.json("POST", f"/backups/{name}/restore")["id"])
        try:
            last = deque(agent.events(run_id), maxlen=1)
            result_of(last[0].name if last else "", last[0].data if last else {})
        except NotFound:
            pass  # it has started anew before we looked, with a database that lacks this run
    typer.echo("It is whole. The agent starts anew with it.", err=True)
    return _once_restored(folder, before)


def _once_restored(folder: Path, before: Json | None) -> Json:
    from agent.client.problems import AgentError  # slow import
    from agent.client.sync import Agent  # slow import

    gives_up_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < gives_up_at:
        try:
            with Agent.local(folder) as agent:
                last = _last(agent)
        except AgentError:
            last = before
        if last is not None and last != before:
            return last
        time.sleep(LOOK_EVERY_S)
    raise fail("The agent did not come back. `orca-agent logs` may say why.")


def _last(agent: "Agent") -> Json | None:
    last: Json | None = agent.json("GET", "/backups").get("last_restore")
    return last
