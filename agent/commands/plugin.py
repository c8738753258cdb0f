"""orca-agent plugin"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.commands.local import local_agent
from agent.shared.command_line import NO_TEXT, CommandLine, is_text
from agent.terminal import AsJson, DataDir, clean, echo_json, fail, note

app = CommandLine(
    help="The plugin that shows the agent inside OrcaSlicer 2.5 and newer.", no_args_is_help=True
)
Folder = Annotated[
    Path | None,
    typer.Option(help="Data folder of OrcaSlicer. Without it: every one that is found."),
]
Json = Mapping[str, Any]  # Any: JSON values
STATES = {
    "absent": "not there",
    "current": "there, version {version}",
    "older": "there, in the older version {version}",
    "newer": "there, in the newer version {version}",
    "changed": "there, changed by somebody",
}


@app.command()
def status(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Say where OrcaSlicer keeps plugins, and how ours stands there."""
    with local_agent(data_dir) as agent:
        _tell(agent.json("GET", "/plugin"), as_json=as_json)


@app.command()
def install(*, folder: Folder = None, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Put the plugin where OrcaSlicer finds it.

    Example:

        orca-agent plugin install --folder ~/.config/OrcaSlicer
    """
    _do("install", folder, data_dir, as_json=as_json)
    if not as_json:
        note(
            "In OrcaSlicer, open the Plugins window and choose Refresh. If it is not listed there, "
            "choose Install local plugin and the file orca_agents.py in that folder."
        )


@app.command()
def remove(*, folder: Folder = None, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Take the plugin away."""
    _do("remove", folder, data_dir, as_json=as_json)


def _do(what: str, folder: Path | None, data_dir: DataDir, *, as_json: bool) -> None:
    with local_agent(data_dir) as agent:
        listed = [str(one["path"]) for one in agent.json("GET", "/plugin")["folders"]]
        if folder and not is_text(str(folder)):
            raise fail(NO_TEXT.format(what="The name of the folder"), 2)
        body = {"path": _as_listed(folder, listed)} if folder else {}
        _tell(agent.json("POST", f"/plugin/{what}", json=body), as_json=as_json)


def _as_listed(folder: Path, listed: Sequence[str]) -> str:
    """The agent knows its folders by these words alone; people write them in several ways."""
    meant = os.path.realpath(os.path.expanduser(folder))  # noqa: PTH111 - bears a stranger's ~name
    return next((one for one in listed if os.path.realpath(one) == meant), meant)


def _tell(found: Json, *, as_json: bool) -> None:
    if as_json:
        echo_json(found)
        return
    if not found["folders"]:
        note("OrcaSlicer has no data folder here. Start it once, then try again.")
    for one in found["folders"]:
        typer.echo(clean(f"{one['path']}: {STATES[one['state']].format(version=one['version'])}"))
    for name in found.get("kept", ()):
        typer.echo(clean(f"What somebody had changed is kept as {name}."))
