"""orca-agent printers"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agent.commands.added import Added, Force, Json, Which, Yes, given_key
from agent.commands.local import local_agent
from agent.shared.command_line import CommandLine
from agent.terminal import AsJson, DataDir, clean, echo_json, hint, note

app = CommandLine(help="The printers that files are sent to.", no_args_is_help=True)
PRINTERS = Added("/printers", "printer", patience_s=60.0)
KeyStdin = Annotated[
    bool, typer.Option("--key-stdin", help="Read its key or password from standard input.")
]
KeyEnv = Annotated[
    str | None, typer.Option(help="Name of the environment variable that holds its key.")
]
AskKey = Annotated[bool, typer.Option("--ask-key", help="Ask for its key or password, unseen.")]


@app.command("list")
def list_(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the printers. Keys are never shown, and no printer is asked.

    Example:

        orca-agent printers list --json
    """
    with local_agent(data_dir) as agent:
        found = list(agent.items("/printers"))
    if as_json:
        echo_json(found)
        return
    if not found:
        note("There is no printer yet. `orca-agent printers add` adds one.")
    width = max((len(one["name"]) for one in found), default=0)
    for one in found:
        typer.echo(clean(f"{one['name']:<{width}}  {_summary(one)}"))


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Small letters, digits and dashes.")],
    url: Annotated[str, typer.Argument(help="Its address.")],
    *,
    kind: Annotated[
        Literal["octoprint", "moonraker", "prusalink"],
        typer.Option(help="The program that answers there. Klipper's is Moonraker."),
    ],
    key_stdin: KeyStdin = False,
    key_env: KeyEnv = None,
    ask_key: AskKey = False,
    user: Annotated[str, typer.Option(help="PrusaLink with a password: the user.")] = "",
    hold: Annotated[
        Literal["always", "blocking", "never"],
        typer.Option(help="Files that wait for a click: all, those that would fail, none."),
    ] = "blocking",
    storage: Annotated[str, typer.Option(help="PrusaLink: where files go, such as usb.")] = "",
    camera_url: Annotated[
        str, typer.Option(help="Of single pictures, if the printer names the wrong one.")
    ] = "",
    ca_file: Annotated[
        Path | None, typer.Option(help="Certificates of your own authority (PEM).")
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Add a printer, after having tried it. A key never stands on the command line.

    Examples:

        orca-agent printers add mk4 http://192.168.1.20 --kind prusalink --user maker --ask-key

        orca-agent printers add voron voron.local:7125 --kind moonraker

        orca-agent printers add ender octopi.local --kind octoprint --key-env OCTOPRINT_KEY
    """
    asked = {
        "name": name,
        "url": url,
        "kind": kind,
        "key": given_key(name, key_env, from_stdin=key_stdin, ask=ask_key),
        "user": user,
        "hold": hold,
        "storage": storage,
        "camera_url": camera_url,
        "ca_file": str(ca_file.expanduser().absolute()) if ca_file else None,
        "force": force,
    }
    with local_agent(data_dir) as agent:
        made = PRINTERS.add(agent, asked)
    if as_json:
        echo_json(made)
        return
    typer.echo(clean(f"{made['name']}  {_summary(made)}"))
    if made["has_key"]:
        typer.echo(clean(hint(f"Key: {made['key_place']}")))
    typer.echo(clean(hint(f"In OrcaSlicer its host ends with {made['print_host']}.")))


@app.command()
def key(
    which: Which,
    *,
    key_stdin: KeyStdin = False,
    key_env: KeyEnv = None,
    ask_key: AskKey = False,
    data_dir: DataDir = None,
) -> None:
    """Give a printer another key or password. Nothing given: it has none any more.

    Example:

        orca-agent printers key mk4 --ask-key
    """
    given = given_key(which, key_env, from_stdin=key_stdin, ask=ask_key)
    with local_agent(data_dir) as agent:
        changed = agent.json("PATCH", PRINTERS.path_of(agent, which), json={"key": given})
    note(f"{which} has {'another' if given else 'no'} key now.")
    if changed["has_key"]:
        typer.echo(clean(hint(f"Key: {changed['key_place']}")))


@app.command("test")
def try_(which: Which, *, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Ask a printer now: which program answers, and what it does.

    Example:

        orca-agent printers test mk4
    """
    with local_agent(data_dir) as agent:
        found = PRINTERS.test(agent, which)
    if as_json:
        echo_json(found)
        return
    typer.echo(clean(f"{which}  {found['program']}, {found['state']}"))
    for line in _remarks(found):
        typer.echo(clean(hint(line)))


@app.command()
def remove(
    which: Which,
    *,
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Remove a printer and its key. What it prints it goes on printing."""
    with local_agent(data_dir) as agent:
        PRINTERS.remove(agent, which, yes=yes)


def _summary(one: Json) -> str:
    holds = {
        "always": "every file waits for a click",
        "blocking": "files that would fail wait for a click",
        "never": "no file waits",
    }
    return f"{one['kind']}, {one['url']}, {holds[one['hold']]}"


def _remarks(found: Json) -> list[str]:
    told = [str(found["detail"])] if found["detail"] else []
    if found["file"] and found["progress"] is not None:
        told.append(f"{found['file']}: {found['progress']:.0%}")
    heat = [
        f"{one['name']} {one['actual']:.0f} °C"
        + (f" of {one['target']:.0f}" if one["target"] else "")
        for one in found["temperatures"]
    ]
    return [*told, ", ".join(heat)] if heat else told
