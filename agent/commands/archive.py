"""orca-agent export, orca-agent import"""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import typer

from agent.shared.command_line import echo_data
from agent.terminal import DataDir, fail

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from agent.client.sync import Agent


class Bar(Protocol):
    """How far it is."""

    def update(self, n_steps: int) -> None: ...


STREAM = Path("-")
FORMAT = "orca-agents.conversation"
PATH, AS_JSON = "/conversations/import", {"Content-Type": "application/json"}
NO_EXPORT = "This is no export of Orca Agents."
TOGETHER, LETTERS_TOGETHER = 25, 4_000_000  # conversations in one request, and what is in these


def export(
    file: Annotated[Path, typer.Argument(help="Where to; - is the terminal.")] = STREAM,
    *,
    conversation: Annotated[
        str | None, typer.Option("--conversation", "-c", help="One by its id.", show_default="all")
    ] = None,
    format_: Annotated[
        Literal["json", "md"],
        typer.Option("--format", help="json can be imported again.", show_default="by FILE"),
    ] = "json",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Write conversations to a file.

    Examples:

        orca-agent export backup.json

        orca-agent export - -c 0197... --format md
    """
    from agent.client.sync import Agent  # slow import

    if file.name.endswith(".md"):
        format_ = "md"
    if file != STREAM and file.exists() and not force:
        raise fail(f"{file} exists already. --force replaces it.", 2)
    with Agent.local(data_dir) as agent:
        if conversation:
            with _progress("Exporting", 1) as bar:
                text, count = _one(agent, conversation, format_, bar), 1
        else:
            ids = [
                str(one["id"])
                for archived in ("false", "true")
                for one in agent.items("/conversations", archived=archived, limit=100)
            ]
            with _progress("Exporting", len(ids)) as bar:
                texts = [_one(agent, one, format_, bar) for one in ids]
            text, count = _all(texts, format_), len(ids)
    if file == STREAM:
        echo_data(text)
        return
    _write(file, text + "\n")
    typer.echo(f"{count} conversations are in {file}.", err=True)


def import_(
    file: Annotated[Path, typer.Argument(help="A file of `orca-agent export`; - is stdin.")],
    *,
    data_dir: DataDir = None,
) -> None:
    """Read conversations from a file. What is here already is not doubled.

    Example:

        orca-agent import backup.json
    """
    from agent.client.sync import Agent  # slow import

    document = _read(file)
    parts = document.pop("conversations", None)
    if not isinstance(parts, list):  # one alone
        parts, document = [document], {}
    if parts and not (isinstance(parts[0], dict) and parts[0].get("format") == FORMAT):
        raise fail(NO_EXPORT)
    total = dict.fromkeys(("created", "updated", "unchanged", "messages_added"), 0)
    with Agent.local(data_dir) as agent, _progress("Importing", len(parts)) as bar:
        for group in _groups(parts):
            # Half a character, which no text can hold, goes as its escape: the agent refuses it.
            body = json.dumps({**document, "conversations": group})
            answer = agent.json("POST", PATH, content=body, headers=AS_JSON, timeout=120)
            for name in total:
                total[name] += int(answer.get(name, 0))
            bar.update(len(group))
    typer.echo(
        f"{total['created']} new, {total['updated']} updated, {total['unchanged']} unchanged; "
        f"{total['messages_added']} messages added."
    )


def _groups(parts: Sequence[Any]) -> Iterator[list[Any]]:  # Any: JSON values
    """Several at a time, so that a whole history is never one request, nor ten thousand."""
    group: list[Any] = []
    letters = 0
    for part in parts:
        size = len(json.dumps(part))
        if group and (len(group) == TOGETHER or letters + size > LETTERS_TOGETHER):
            yield group
            group, letters = [], 0
        group.append(part)
        letters += size
    if group:
        yield group


def _progress(label: str, count: int) -> "AbstractContextManager[Bar]":
    """A bar on stderr, where a person watches and it takes a moment."""
    is_seen = sys.stderr.isatty() and count > TOGETHER
    return typer.progressbar(length=count, label=label, file=sys.stderr, hidden=not is_seen)


def _one(agent: "Agent", conversation: str, format_: str, bar: "Bar") -> str:
    path = f"/conversations/{conversation}/export"
    text = agent.call("GET", path, params={"format": format_}, timeout=120).text.rstrip("\n")
    bar.update(1)
    return text


def _all(texts: list[str], format_: str) -> str:
    if format_ == "md":
        return "\n\n---\n\n".join(texts)
    documents: list[Mapping[str, Any]] = [json.loads(text) for text in texts]  # Any: JSON values
    return json.dumps({"conversations": documents}, ensure_ascii=False, indent=2)


def _write(file: Path, text: str) -> None:
    """As one step, for the owner alone: conversations are private."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
        draft.replace(file)
    except OSError as err:
        raise fail(f"{file} cannot be written: {err.strerror}.") from None


def _read(file: Path) -> dict[str, Any]:  # Any: JSON values
    try:
        document = json.loads(sys.stdin.buffer.read() if file == STREAM else file.read_bytes())
    except OSError as err:
        raise fail(f"{file} cannot be read: {err.strerror}.") from None
    except ValueError:
        raise fail(NO_EXPORT) from None
    if not isinstance(document, dict):
        raise fail(NO_EXPORT)
    return document
