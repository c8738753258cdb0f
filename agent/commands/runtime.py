"""orca-agent runtime"""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from agent.commands.local import local_agent
from agent.shared.command_line import CommandLine
from agent.shared.folders import data_dir as data_dir_in_force
from agent.terminal import AsJson, DataDir, clean, echo_json, fail, hint, size

app = CommandLine(
    help="Ollama's process on this computer: how it is, start, stop, what it writes.",
    no_args_is_help=True,
)
STATES = {
    "off": "not managed by the agent",
    "external": "runs, started by somebody else",
    "absent": "does not run",
    "starting": "is starting",
    "running": "runs, started by the agent",
    "waiting": "ended by itself, and is started anew in a moment",
    "stopped": "was stopped",
    "failed": "ended too often, and is not started anew",
}
OWNERS = {
    "agent": "the agent",
    "systemd": "the system's service",
    "app": "Ollama's app",
    "container": "a container",
    "other-user": "another user",
    "user": "this user",
    "unknown": "not told by the system",
}
PATIENCE_S = 60.0
Json = Mapping[str, Any]  # Any: JSON values


@app.command()
def status(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Say whose Ollama runs, where, and which model servers there are.

    Example:

        orca-agent runtime status --json
    """
    with local_agent(data_dir) as agent:
        _tell(agent.json("GET", "/runtime"), as_json=as_json)


@app.command()
def start(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Start Ollama, if nobody runs one."""
    _do("start", data_dir, as_json=as_json)


@app.command()
def stop(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """End the Ollama that the agent started. Nobody else's."""
    _do("stop", data_dir, as_json=as_json)


@app.command()
def restart(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """End the Ollama that the agent started, and start it anew."""
    _do("restart", data_dir, as_json=as_json)


@app.command()
def logs(
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as more comes.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many of the last.")] = 50,
    data_dir: DataDir = None,
) -> None:
    """Print what the agent's Ollama wrote. Works also while no agent runs.

    Example:

        orca-agent runtime logs -f
    """
    from agent.commands.logs import told  # slow import

    file = data_dir_in_force(data_dir) / "logs" / "ollama.log"
    try:
        for line in told(file, lines, follow=follow):
            typer.echo(clean(line))
    except FileNotFoundError:
        raise fail(f"There is no log at {file}: the agent never started an Ollama.") from None
    except OSError as err:
        raise fail(f"The log {file} cannot be read: {err.strerror}.") from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def rows(runtime: Json) -> list[tuple[str, str]]:
    """The document as rows of a name and a text."""
    ollama = runtime["ollama"]
    told = [("Ollama", STATES.get(ollama["state"], str(ollama["state"])))]
    if ollama["detail"]:
        told.append(("", str(ollama["detail"])))
    if ollama["version"]:
        told.append(("Version", str(ollama["version"])))
    told.append(("Address", str(ollama["url"])))
    if ollama["pid"]:
        owner = OWNERS.get(str(ollama["owner"]), str(ollama["owner"]))
        told.append(("Process", f"{ollama['pid']}, belongs to: {owner}"))
    if ollama["rss_bytes"]:
        told.append(("Memory", size(ollama["rss_bytes"])))
    if ollama["restarts"]:
        told.append(("Restarts", str(ollama["restarts"])))
    for name, key in (("Program", "binary"), ("Log", "log_file")):
        if ollama[key]:
            told.append((name, str(ollama[key])))
    for one in runtime["backends"]:
        version = f", version {one['version']}" if one["version"] else ""
        told.append(("Server", f"{one['name']} at {one['url']}: {one['state']}{version}"))
    return told + [("Warning", str(text)) for text in runtime["warnings"]]


def _do(verb: str, data_dir: DataDir, *, as_json: bool) -> None:
    with local_agent(data_dir) as agent:
        _tell(agent.json("POST", f"/runtime/{verb}", timeout=PATIENCE_S), as_json=as_json)


def _tell(runtime: Json, *, as_json: bool) -> None:
    if as_json:
        echo_json(runtime)
        return
    for name, text in rows(runtime):
        typer.echo(clean(hint(f"{name:<9} {text}")))
