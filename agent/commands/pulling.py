"""orca-agent models pull"""

import json
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.shared.command_line import echo_data
from agent.terminal import DataDir, clean, console, fail, hint, size

if TYPE_CHECKING:
    from agent.client.sync import Agent
    from agent.shared.wire import ServerSentEvent

Json = Mapping[str, Any]  # Any: JSON values
Shown = Callable[[Iterable["ServerSentEvent"]], Iterator["ServerSentEvent"]]
CANCELLED = 130
STEP_PERCENT = 10


def pull(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="Such as qwen3:4b.")],
    *,
    backend: Annotated[
        str | None,
        typer.Option(help="On which model server. Else the first Ollama that answers."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the events as lines of JSON, for programs.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Download a model, or the rest of it.

    Ctrl-C stops the download. What is there already is kept, and the next pull goes on from there.
    While a model is being downloaded, others who ask for it watch the same download.

    Examples:

        orca-agent models pull qwen3:4b

        orca-agent models pull hf.co/unsloth/Qwen3-4B-GGUF:Q4_K_M --backend workshop
    """
    from agent.client.sync import Agent  # slow import

    asked = {"model": name, **({"backend": backend} if backend else {})}
    with Agent.local(data_dir) as agent:
        run_id = str(agent.json("POST", "/models/pull", json=asked)["id"])
        try:
            last = _followed(agent, run_id, name, as_json=as_json)
        except KeyboardInterrupt:
            agent.cancel(run_id)
            typer.echo(clean(hint(_resumable(name, "Stopped."))), err=True)
            raise typer.Exit(CANCELLED) from None
    _tell_end(name, last, as_json=as_json)


def _tell_end(name: str, last: "ServerSentEvent", *, as_json: bool) -> None:
    if last.name == "done":
        if not as_json:
            typer.echo(clean(f"{name} is there."))
    elif last.name == "error":
        problem: Json = last.data["problem"]  # type: ignore[assignment] # JSON
        raise fail(str(problem["detail"]))
    else:
        raise fail(_resumable(name, f"The download was {last.name}."))


def _followed(agent: "Agent", run_id: str, name: str, *, as_json: bool) -> "ServerSentEvent":
    """Shows the events of a download; answers the last one."""
    with _display(name, as_json=as_json) as shown:
        last = deque(shown(agent.events(run_id)), maxlen=1)
    if not last:
        raise fail("The agent ended before the download did.")
    return last[0]


def _resumable(name: str, what: str) -> str:
    return f"{what} `orca-agent models pull {name}` goes on from there."


@contextmanager
def _display(name: str, *, as_json: bool) -> Iterator[Shown]:
    """Gives what shows events as they pass through it."""
    if as_json:
        yield _as_lines
    elif sys.stderr.isatty():
        with _bar(name) as shown:
            yield shown
    else:
        yield _in_steps


def _as_lines(events: Iterable["ServerSentEvent"]) -> Iterator["ServerSentEvent"]:
    for event in events:
        echo_data(json.dumps({"event": event.name, "data": event.data}, ensure_ascii=False))
        yield event


def _in_steps(events: Iterable["ServerSentEvent"]) -> Iterator["ServerSentEvent"]:
    """A line for each tenth, for logs."""
    told = -STEP_PERCENT
    for event in events:
        if event.name == "progress" and (percent := _percent(event.data)) >= told + STEP_PERCENT:
            told = percent - percent % STEP_PERCENT
            total = size(float(event.data["total"]))  # type: ignore[arg-type] # JSON
            typer.echo(f"{told} % of {total}", err=True)
        yield event


def _percent(data: Json) -> int:
    return int(100 * data["completed"] / data["total"]) if data["total"] else -STEP_PERCENT


@contextmanager
def _bar(name: str) -> Iterator[Shown]:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn  # slow import

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        console=console(err=True),
        transient=True,
    ) as bar:
        task = bar.add_task(clean(name), total=None, rate="")

        def shown(events: Iterable["ServerSentEvent"]) -> Iterator["ServerSentEvent"]:
            for event in events:
                if event.name == "progress":
                    data: Json = event.data
                    total = data["total"] or None
                    bar.update(task, total=total, completed=data["completed"], rate=rate(data))
                yield event

        yield shown


def rate(data: Json) -> str:
    """`12.3 MB/s, 2:05 left`; what else it does while nothing is fetched."""
    speed, left = data.get("bytes_per_second"), data.get("seconds_left")
    if speed is None:
        return clean(str(data["status"])) if data["status"] != "downloading" else ""
    parts = [f"{size(speed)}/s"]
    if left is not None and left < 100 * 3600:
        hours, minutes = divmod(left // 60, 60)
        clock = f"{hours}:{minutes:02}:{left % 60:02}" if hours else f"{minutes}:{left % 60:02}"
        parts.append(f"{clock} left")
    return ", ".join(parts)
