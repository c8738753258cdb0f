"""Where Ollama's program is: every place where its installers put it."""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent.shared.programs import answer_of

VERSION = re.compile(r"\d+\.\d+\.\d+\S*", re.ASCII)
VERSION_S = 5.0


def find(
    given: Path | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    system: str = sys.platform,
    root: Path = Path("/"),
) -> Path | None:
    """The program: the one given, else that of the path, else that of an installer; or None."""
    if given is not None:
        return given if _is_program(given) else None
    if on_path := _on_path(environment):
        return on_path
    return next((file for file in places(environment, system, root) if _is_program(file)), None)


def places(environment: Mapping[str, str], system: str, root: Path) -> Iterator[Path]:
    """Where installers put it, the usual place first."""
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or Path.home())
    if system == "win32":
        local = environment.get("LOCALAPPDATA") or str(home / "AppData" / "Local")
        yield Path(local) / "Programs" / "Ollama" / "ollama.exe"
        for name in ("PROGRAMFILES", "PROGRAMFILES(X86)"):
            if folder := environment.get(name):
                yield Path(folder) / "Ollama" / "ollama.exe"
        return
    for folder in ("usr/local/bin", "usr/bin", "bin"):
        yield root / folder / "ollama"
    if system == "darwin":
        yield root / "opt/homebrew/bin/ollama"
        yield root / "Applications/Ollama.app/Contents/Resources/ollama"
        yield home / "Applications/Ollama.app/Contents/Resources/ollama"
    else:
        yield root / "opt/ollama/bin/ollama"
        yield home / ".local/bin/ollama"


def version_of(binary: Path, environment: Mapping[str, str]) -> str | None:
    """What `ollama -v` says of itself; None if it says nothing in time."""
    said = answer_of([binary, "-v"], VERSION_S, environment=environment) or ""
    # With no server it names the client's version alone; with one both, the client's last.
    found = VERSION.findall(said)
    return str(found[-1]) if found else None


def _on_path(environment: Mapping[str, str]) -> Path | None:
    found = shutil.which("ollama", path=environment.get("PATH", os.defpath))
    # Windows looks into the folder where one happens to be, before all others.
    if found is None or Path(found).resolve().parent == Path.cwd():
        return None
    return Path(found).absolute()


def _is_program(file: Path) -> bool:
    try:
        return file.is_file() and os.access(file, os.X_OK)
    except OSError:
        return False
