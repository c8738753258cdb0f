"""Signatures by the tools of Windows and macOS, and the installers that only those make.

Nothing is signed unless a command is named in the environment; keys never pass through here:
ORCA_SIGN_COMMAND is run once for each program and installer, with its path as the last word.
Not tried on Windows and macOS yet.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from archives import Release
from environment import ROOT, say

HOOK = "ORCA_SIGN_COMMAND"
PROGRAMS = {"win32": (".exe", ".dll", ".pyd"), "darwin": (".dylib", ".so")}


class SigningFailed(Exception):
    """Which file, and the last words of the command."""


def sign_programs(folder: Path) -> None:
    """Every program and library of the folder, before it is packed. Raises SigningFailed."""
    endings = PROGRAMS.get(sys.platform)
    if not endings or not os.environ.get(HOOK):
        return
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink() and _is_program(file, endings):
            sign(file)


def sign(file: Path) -> None:
    """By the command that the environment names, if it names one. Raises SigningFailed."""
    if not (command := os.environ.get(HOOK)):
        return
    words = [*shlex.split(command, posix=os.name != "nt"), str(file)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SigningFailed(f"{file.name} was not signed: {(done.stderr or done.stdout)[-500:]}")


def made_by_the_system(name: str, release: Release) -> list[Path]:
    """The installer of Windows (`setup`), the disk image of macOS (`app`)."""
    return [_setup(release)] if name == "setup" else [_disk_image(release)]


def _setup(release: Release) -> Path:
    compiler = shutil.which("iscc") or shutil.which("ISCC.exe")
    if compiler is None:
        raise SigningFailed("Inno Setup is not there: install it, so that ISCC is on the PATH.")
    script = ROOT / "packaging" / "windows" / "orca-agents.iss"
    given = {
        "Version": release.version,
        "Kind": release.kind,
        "Source": str(release.folder),
        "Into": str(release.into),
        "Name": release.name,
    }
    told = [f"/D{name}={value}" for name, value in given.items()]
    if command := os.environ.get(HOOK):
        told += ["/DSigned", f"/Shook={command} $f"]
    _run([compiler, "/Qp", *told, str(script)])
    return release.into / f"{release.name}-setup.exe"


def _disk_image(release: Release) -> Path:
    image = release.into / f"{release.name}.dmg"
    app = release.folder.parent / "Orca Agents.app"
    source = app if app.exists() else release.folder
    if app.exists():  # a copy of the folder: what is inside first, then the whole
        sign_programs(app)
        sign(app)
    holding = ["-volname", "Orca Agents", "-srcfolder", str(source)]
    _run(["hdiutil", "create", *holding, "-ov", "-format", "UDZO", str(image)])
    sign(image)
    if os.environ.get("ORCA_NOTARY_PROFILE"):
        _run([str(ROOT / "packaging" / "macos" / "notarise.sh"), str(image)])
    else:
        say("the image is not notarised: ORCA_NOTARY_PROFILE names no profile")
    return image


def _run(words: list[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SigningFailed(f"{Path(words[0]).name} failed: {(done.stderr or done.stdout)[-800:]}")


def _is_program(file: Path, endings: tuple[str, ...]) -> bool:
    return file.suffix in endings or (sys.platform == "darwin" and os.access(file, os.X_OK))
