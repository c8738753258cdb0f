"""orca-agent models"""

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer

from agent.client.problems import ClientProblem
from agent.commands import pulling, recommending
from agent.commands.local import local_agent
from agent.shared.command_line import CommandLine
from agent.terminal import AsJson, DataDir, clean, echo_json, fail, hint, local_time, note, size

app = CommandLine(
    help="The models: which are there, which suit this computer, get one, delete one.",
    no_args_is_help=True,
)
app.command("pull")(pulling.pull)
app.command("recommend")(recommending.recommend)

Json = Mapping[str, Any]  # Any: JSON values
LOADING_S = 900.0
DELETING_S = 90.0
Name = Annotated[str, typer.Argument(metavar="MODEL", help="Its name, such as qwen3:4b.")]
OfBackend = Annotated[
    str | None,
    typer.Option("--backend", help="On which model server, where several have it."),
]


@app.command("list")
def list_(*, backend: OfBackend = None, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the installed models, with what they can do and until when they are in memory.

    Examples:

        orca-agent models list

        orca-agent models list --json | jq '.[].name'
    """
    with local_agent(data_dir) as agent:
        found = [one for one in agent.items("/models") if backend in {None, one["backend"]}]
    if as_json:
        echo_json(found)
    elif not found:
        none = "There is none. `orca-agent models recommend` says which suit this computer."
        typer.echo(hint(none), err=True)
    for line in [] if as_json else rows(found):
        typer.echo(clean(line))


@app.command()
def show(
    name: Name, *, backend: OfBackend = None, as_json: AsJson = False, data_dir: DataDir = None
) -> None:
    """Say what is known of one model."""
    with local_agent(data_dir) as agent:
        one = agent.json("GET", _path(name), params=_query(backend=backend))
    if as_json:
        echo_json(one)
        return
    for title, text in facts(one):
        typer.echo(clean(f"{title:<12} {text}"))


@app.command()
def load(
    name: Name,
    *,
    keep_alive: Annotated[
        str | None, typer.Option(help="How long it stays after its last use: 10m, 1h, -1.")
    ] = None,
    backend: OfBackend = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Read a model into memory, so that the next answer begins at once.

    Example:

        orca-agent models load qwen3:4b --keep-alive 1h
    """
    asked = {"keep_alive": keep_alive} if keep_alive else {}
    with local_agent(data_dir) as agent:
        note(f"reading {name} into memory")
        path, query = _path(name, "load"), _query(backend=backend)
        one = agent.json("POST", path, params=query, json=asked, timeout=LOADING_S)
    if as_json:
        echo_json(one)
        return
    typer.echo(clean(f"{one['name']} is {_memory(one)}."))


@app.command()
def unload(
    name: Name, *, backend: OfBackend = None, as_json: AsJson = False, data_dir: DataDir = None
) -> None:
    """Take a model out of memory. What it is just answering, it answers to the end."""
    with local_agent(data_dir) as agent:
        query = _query(backend=backend)
        one = agent.json("POST", _path(name, "unload"), params=query, timeout=DELETING_S)
    if as_json:
        echo_json(one)
        return
    still = "still in memory, until its answers are written" if one["loaded"] else "out of memory"
    typer.echo(clean(f"{one['name']} is {still}."))


@app.command()
def rm(
    name: Name,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Delete it also while somebody uses it.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    backend: OfBackend = None,
    data_dir: DataDir = None,
) -> None:
    """Delete a model from the disk. To have it again, it is downloaded again.

    Example:

        orca-agent models rm qwen3:4b
    """
    with local_agent(data_dir) as agent:
        query = _query(backend=backend)
        one = agent.json("GET", _path(name), params=query)
        question = f"Delete {one['name']} ({size(one['size_bytes'])}) on {one['backend']}?"
        if not yes and not sys.stdin.isatty():
            raise fail(clean(f"{question} Nobody is here to ask: add `--yes`."), 2)
        if not yes and not typer.confirm(clean(question), err=True):
            raise typer.Exit(1)
        query = {"backend": one["backend"], **({"force": "true"} if force else {})}
        try:
            agent.call("DELETE", _path(name), params=query, timeout=DELETING_S)
        except ClientProblem as problem:
            if problem.code != "model-in-use":
                raise
            raise fail(str(problem).replace("force=true", "`--force`")) from None
    typer.echo(clean(f"{one['name']} is deleted on {one['backend']}."), err=True)


def rows(found: Sequence[Json]) -> list[str]:
    """The models as lines of columns; the server is named where there are several."""
    has_several = len({one["backend"] for one in found}) > 1
    cells = [
        [
            str(one["name"]),
            *([str(one["backend"])] if has_several else []),
            size(one["size_bytes"]) if one["size_bytes"] else "",
            str(one["parameter_size"]),
            ", ".join(one["capabilities"]),
            _memory(one) if one["loaded"] else "",
        ]
        for one in found
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def facts(one: Json) -> list[tuple[str, str]]:
    """One model as rows of a title and a text; what is unknown is left out."""
    told = [
        ("Model", str(one["name"])),
        ("Server", str(one["backend"])),
        ("Size", size(one["size_bytes"]) if one["size_bytes"] else ""),
        ("Family", " ".join(filter(None, (one["family"], one["parameter_size"])))),
        ("Quantised", str(one["quantization"])),
        ("Context", f"{one['context_length']:,} tokens" if one["context_length"] else ""),
        ("Can do", ", ".join(one["capabilities"])),
        ("Memory", _memory(one) if one["loaded"] else "not loaded"),
        ("Digest", str(one["digest"])[:12]),
    ]
    return [(title, text) for title, text in told if text]


def _memory(one: Json) -> str:
    """`in memory until 12:30 (2.8 GB)`."""
    until = str(one["expires_at"] or "")
    text = "in memory"
    if until and until < "2200":  # what stays for ever has a date that nobody will see
        text += f" until {local_time(until, '%H:%M')}"
    if not one["loaded_bytes"]:
        return text
    parts = [size(one["loaded_bytes"])]
    if one["vram_bytes"]:
        parts.append(f"{100 * one['vram_bytes'] // one['loaded_bytes']} % of it in the GPU")
    return f"{text} ({', '.join(parts)})"


def _path(name: str, verb: str = "") -> str:
    path = f"/models/{quote(name, safe='/:')}"
    return f"{path}/{verb}" if verb else path


def _query(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
