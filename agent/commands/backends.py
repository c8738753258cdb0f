"""orca-agent backends"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from agent.terminal import AsJson, DataDir, clean, fail, hint, note

if TYPE_CHECKING:
    from agent.client.sync import Agent

app = typer.Typer(
    help="The model servers that answer: this computer, others in the network, a cloud.",
    no_args_is_help=True,
)
Json = Mapping[str, Any]  # Any: JSON values
PATIENCE_S = 30.0
MODELS_SHOWN = 20
Patience = Annotated[
    float | None,
    typer.Option(min=0.01, max=86_400, help="Patience with it, in place of the agent's own."),
]
Which = Annotated[str, typer.Argument(metavar="NAME|ID", help="Which one.")]


@app.command("list")
def list_(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the model servers and how they are. Keys are never shown.

    Example:

        orca-agent backends list --json
    """
    with _agent(data_dir) as agent:
        found = list(agent.items("/backends"))
    if as_json:
        _print(found)
        return
    width = max(len(one["name"]) for one in found)
    for one in found:
        typer.echo(clean(f"{one['name']:<{width}}  {_summary(one)}"))
        for text in _remarks(one):
            typer.echo(clean(hint(f"{'':<{width}}  {text}")))


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Small letters, digits and dashes.")],
    url: Annotated[str, typer.Argument(help="Its address.")],
    *,
    provider: Annotated[
        Literal["ollama", "openai"],
        typer.Option(help="Ollama's own API, or OpenAI's, which many servers speak."),
    ] = "ollama",
    key_stdin: Annotated[
        bool, typer.Option("--key-stdin", help="Read its key from standard input.")
    ] = False,
    key_env: Annotated[
        str | None, typer.Option(help="Name of the environment variable that holds its key.")
    ] = None,
    ask_key: Annotated[bool, typer.Option("--ask-key", help="Ask for its key, unseen.")] = False,
    organisation: Annotated[str, typer.Option(help="Organisation, as OpenAI has it.")] = "",
    ca_file: Annotated[
        Path | None, typer.Option(help="Certificates of your own authority (PEM).")
    ] = None,
    text: Annotated[int, typer.Option(min=1, max=256, help="Answers at the same time.")] = 4,
    vision: Annotated[
        int, typer.Option(min=1, max=256, help="Answers about pictures at the same time.")
    ] = 1,
    connect_seconds: Patience = None,
    first_token_seconds: Patience = None,
    stall_seconds: Patience = None,
    sees: Annotated[
        list[str] | None, typer.Option(help="Pattern of models with vision, such as 'gpt-4o*'.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Add it even if it does not answer now.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Add a model server, after having tried it. A key never stands on the command line.

    Examples:

        orca-agent backends add big http://10.60.4.77:11434

        orca-agent backends add openai https://api.openai.com --provider openai --ask-key

        orca-agent backends add vllm http://10.60.4.78:8000 --provider openai --key-env VLLM_KEY
    """
    asked = {
        "name": name,
        "url": url,
        "provider": provider,
        "key": _key(name, key_env, from_stdin=key_stdin, ask=ask_key),
        "organisation": organisation,
        "ca_file": str(ca_file.expanduser().absolute()) if ca_file else None,
        "limits": {"text": text, "vision": vision},
        "connect_seconds": connect_seconds,
        "first_token_seconds": first_token_seconds,
        "stall_seconds": stall_seconds,
        "sees": sees or [],
        "force": force,
    }
    with _agent(data_dir) as agent:
        made = _added(agent, asked)
    if as_json:
        _print(made)
        return
    typer.echo(clean(f"{made['name']}  {_summary(made)}"))
    for line in _remarks(made):
        typer.echo(clean(hint(line)))


@app.command("test")
def try_(which: Which, *, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Ask a model server now: whether it answers, and which models it has.

    Example:

        orca-agent backends test big
    """
    with _agent(data_dir) as agent:
        path = f"/backends/{_id(agent, which)}/test"
        found = agent.json("POST", path, timeout=PATIENCE_S)
    if as_json:
        _print(found)
    else:
        typer.echo(clean(f"{found['name']}  {_summary(found)}"))
        for line in [*_remarks(found), *_models(found["models"])]:
            typer.echo(clean(hint(line)))
    if found["state"] != "up":
        raise typer.Exit(1)


@app.command()
def remove(
    which: Which,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Remove a model server and its key. What it answers now goes on to its end."""
    with _agent(data_dir) as agent:
        found = _id(agent, which)
        question = f"Remove {clean(which)}, and its key if it has one?"
        if not yes and sys.stdin.isatty() and not typer.confirm(question, err=True):
            raise typer.Exit(1)
        agent.call("DELETE", f"/backends/{found}")
    note(f"{which} is removed.")


def _added(agent: "Agent", asked: Json) -> Json:
    from agent.client.problems import ClientProblem  # slow import

    try:
        return agent.json("POST", "/backends", json=asked, timeout=PATIENCE_S)
    except ClientProblem as err:
        if err.status in {503, 504} and not asked["force"]:
            raise fail(f"{err.detail} With --force it is added all the same.") from None
        raise


def _key(name: str, variable: str | None, *, from_stdin: bool, ask: bool) -> str:
    if (variable is not None) + from_stdin + ask > 1:
        raise fail("Say where the key is once: --key-stdin, --key-env or --ask-key.", 2)
    if from_stdin:
        return sys.stdin.readline().strip()
    if variable is not None:
        if not (key := os.environ.get(variable, "").strip()):
            raise fail(f"The environment has no {variable}, or it is empty.", 2)
        return key
    if ask:
        asked: str = typer.prompt(f"Key of {name}", hide_input=True, err=True)
        return asked.strip()
    return ""


def _summary(one: Json) -> str:
    models = one["models_count"]
    parts = [
        str(one["state"]),
        f"{one['provider']} {one['version'] or ''}".strip(),
        str(one["url"]),
        f"{models} model{'' if models == 1 else 's'}",
    ]
    return ", ".join(parts)


def _remarks(one: Json) -> list[str]:
    told = [str(one["detail"])] if one["detail"] else []
    told += [f"Warning: {one['warning']}"] if one["warning"] else []
    told += [f"Key: {one['key_place']}"] if one["has_key"] else []
    if one["breaker"] != "closed":
        told.append("It failed several times in a row, and is left alone for a while.")
    return told


def _models(models: list[Json]) -> list[str]:
    told = []
    for model in models[:MODELS_SHOWN]:
        context = f", context {model['context_length']}" if model["context_length"] else ""
        told.append(f"  {model['name']}: {', '.join(model['capabilities']) or 'unknown'}{context}")
    rest = len(models) - MODELS_SHOWN
    return [*told, f"  and {rest} more (--json has them all)"] if rest > 0 else told


def _id(agent: "Agent", which: str) -> str:
    for one in agent.items("/backends"):
        if which in {one["id"], one["name"]}:
            return str(one["id"])
    raise fail(f"There is no backend called {which}. `orca-agent backends list` has them all.")


def _print(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _agent(data_dir: DataDir) -> "Agent":
    from agent.client.sync import Agent  # slow import

    return Agent.local(data_dir)
