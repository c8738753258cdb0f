"""How the commands speak: to people on a terminal, to programs in a pipe."""

import os
import re
import shutil
import stat
import struct
import sys
import threading
import webbrowser
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agent.shared import colour
from agent.shared.command_line import clean as clean  # noqa: PLC0414 - commands find it here
from agent.shared.command_line import echo_json as echo_json  # noqa: PLC0414 - likewise
from agent.shared.folders import VARIABLE, default_data_dir

if TYPE_CHECKING:
    from rich.console import Console

_chosen: ContextVar[Path | None] = ContextVar("chosen", default=None)


def _remembered(folder: Path | None) -> Path | None:
    _chosen.set(folder)
    return folder


def name_in_hints(folder: Path) -> None:
    """Has every hint name this folder, also where the environment chose it: another terminal
    lacks that environment."""
    if folder != default_data_dir():
        _chosen.set(folder)


DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help=f"Folder of the agent's data (else {VARIABLE}).",
        show_default="of this user",
        callback=_remembered,
        rich_help_panel="Which agent",
    ),
]
COUNT = struct.Struct("i")
WITHOUT_AGENT = ("inspect", "post-process")  # which read files, and no data folder
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]


def program() -> str:
    """How this program is called from here: by its name where the shell finds it."""
    file = Path(sys.executable).with_name("orca-agent.exe" if os.name == "nt" else "orca-agent")
    if shutil.which("orca-agent") or not file.exists():
        return "orca-agent"
    here = Path.cwd()
    called = str(file.relative_to(here) if file.is_relative_to(here) else file)
    return f'"{called}"' if " " in called else called


def hint(text: str) -> str:
    """`text` with the commands in it as they are called from here, and for the same data folder."""
    if "`orca-agent " not in text:
        return text
    name, folder = program(), str(_chosen.get() or "")
    of = f' --data-dir "{folder}"' if " " in folder else f" --data-dir {folder}"

    def called(command: re.Match[str]) -> str:
        words = command[1]
        is_of_folder = folder and not words.startswith(WITHOUT_AGENT)
        return f"`{name} {words}{of if is_of_folder else ''}`"

    return re.sub(r"`orca-agent ([^`]+)`", called, text)


def waits_unread() -> bool:
    """Whether something is piped in already. Reads none of it, and waits for none."""
    try:
        descriptor = sys.stdin.fileno()
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode):
            return found.st_size > os.lseek(descriptor, 0, os.SEEK_CUR)
        if not stat.S_ISFIFO(found.st_mode) or sys.platform == "win32":
            return False
        import fcntl  # platform only
        import termios  # platform only

        waiting = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(COUNT.size))
        return bool(COUNT.unpack(waiting)[0])
    except (OSError, ValueError, AttributeError):  # there is no stdin, or none of the system's
        return False


def absent_default(model: str) -> str:
    """What is said where the settings name a model that is not there."""
    return (
        f"{model}, the default model of the settings, is not installed: "
        f"`orca-agent models pull {model}`"
    )


def note(text: str, *, end: str = "\n") -> None:
    """Dim, on stderr, and only where a person watches."""
    if sys.stderr.isatty():
        typer.secho(clean(text), err=True, dim=True, nl=False)
        sys.stderr.write(end)
        sys.stderr.flush()


def console(*, unwatched_width: int | None = None, err: bool = False) -> "Console":
    """For tables and bars. They are `unwatched_width` wide where nobody watches."""
    from rich.console import Console  # slow import

    colours: Literal["auto"] | None = "auto" if colour.is_wanted() else None
    made = Console(stderr=err, highlight=False, markup=False, color_system=colours)
    if unwatched_width and not made.is_terminal:
        made.width = unwatched_width
    return made


def fail(sentence: str, code: int = 1) -> typer.Exit:
    """Says why on stderr. `raise fail(...)` ends the command with the code."""
    typer.secho(clean(hint(sentence)), err=True)
    return typer.Exit(code)


def size(size_bytes: float) -> str:
    """`4.2 GB`: decimal units, as disks and models are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"


def local_time(moment: str, form: str = "%Y-%m-%d %H:%M") -> str:
    """A moment of the API on the clock of who reads it."""
    from agent.shared.clock import from_rfc3339  # slow import

    return from_rfc3339(moment).astimezone().strftime(form)


def has_display(environment: Mapping[str, str]) -> bool:
    """Whether a browser that is opened here would be seen by the person who asked."""
    if environment.get("CI") or environment.get("SSH_CONNECTION"):
        return False
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def show(link: str) -> bool:
    """Opens the link in the browser, without waiting for it, if there is a display."""
    if not has_display(os.environ):
        return False
    threading.Thread(target=webbrowser.open, args=(link,), name="browser", daemon=True).start()
    return True
