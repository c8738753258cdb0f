"""orca-agent token"""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from agent.commands.local import local_agent
from agent.runfile import read_token
from agent.shared.command_line import CommandLine
from agent.shared.folders import data_dir as data_dir_in_force
from agent.terminal import AsJson, DataDir, clean, echo_json, fail, hint, local_time

app = CommandLine(
    help="Who may use the agent: the main token, tokens of programs, pages that ask to come in.",
    no_args_is_help=True,
)


@app.command()
def show(*, data_dir: DataDir = None) -> None:
    """Print the main token, which may do everything.

    Example:

        curl -H "Authorization: Bearer $(orca-agent token show)" http://127.0.0.1:14434/api/v1/models
    """
    folder = data_dir_in_force(data_dir)
    if (token := read_token(folder)) is None:
        raise fail(f"There is no token in {folder}: the agent makes it when it first starts.")
    typer.echo(token)


@app.command()
def rotate(
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Replace the main token. Programs that kept the old one are locked out."""
    question = "Programs that kept the main token are locked out. Replace it?"
    if not yes and sys.stdin.isatty() and not typer.confirm(question, err=True):
        raise typer.Exit(1)
    with local_agent(data_dir) as agent:
        agent.call("POST", "/tokens/rotate")
    typer.echo(hint("The main token is new. `orca-agent token show` prints it."), err=True)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    *,
    scopes: Annotated[
        str,
        typer.Option(help="What it may do, with commas: chat,models,slicer,printhost,admin."),
    ] = "chat",
    data_dir: DataDir = None,
) -> None:
    """Make a token for a program. It is printed once and never again.

    Examples:

        orca-agent token new notebook --scopes chat,models

        orca-agent token new voron --scopes printhost
    """
    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    with local_agent(data_dir) as agent:
        if any(one["name"] == name and one["kind"] == "token" for one in agent.items("/tokens")):
            raise fail(f"There is a token called {name} already: revoke it, or choose a new name.")
        made = agent.json("POST", "/tokens", json={"name": name, "scopes": wanted})
    typer.echo(made["token"])


@app.command("list")
def list_(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the tokens, without their secrets."""
    with local_agent(data_dir) as agent:
        found = list(agent.items("/tokens"))
    if as_json:
        echo_json(found)
        return
    if not found:
        none = "There is none. `orca-agent token new NAME` makes one for a program."
        typer.echo(hint(none), err=True)
        return
    for one in found:
        typer.echo(clean(_row(one)))


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(metavar="NAME|ID", help="Which one.")],
    *,
    data_dir: DataDir = None,
) -> None:
    """End a token: from now on it opens nothing."""
    with local_agent(data_dir) as agent:
        found = [one for one in agent.items("/tokens") if token in {one["id"], one["name"]}]
        if len(found) != 1:
            how_many = "no token" if not found else "more than one token"
            raise fail(f"There is {how_many} called {token}. `orca-agent token list` has the ids.")
        agent.call("DELETE", f"/tokens/{found[0]['id']}")
    typer.echo(f"{token} is revoked.", err=True)


@app.command()
def pair(
    code: Annotated[str, typer.Argument(help="The six digits that the page shows.")],
    *,
    name: Annotated[
        str | None, typer.Option("--name", help="Which page, if several are asking.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Let in a page that shows a code, such as OrcaSlicer's Device tab.

    Example:

        orca-agent token pair 123456
    """
    with local_agent(data_dir) as agent:
        asking = [one for one in agent.items("/pairing") if name in {None, one["name"]}]
        if not asking:
            raise fail("No page is asking to come in. A code lives for two minutes.")
        one: dict[str, Any] = asking[0] if len(asking) == 1 else _chosen(asking)
        agent.call("POST", f"/pairing/{one['id']}/confirm", json={"code": code.replace(" ", "")})
    typer.echo(clean(f"{one['name']} is in."), err=True)


def _row(one: Mapping[str, Any]) -> str:  # Any: JSON values
    kind = "page" if one["kind"] == "session" else "program"
    used = local_time(one["last_used_at"]) if one.get("last_used_at") else "never"
    return f"{one['id']}  {kind:<7}  used {used:<16}  {one['name']}: {','.join(one['scopes'])}"


def _chosen(asking: list[dict[str, Any]]) -> dict[str, Any]:  # Any: JSON values
    # Trying the code on each would use up the few wrong guesses that the others have.
    typer.echo("Several pages are asking:", err=True)
    for number, one in enumerate(asking, 1):
        since = local_time(one["created_at"], "%H:%M:%S")
        typer.echo(clean(f"  {number}  {one['name']}, since {since}"), err=True)
    which: int = typer.prompt("Which one?", type=int, err=True)
    if not 1 <= which <= len(asking):
        raise fail("There is no such page.", 2)
    return asking[which - 1]
