"""What was set where: the managed file, options, the environment, the file in the data folder."""

import os
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.configuration.rules import Origin
from agent.configuration.trusted import why_not_trusted

PREFIX = "ORCA_AGENT_"
FILE_NAME = "agent.toml"
MANAGED_NAME = "managed.toml"
MANAGED_VARIABLE = f"{PREFIX}MANAGED_FILE"
LIMIT_BYTES = 1 << 20


class BadFile(Exception):
    """One sentence for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Strongest first; what is in none of them has its default."""

    managed: Mapping[str, object] = field(default_factory=dict)
    given: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    file: Mapping[str, object] = field(default_factory=dict)
    managed_file: Path | None = None  # None: there is none

    def origin(self, name: str, plain: Sequence[str] = ()) -> Origin:
        """Who decides about a setting. `plain` are the names without our prefix that mean it."""
        keys = (f"{PREFIX}{name}".upper(), *plain, name)  # as pydantic looks for it
        for key in keys:
            if key in self.managed:
                return Origin("managed", str(self.managed_file), self.managed[key])
        if name in self.given:
            return Origin("option", f"--{name.replace('_', '-')}", self.given[name])
        written = {one.upper(): one for one in self.environment}
        for wanted in (f"{PREFIX}{name}".upper(), *(one.upper() for one in plain)):
            if wanted in written:
                as_set = written[wanted]
                return Origin("environment", as_set, self.environment[as_set])
        for key in keys:
            if key in self.file:
                return Origin("file", FILE_NAME, self.file[key])
        return Origin()


def managed_file(
    environment: Mapping[str, str] = os.environ, usual: Path | None = None
) -> Path | None:
    """Where an administrator fixes settings for every user of this computer, if there is such a
    file. Raises BadFile if the one that the environment names is not there, and if somebody else
    could have written the one at the `usual` place."""
    if MANAGED_VARIABLE in environment:
        named = environment[MANAGED_VARIABLE]
        if named and not Path(named).is_file():
            raise BadFile(f"{MANAGED_VARIABLE} names no file: {named}.")
        return Path(named) if named else None
    file = usual or usual_managed_file(environment)
    if not os.path.lexists(file):
        return None
    if reason := why_not_trusted(file):
        raise BadFile(
            f"{file} is not followed: {reason}. An administrator owns it and its folder and "
            "nobody else may write there, or takes it away."
        )
    return file


def usual_managed_file(environment: Mapping[str, str] = os.environ) -> Path:
    """The place that only an administrator can write to."""
    if sys.platform == "win32":
        return Path(environment.get("ProgramData", r"C:\ProgramData")) / "Orca Agents/managed.toml"
    if sys.platform == "darwin":
        return Path("/Library/Application Support/Orca Agents") / MANAGED_NAME
    return Path("/etc/orca-agents") / MANAGED_NAME


def read_toml(file: Path) -> Mapping[str, object]:
    """What the file sets; nothing if there is none. Raises BadFile."""
    return parsed(read_text(file), file)


def read_text(file: Path) -> str:
    """Raises BadFile."""
    try:
        return file.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as err:
        raise BadFile(f"The file {file} cannot be read: {err.strerror}.") from None
    except UnicodeDecodeError:
        raise BadFile(f"The file {file} is not UTF-8 text.") from None


def parsed(text: str, file: Path) -> Mapping[str, object]:
    """What the text of a file sets. Raises BadFile."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        place = re.search(r"line \d+, column \d+", str(err))
        where = f": see {place[0]}" if place else ", and ends too early"
        raise BadFile(f"The file {file} is not TOML{where}.") from None
