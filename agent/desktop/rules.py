"""What each system wants written so that a program starts with the computer."""

import plistlib
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

NAME = "Orca Agents"
FILE = "orca-agents"
LABEL = "com.orca-agents.agent"
COMMENT = "A private assistant beside OrcaSlicer"
PLAIN = re.compile(r"[A-Za-z0-9_@:.,/+=-]+")
NOWHERE = (
    "Nothing here starts the programs of a user: there is no desktop, and no systemd for users."
)

Way = Literal["systemd", "xdg", "launchagent", "run-key"]


@dataclass(frozen=True, slots=True)
class Autostart:
    """Whether the agent starts with the computer, and by what. Without `how` it cannot."""

    is_on: bool
    how: Way | None
    reason: str | None = None

    @property
    def is_possible(self) -> bool:
        return self.how is not None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What decides how a program can start with the computer."""

    platform: str
    has_tray: bool
    has_user_systemd: bool
    has_desktop: bool


def way(around: Surroundings) -> Way | None:
    """How a program starts here when its user signs in; None if it cannot."""
    if around.platform == "win32":
        return "run-key"
    if around.platform == "darwin":
        return "launchagent"
    if around.has_tray:  # a tray icon needs the desktop, and the desktop starts it
        return "xdg"
    if around.has_user_systemd:
        return "systemd"
    return "xdg" if around.has_desktop else None


def command(
    executable: str, environment: Mapping[str, str], *, has_tray: bool, folder: str | None
) -> tuple[str, ...]:
    """The words that start what is to run: the tray where there can be one, else the agent.

    `folder` is that of the data, where it is not the usual one."""
    if image := environment.get("APPIMAGE"):  # the program inside is at another place each time
        words = [image]
    elif re.split(r"[/\\]", executable)[-1].lower().startswith(("python", "pypy")):
        words = [_without_console(executable), "-P", "-m", "agent"]
    else:
        words = [executable]
    words += ["tray", "--hidden"] if has_tray else ["serve", "--no-browser"]
    return (*words, "--data-dir", folder) if folder else tuple(words)


def desktop_entry(words: Sequence[str]) -> str:
    """For the folder `autostart` of a desktop that follows freedesktop.org."""
    return (
        "[Desktop Entry]\n"
        "Type=Application\n"
        f"Name={NAME}\n"
        f"Comment={COMMENT}\n"
        f"Exec={' '.join(map(_in_desktop_entry, words))}\n"
        f"TryExec={_escaped(words[0])}\n"  # once the program is removed, the entry is passed over
        f"Icon={FILE}\n"
        "Terminal=false\n"
        "X-GNOME-Autostart-enabled=true\n"
    )


def is_switched_off(entry: str) -> bool:
    """Whether the desktop's own settings have put the entry out of force."""
    lines = {line.replace(" ", "").lower() for line in entry.splitlines()}
    return bool({"hidden=true", "x-gnome-autostart-enabled=false"} & lines)


def systemd_unit(words: Sequence[str]) -> str:
    """For the systemd of one user."""
    return (
        "[Unit]\n"
        f"Description={NAME}\n"
        f"ConditionPathExists={words[0].replace('%', '%%')}\n\n"
        "[Service]\n"
        f"ExecStart={' '.join(map(_in_unit, words))}\n"
        "Restart=on-failure\n"
        "RestartSec=5\n\n"
        "[Install]\n"
        "WantedBy=default.target\n"
    )


def launch_agent(words: Sequence[str]) -> bytes:
    """For macOS's launchd."""
    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": list(words),
            "RunAtLoad": True,
            "ProcessType": "Interactive",
            "LimitLoadToSessionType": "Aqua",
        }
    )


def run_value(words: Sequence[str]) -> str:
    """For the Run key of Windows' registry."""
    return subprocess.list2cmdline(words)


def _without_console(python: str) -> str:
    # On Windows this one shows no black window.
    return re.sub(r"python\.exe$", "pythonw.exe", python, flags=re.IGNORECASE)


def _in_desktop_entry(word: str) -> str:
    word = word.replace("%", "%%")
    if PLAIN.fullmatch(word):
        return word
    quoted = re.sub(r'(["`$\\])', r"\\\1", word)
    return '"' + _escaped(quoted) + '"'  # the file's own backslashes are read first


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")


def _in_unit(word: str) -> str:
    word = word.replace("%", "%%").replace("$", "$$")
    if PLAIN.fullmatch(word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
