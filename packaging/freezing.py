"""Makes the program as a folder, in an environment that holds little but what it needs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import environment
from environment import (
    BUILD_LOCK,
    EXACTLY,
    EXE,
    LOCKS,
    PACKAGE_LOCK,
    ROOT,
    SCRIPTS,
    SetupError,
    run,
    say,
)

DESKTOP_LOCK = ROOT / "packaging" / "desktop.lock"
WHAT = {"headless": (LOCKS["run"],), "desktop": (LOCKS["run"], DESKTOP_LOCK)}
# What was put into wheels is moved by stripping, and then loads no more; Qt's is stripped already.
NOT_STRIPPED = ("numpy.libs", "pillow.libs", "PySide6", "shiboken6")


def prepare(kind: str) -> Path:
    """The Python of the environment that this kind is made from."""
    locks = (*WHAT[kind], PACKAGE_LOCK)
    folder = environment.VENV / "beside" / f"package-{kind}"
    python = folder / SCRIPTS / f"python{EXE}"
    stamp, wanted = folder / ".orca-stamp", _hash(*locks, ROOT / "pyproject.toml")
    if python.exists() and stamp.exists() and stamp.read_text("utf-8") == wanted:
        return python
    _has_shared_python()
    uv = environment.find_uv()
    say(f"installing what the {kind} package is made of")
    run(uv, "venv", "--quiet", "--clear", "--python", environment.base_python(), folder)
    to = ("--quiet", "--python", python)
    run(uv, "pip", "sync", *to, *EXACTLY, *locks)
    run(uv, "pip", "install", *to, "--no-deps", "--build-constraint", BUILD_LOCK, "-e", ROOT)
    stamp.write_text(wanted, "utf-8")
    return python


def freeze(kind: str, into: Path, work: Path, *, epoch: int) -> Path:
    """Makes the folder anew below `into`. Answers it; the list of what is inside is in `work`."""
    python = prepare(kind)
    work.mkdir(parents=True, exist_ok=True)
    say(f"making the {kind} program (a minute or two)")
    command = [python, "-m", "PyInstaller", "--noconfirm", "--log-level", "ERROR"]
    places = ["--distpath", into, "--workpath", work]
    words = [
        str(word) for word in (*command, *places, ROOT / "build.spec", "--", kind, inside(work))
    ]
    fixed = {"SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "1"}
    done = subprocess.run(words, cwd=ROOT, env={**environment.environ(), **fixed}, check=False)
    if done.returncode:
        raise SetupError("PyInstaller failed; its words are above.")
    folder = into / "orca-agents"
    if sys.platform == "linux":
        _strip(folder)
        for library in folder.rglob("*.so*"):
            if not library.is_symlink():
                library.chmod(0o644)  # read, never run
    return folder


def inside(work: Path) -> Path:
    return work / "inside.json"


def size_bytes(folder: Path) -> int:
    """What the files take, without rounding up to the disk's blocks."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())


def is_elf(file: Path) -> bool:
    if file.is_symlink() or not file.is_file():
        return False
    with file.open("rb") as start:
        return start.read(4) == b"\x7fELF"


def _strip(folder: Path) -> None:
    """Takes away what only debuggers read: a Python or a wheel that has it is twice as large."""
    strip = shutil.which("strip")
    if strip is None:
        say("there is no `strip` (package binutils), so the program stays larger than it must")
        return
    for file in sorted((folder / "_internal").rglob("*")):
        parts = file.relative_to(folder / "_internal").parts[:-1]
        is_left = any(part in NOT_STRIPPED for part in parts)
        if not is_left and is_elf(file):
            subprocess.run([strip, "--strip-unneeded", file], check=True)


def _has_shared_python() -> None:
    """Raises SetupError: PyInstaller takes Python along as a library."""
    if os.name == "nt" or sys.platform == "darwin":
        return
    program = [environment.base_python(), str(ROOT / "packaging" / "shared_python.py")]
    if subprocess.run(program, check=False).returncode:
        raise SetupError(
            "This Python is without its shared library, which packages need. "
            "Debian, Ubuntu: `sudo apt install libpython3-dev`; pyenv: build with --enable-shared."
        )


def _hash(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
