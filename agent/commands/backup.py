"""orca-agent backup"""

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.runfile import find_agent
from agent.shared.folders import data_dir as data_dir_in_force
from agent.terminal import AsJson, DataDir, clean, echo_json, fail, local_time, size

Json = Mapping[str, Any]  # Any: JSON values


def backup(
    *,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="A folder, or a file, for a copy of it elsewhere."),
    ] = None,
    images: Annotated[bool, typer.Option("--images/--no-images", help="With the pictures.")] = True,
    files: Annotated[bool, typer.Option("--files", help="With the sliced files.")] = False,
    list_all: Annotated[bool, typer.Option("--list", help="List those that there are.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Make a backup of conversations and settings, while the agent works or not.

    It lies in the folder `backups` of the data folder. No token and no key is in it. A backup on
    the same disk does not survive that disk: copy it elsewhere with -o.

    Examples:

        orca-agent backup

        orca-agent backup -o /media/usb --files
    """
    folder = data_dir_in_force(data_dir)
    if list_all:
        _list(folder, as_json=as_json)
        return
    if find_agent(folder):
        name = _by_the_agent(folder, {"images": images, "files": files})
    else:
        name = _here(folder, images=images, files=files)
    place = _kept(folder, name, output)
    if as_json:
        echo_json({"name": name, "path": str(place), "size_bytes": place.stat().st_size})
    else:
        typer.echo(clean(f"{place} ({size(place.stat().st_size)})"))


def _kept(folder: Path, name: str, output: Path | None) -> Path:
    from agent.keeping.folder import Backups  # slow import
    from agent.keeping.offline import copy_out  # slow import
    from agent.shared.errors import OrcaError  # slow import

    place = Backups(folder).path / name
    if output is None:
        return place
    try:
        return copy_out(place, output.expanduser().absolute())
    except OrcaError as err:
        raise fail(f"{err.detail} The backup itself is {place}.") from None


def _by_the_agent(folder: Path, asked: Mapping[str, bool]) -> str:
    from agent.client.sync import Agent  # slow import

    with Agent.local(folder) as agent:
        run_id = str(agent.json("POST", "/backup", json=dict(asked))["id"])
        try:
            last = deque(agent.events(run_id), maxlen=1)
        except KeyboardInterrupt:
            agent.cancel(run_id)
            raise fail("Stopped. No backup was made.", 130) from None
    return str(result_of(last[0].name if last else "", last[0].data if last else {})["name"])


def result_of(event: str, data: Json) -> Json:
    """What a run gave that is done. Ends the command for any other end."""
    if event == "done":
        result: Json = data["result"]
        return result
    problem = data.get("problem") or {}
    raise fail(str(problem.get("detail") or f"It was {event or 'cut off with the agent'}."))


def _here(folder: Path, *, images: bool, files: bool) -> str:
    from agent.keeping.offline import alone_in, back_up_here  # slow import
    from agent.keeping.rules import DATABASE, Wanted  # slow import
    from agent.keeping.watching import Watch  # slow import
    from agent.serve import LOCK_NAME  # slow import
    from agent.shared.clock import system_clock  # slow import
    from agent.shared.errors import OrcaError  # slow import
    from agent.version import program_version  # slow import

    if not (folder / DATABASE).exists():
        raise fail(f"There is nothing to back up in {folder}: the agent never ran with it.")
    try:
        with alone_in(folder, LOCK_NAME):
            wanted = Wanted(images, files)
            version, now = program_version(), system_clock()
            return back_up_here(folder, "asked", wanted, version, now, Watch())
    except OrcaError as err:
        raise fail(err.detail) from None


def _list(folder: Path, *, as_json: bool) -> None:
    from agent.keeping.folder import Backups  # slow import
    from agent.keeping.rules import holds  # slow import

    found = Backups(folder).all()
    if as_json:
        items = [{"name": one.name, "size_bytes": one.size_bytes} for one in found]
        echo_json({"items": items})
        return
    for one in found:
        about = one.manifest
        told = (
            f"{local_time(about.created_at)}  {', '.join(holds(about.members))}"
            if about
            else "damaged"
        )
        typer.echo(clean(f"{one.name}  {size(one.size_bytes)}  {told}"))
    if not found:
        typer.echo(f"There are no backups in {Backups(folder).path}.")
