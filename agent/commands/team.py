"""orca-agent team"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.commands.local import local_agent
from agent.shared.command_line import CommandLine
from agent.terminal import AsJson, DataDir, clean, echo_json, fail, hint, note, show

if TYPE_CHECKING:
    from agent.client.sync import Agent

app = CommandLine(
    help="The hub of your team: sign in, see how it stands, sign out.", no_args_is_help=True
)
Json = Mapping[str, Any]  # Any: JSON values
PATH = "/team"
LOOK_S = 0.5


@app.command()
def login(
    url: Annotated[str, typer.Argument(help="Address of the hub, such as https://hub.example.org")],
    *,
    device: Annotated[
        bool, typer.Option("--device", help="Type a code into another screen: no browser here.")
    ] = False,
    name: Annotated[str, typer.Option(help="What the hub calls this computer.")] = "",
    ca_file: Annotated[
        Path | None, typer.Option(help="Certificates of your own authority (PEM).")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Sign this agent in to a hub. Somebody says yes in a browser, here or elsewhere.

    Examples:

        orca-agent team login https://hub.example.org

        orca-agent team login https://hub.example.org --device
    """
    asked = {
        "url": url,
        "how": "device" if device else "browser",
        "machine_name": name,
        "ca_file": str(ca_file.expanduser().absolute()) if ca_file else None,
    }
    found = _signed_in(asked, data_dir)
    if as_json:
        echo_json(found)
    if found["state"] != "on":
        raise fail(str(found["problem"] or "This computer was not let in."))
    if not as_json:
        _report(found)


@app.command()
def status(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show the hub that this agent belongs to, what it offers and what it allows.

    Example:

        orca-agent team status --json
    """
    with local_agent(data_dir) as agent:
        found = agent.json("POST", f"{PATH}/look", timeout=60.0)
    if as_json:
        echo_json(found)
    else:
        _report(found)


@app.command()
def logout(*, data_dir: DataDir = None) -> None:
    """Leave the hub. What is on this computer stays here."""
    with local_agent(data_dir) as agent:
        agent.call("POST", f"{PATH}/logout")
    note("This agent belongs to no hub.")


def _signed_in(asked: Json, data_dir: DataDir) -> Json:
    """How it stands when somebody has answered. Ctrl-C gives it up."""
    with local_agent(data_dir) as agent:
        begun = agent.json("POST", f"{PATH}/login", json=asked, timeout=30.0)
        _tell(begun["login"] or {}, is_here=asked["how"] == "browser")
        try:
            return _awaited(agent)
        except KeyboardInterrupt:
            agent.call("POST", f"{PATH}/logout")
            raise


def _tell(shown: Json, *, is_here: bool) -> None:
    """On stderr, so that a program that reads the answer has that alone."""
    if is_here and show(str(shown["address"])):
        typer.echo("Say yes in the browser. If none has opened, open this address:", err=True)
    else:
        typer.echo("Open this address, and say yes there:", err=True)
    typer.echo(clean(f"    {shown['address']}"), err=True)
    if shown["user_code"]:
        typer.echo(clean(f"The code there is {shown['user_code']}."), err=True)


def _awaited(agent: "Agent") -> Json:
    """How it stands when somebody has answered, or nobody in time."""
    while True:
        found: Json = agent.json("GET", PATH)
        if found["state"] == "on":
            return agent.json("POST", f"{PATH}/look", timeout=60.0)
        if found["state"] != "waiting":
            return found
        time.sleep(LOOK_S)


def _report(found: Json) -> None:
    if found["state"] == "off":
        typer.echo("This agent belongs to no hub.")
        return
    how = {"on": "", "waiting": ", nobody has said yes yet", "ended": ", but was thrown out"}
    typer.echo(clean(f"{found['url']}{how[found['state']]}"))
    if machine := found["machine"]:
        typer.echo(clean(hint(f"  as {found['account']}, on the machine {machine['name']}")))
    for line in _offers(found):
        typer.echo(clean(hint(f"  {line}")))
    if found["problem"]:
        typer.echo(clean(hint(f"  {found['problem']}")))


def _offers(found: Json) -> list[str]:
    told = []
    if names := [str(one["name"]) for one in found["models"]]:
        told.append(f"models: {', '.join(names)}")
    if policy := found["policy"]:
        told.append("text may leave for a cloud" if policy["cloud"] else "no text leaves the house")
    if found["key_place"]:
        told.append(f"tokens: {found['key_place']}")
    return told
