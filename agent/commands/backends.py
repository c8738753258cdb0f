"""orca-agent backends"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from agent.commands.added import Added, Force, Json, Which, Yes, given_key
from agent.commands.local import local_agent
from agent.shared.command_line import CommandLine
from agent.terminal import AsJson, DataDir, clean, echo_json, hint

app = CommandLine(
    help="The model servers that answer: this computer, others in the network, a cloud.",
    no_args_is_help=True,
)
BACKENDS = Added("/backends", "backend", patience_s=30.0)
MODELS_SHOWN = 20
OF_THE_TEAM = "The hub of your team, whose rules hold there: `orca-agent team status`."
Patience = Annotated[
    float | None,
    typer.Option(min=0.01, max=86_400, help="Patience with it, in place of the agent's own."),
]


@app.command("list")
def list_(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the model servers and how they are. Keys are never shown.

    Example:

        orca-agent backends list --json
    """
    with local_agent(data_dir) as agent:
        found = list(agent.items("/backends"))
    if as_json:
        echo_json(found)
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
    force: Force = False,
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
        "key": given_key(name, key_env, from_stdin=key_stdin, ask=ask_key),
        "organisation": organisation,
        "ca_file": str(ca_file.expanduser().absolute()) if ca_file else None,
        "limits": {"text": text, "vision": vision},
        "connect_seconds": connect_seconds,
        "first_token_seconds": first_token_seconds,
        "stall_seconds": stall_seconds,
        "sees": sees or [],
        "force": force,
    }
    with local_agent(data_dir) as agent:
        made = BACKENDS.add(agent, asked)
    if as_json:
        echo_json(made)
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
    with local_agent(data_dir) as agent:
        found = BACKENDS.test(agent, which)
    if as_json:
        echo_json(found)
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
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Remove a model server and its key. What it answers now goes on to its end."""
    with local_agent(data_dir) as agent:
        BACKENDS.remove(agent, which, yes=yes)


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
    told = [OF_THE_TEAM] if one["source"] == "team" else []
    told += [str(one["detail"])] if one["detail"] else []
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
