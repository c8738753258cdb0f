"""orca-agent reset"""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.shared.folders import data_dir as data_dir_in_force
from agent.terminal import DataDir, clean, fail

if TYPE_CHECKING:
    from agent.keeping.resetting import Part

TOLD_NAMES = 8
Conversations = Annotated[
    bool, typer.Option("--conversations", help="Conversations, with their pictures.")
]
Files = Annotated[bool, typer.Option("--files", help="Sliced files and what was found in them.")]
OwnSettings = Annotated[
    bool, typer.Option("--settings", help="Settings, model servers, printers, their keys.")
]
Tokens = Annotated[bool, typer.Option("--tokens", help="Everybody signs in anew.")]
Everything = Annotated[bool, typer.Option("--all", help="Everything but the backups.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
BackUp = Annotated[
    bool, typer.Option("--backup/--no-backup", help="Make a backup of what goes first.")
]


def reset(
    *,
    conversations: Conversations = False,
    files: Files = False,
    settings: OwnSettings = False,
    tokens: Tokens = False,
    everything: Everything = False,
    yes: Yes = False,
    backup: BackUp = True,
    data_dir: DataDir = None,
) -> None:
    """Throw data away and begin anew. A backup is made first; the agent has to be stopped.

    Examples:

        orca-agent reset --conversations

        orca-agent reset --all --yes
    """
    wanted: dict[Part, bool] = {
        "conversations": conversations,
        "files": files,
        "settings": settings,
        "tokens": tokens,
        "all": everything,
    }
    parts: list[Part] = [part for part, is_wanted in wanted.items() if is_wanted]
    if not parts:
        raise fail("Say what goes: --conversations, --files, --settings, --tokens or --all.", 2)
    folder = data_dir_in_force(data_dir)
    _check(folder)
    _say(folder, parts, backs_up=backup)
    _ask(yes=yes)
    _tell_left(_do(folder, parts, backs_up=backup))
    typer.echo("Done.")


def _check(folder: Path) -> None:
    from agent.keeping.resetting import check_folder  # slow import
    from agent.shared.errors import OrcaError  # slow import

    try:
        check_folder(folder)
    except OrcaError as err:
        raise fail(err.detail) from None


def _say(folder: Path, parts: "list[Part]", *, backs_up: bool) -> None:
    from agent.keeping.resetting import SAYS  # slow import

    typer.echo(clean(f"In {folder}, this goes:"), err=True)
    for part in parts:
        typer.echo(f"  {SAYS[part]}", err=True)
    typer.echo("Backups stay." + (" One is made first." if backs_up else ""), err=True)


def _tell_left(names: list[str]) -> None:
    if names:
        more = f", and {len(names) - TOLD_NAMES} more" if len(names) > TOLD_NAMES else ""
        told = clean(", ".join(names[:TOLD_NAMES]))
        typer.echo(f"Not made by Orca Agents, and left as it is: {told}{more}.", err=True)


def _ask(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise fail("Nobody can be asked here: --yes throws it away.", 2)
    if not typer.confirm("Throw it away?", err=True):
        raise fail("Nothing was changed.")


def _do(folder: Path, parts: "list[Part]", *, backs_up: bool) -> list[str]:
    """What was left, as somebody else's."""
    from agent.keeping import resetting  # slow import
    from agent.keeping.offline import alone_in, back_up_here  # slow import
    from agent.keeping.rules import DATABASE, Wanted  # slow import
    from agent.keeping.watching import Watch  # slow import
    from agent.serve import LOCK_NAME  # slow import
    from agent.shared.clock import system_clock  # slow import
    from agent.shared.errors import OrcaError  # slow import
    from agent.version import program_version  # slow import

    version, now = program_version(), system_clock()
    try:
        with alone_in(folder, LOCK_NAME):
            if backs_up and (folder / DATABASE).exists():
                takes_files = bool({"files", "all"} & set(parts))
                wanted = Wanted(images=True, files=takes_files)
                name = back_up_here(folder, "before-reset", wanted, version, now, Watch())
                typer.echo(f"What was here is kept as {name}.", err=True)
            keys = resetting.keys_in(folder)
            if {"settings", "all"} & set(parts):
                asyncio.run(_forget_keys(folder, keys))
            return resetting.reset(folder, parts, version=version, now=now)
    except OrcaError as err:
        hint = " --no-backup goes on without a backup." if backs_up else ""
        raise fail(f"{err.detail}{hint}") from None


async def _forget_keys(folder: Path, names: list[str]) -> None:
    from agent.shared.secrets import Secrets  # slow import

    secrets = Secrets(folder)
    for name in names:
        await secrets.delete(name)
