"""orca-agent updates"""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from agent.commands.local import local_agent
from agent.terminal import AsJson, DataDir, clean, echo_json

PATIENCE_S = 90.0


def updates(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Ask the update source now, not what it said last.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Say whether there is a newer version. Nothing is ever installed by itself.

    Example:

        orca-agent updates --check
    """
    with local_agent(data_dir) as agent:
        if check:
            found = agent.json("POST", "/updates/check", timeout=PATIENCE_S)
        else:
            found = agent.json("GET", "/updates")
    if as_json:
        echo_json(found)
    else:
        typer.echo(clean(_sentence(found)))
    if found["problem"]:
        raise typer.Exit(1)


def _sentence(found: Mapping[str, Any]) -> str:  # Any: JSON values
    latest, problem = found["latest"], found["problem"]
    if problem:
        return str(problem["detail"])
    if latest:
        where = f"\nGet it at {latest['url']}" if latest["url"] else ""
        notes = f"\n\n{latest['notes'].strip()}" if latest["notes"].strip() else ""
        return f"Version {latest['version']} is there; this is {found['current']}.{where}{notes}"
    if found["checked_at"]:
        return f"This is {found['current']}, and nothing newer was announced."
    return f"This is {found['current']}. Nobody has asked yet: `orca-agent updates --check`."
