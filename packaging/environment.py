"""Makes .venv: uv first, then what the lock names, then the project itself.

Runs on whatever Python 3.11+ a machine has, with nothing installed: standard library only.
"""

from __future__ import annotations  # an older Python must get as far as the sentence about it

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
OWN_UV = VENV / "bootstrap"
STAMP = VENV / ".orca-stamp.json"
LOCKS = {"run": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}
BUILD_LOCK = ROOT / "packaging" / "build.lock"
UV_LOCK = ROOT / "packaging" / "uv.lock"
PACKAGE_LOCK = ROOT / "packaging" / "package.lock"
# Programs that tests speak to, the agent with its window, and the hub, each in an environment of
# its own.
DESKTOP, HUB = "desktop", "hub"
OURS = (DESKTOP, HUB)
BESIDE = {name: ROOT / "packaging" / f"{name}.lock" for name in ("octoprint", "moonraker", *OURS)}
EXACTLY = ("--require-hashes", "--compile-bytecode")
OLDEST = (3, 11)
OLDEST_UV = (0, 5)
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
EXE = ".exe" if os.name == "nt" else ""


class SetupError(Exception):
    """One sentence or two for the person at the keyboard."""


def say(text: str) -> None:
    print(f"orca: {text}", flush=True)


def executable(name: str) -> Path:
    """A program of the environment."""
    return VENV / SCRIPTS / f"{name}{EXE}"


def environ() -> dict[str, str]:
    """Our environment for child processes: they may write bytecode, or every start is slow."""
    kept = {
        k: v for k, v in os.environ.items() if k not in {"PYTHONDONTWRITEBYTECODE", "PYTHONHOME"}
    }
    ours = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "VIRTUAL_ENV": str(VENV)}
    # As pip does it: an employer's certificate is in the system's store, not in uv's own.
    chosen = {"UV_SYSTEM_CERTS": "true"} if _has_certificates() else {}
    return {**chosen, **kept, **ours}


def run(*command: object, cwd: Path = ROOT, quiet: bool = False) -> None:
    """Raises SetupError with the program's last words if it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        cwd=cwd,
        env=environ(),
        text=True,
        encoding="utf-8",
        errors="replace",
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        check=False,
    )
    if done.returncode:
        raise SetupError(f"{' '.join(words[:3])} failed.\n{(done.stdout or '')[-3000:]}".strip())


def prepare(kind: str) -> None:
    """.venv as the lock of `kind` ("run" or "dev") says. Takes no time if it is so already."""
    if sys.version_info < OLDEST:
        raise SetupError(
            f"Orca Agents needs Python 3.11 or newer; this is {sys.version.split()[0]}."
        )
    made = _stamp()
    if made.get("kind") == "dev":
        kind = "dev"  # it holds all that a run needs, and stays as it is
    wanted = {"kind": kind, "python": made.get("python"), "hash": _hash(kind)}
    if made == wanted and executable("python").exists() and executable("orca-agent").exists():
        return
    started = time.monotonic()
    uv = find_uv()
    if not executable("python").exists():
        say("making .venv")
        run(uv, "venv", "--quiet", "--allow-existing", "--python", base_python(), VENV)
    say(f"installing from {LOCKS[kind].name} (the first time takes a minute)")
    STAMP.unlink(missing_ok=True)
    to = ("--quiet", "--python", executable("python"))
    run(uv, "pip", "sync", *to, "--require-hashes", "--compile-bytecode", LOCKS[kind])
    run(uv, "pip", "install", *to, "--no-deps", "--build-constraint", BUILD_LOCK, "-e", ROOT)
    run(executable("python"), "-m", "compileall", "-q", ROOT / "agent")
    wanted["python"] = _python_of(executable("python"))
    STAMP.write_text(json.dumps(wanted), "utf-8")
    say(f"the environment is ready ({time.monotonic() - started:.0f} s)")


def beside(name: str) -> Path:
    """The folder of the environment of another program, whether or not it is there."""
    return VENV / "beside" / name


def prepare_beside(name: str) -> Path:
    """That environment as its lock says. Takes no time if it is so already."""
    lock, folder = BESIDE[name], beside(name)
    stamp, wanted = folder / ".orca-stamp", hashlib.sha256(lock.read_bytes()).hexdigest()
    if name in OURS:
        wanted += hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return folder
    uv = find_uv()
    say(f"installing {name} into an environment of its own (once; it takes a minute)")
    run(uv, "venv", "--quiet", "--clear", "--python", base_python(), folder)
    python = folder / SCRIPTS / f"python{EXE}"
    to = ("--quiet", "--python", python)
    run(uv, "pip", "sync", *to, *EXACTLY, lock, quiet=True)
    if name in OURS:
        run(uv, "pip", "install", *to, "--no-deps", "--build-constraint", BUILD_LOCK, "-e", ROOT)
    stamp.write_text(wanted, "utf-8")
    return folder


def find_uv() -> Path:
    """uv: ours, the machine's, or one that is fetched now. Raises SetupError."""
    own = OWN_UV / SCRIPTS / f"uv{EXE}"
    if own.exists():
        return own
    there = shutil.which("uv")
    if there and _is_new_enough(there):
        return Path(there)
    say("getting uv")
    install = ("install", "--quiet", "--disable-pip-version-check", "--require-hashes")
    if _has("ensurepip") and _has("venv"):
        run(base_python(), "-m", "venv", "--clear", OWN_UV, quiet=True)
        python = OWN_UV / SCRIPTS / f"python{EXE}"
        run(python, "-m", "pip", *install, "-r", UV_LOCK, quiet=True)
    elif _has("pip"):
        run(base_python(), "-m", "pip", *install, "--target", OWN_UV, "-r", UV_LOCK, quiet=True)
        if not own.exists() and (OWN_UV / "bin" / f"uv{EXE}").exists():
            return OWN_UV / "bin" / f"uv{EXE}"
    else:
        raise SetupError(
            "This Python has neither pip nor ensurepip, so nothing can be installed with it. "
            "Install them (Debian, Ubuntu: `sudo apt install python3-venv`), or install uv."
        )
    if not own.exists():
        raise SetupError("There is no uv for this kind of machine. Install uv, then try again.")
    return own


def _is_new_enough(program: str) -> bool:
    try:
        told = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
        number = told.stdout.split()[1].split(".")[:2]
        return told.returncode == 0 and tuple(map(int, number)) >= OLDEST_UV
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return False


def _has_certificates() -> bool:
    if sys.platform != "linux":
        return True
    stores = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
    return any(Path(store).exists() for store in stores)


def _has(module: str) -> bool:
    command = [base_python(), "-c", f"import {module}"]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.returncode == 0


def base_python() -> str:
    # Inside a virtual environment: the Python that it was made from.
    return getattr(sys, "_base_executable", None) or sys.executable


def _python_of(program: Path) -> str:
    told = subprocess.run(
        [str(program), "-c", "import sys; print(sys.version)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip()


def _hash(kind: str) -> str:
    digest = hashlib.sha256()
    for file in (LOCKS[kind], BUILD_LOCK, ROOT / "pyproject.toml"):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _stamp() -> dict:
    try:
        return dict(json.loads(STAMP.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return {}
