"""orca-agent logs"""

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, TextIO

import typer

from agent.shared.command_line import echo_data
from agent.shared.folders import data_dir as data_dir_in_force
from agent.terminal import AsJson, DataDir, clean, fail

FILE = Path("logs", "agent.log")
POLL_S = 0.25
COLOURS = {"warning": "yellow", "error": "red", "critical": "red", "debug": "bright_black"}
KNOWN = ("timestamp", "level", "logger", "event", "exception")


class Level(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


LEVELS = list(Level)


def logs(
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as more comes.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many of the last.")] = 50,
    level: Annotated[Level, typer.Option(help="The least that is shown.")] = Level.DEBUG,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Print what the agent wrote down. Works also while no agent runs.

    Examples:

        orca-agent logs -n 200

        orca-agent logs -f

        orca-agent logs --level warning
    """
    file = data_dir_in_force(data_dir) / FILE
    try:
        wanted, show = partial(is_at_least, level), echo_data if as_json else _show
        for line in told(file, lines, follow=follow, is_wanted=wanted):
            show(line)
    except FileNotFoundError:
        raise fail(
            f"There is no log at {file} yet: the agent never ran with this folder."
        ) from None
    except OSError as err:
        raise fail(f"The log {file} cannot be read: {err.strerror}.") from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _show(line: str) -> None:
    typer.echo(readable(line))


def readable(line: str) -> str:
    """One line of the file for people. What is no JSON is left as it is."""
    try:
        said = json.loads(line)
    except ValueError:
        return clean(line)
    if not isinstance(said, dict):
        return clean(line)
    level = str(said.get("level", "info"))
    extra = "".join(f" {k}={v}" for k, v in said.items() if k not in KNOWN)
    text = f"{str(said.get('timestamp', ''))[:19].replace('T', ' ')} {level:<8}"
    text = clean(f"{text}{said.get('event', '')}{extra}")
    for trace in str(said.get("exception", "")).splitlines():
        text += f"\n    {clean(trace)}"
    return typer.style(text, fg=COLOURS[level]) if level in COLOURS else text


def is_at_least(level: Level, line: str) -> bool:
    """Whether a line of the file is of this level or above. What is no JSON always is."""
    try:
        said = json.loads(line)["level"]
    except (ValueError, TypeError, KeyError):
        return True
    return said not in LEVELS or LEVELS.index(said) >= LEVELS.index(level)


def told(
    file: Path, count: int, *, follow: bool, is_wanted: Callable[[str], bool] = lambda _: True
) -> Iterator[str]:
    """The last lines; then those that are written, across the change to a new or emptied file.

    Raises OSError."""
    text = _open(file)
    try:
        yield from deque(filter(is_wanted, _whole_lines(text)), maxlen=count)
        while follow:
            yield from filter(is_wanted, _whole_lines(text))
            if _was_replaced(file, text):
                yield from filter(is_wanted, _whole_lines(text))
                text.close()
                text = _open(file)
            time.sleep(POLL_S)
    finally:
        text.close()


def _open(file: Path) -> TextIO:
    return file.open(encoding="utf-8", errors="replace")


def _whole_lines(text: TextIO) -> Iterator[str]:
    while True:
        start = text.tell()
        line = text.readline()
        if not line.endswith("\n"):
            text.seek(start)  # half a line: the rest is on its way
            return
        yield line.rstrip("\n")


def _was_replaced(file: Path, text: TextIO) -> bool:
    try:
        there, here = file.stat(), os.fstat(text.fileno())
    except FileNotFoundError:
        return False
    is_another = (there.st_ino, there.st_dev) != (here.st_ino, here.st_dev)
    return is_another or there.st_size < text.tell()
