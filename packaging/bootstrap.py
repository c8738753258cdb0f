"""Everything that `make` does, for every system: python packaging/bootstrap.py COMMAND.

Not tried on Windows and macOS yet.
"""

from __future__ import annotations  # an older Python must get as far as the sentence about it

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import environment
import pages
from environment import (
    BUILD_LOCK,
    LOCKS,
    PACKAGE_LOCK,
    ROOT,
    UV_LOCK,
    SetupError,
    executable,
    say,
)

PYTEST_FOUND_NOTHING = 5
HOUSE = "tests/house"
HELP = {"-h", "--help"}
COMPILE = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url")


def setup(_arguments: list[str]) -> int:
    """Prepare .venv and the pages."""
    environment.prepare("run")
    pages.build()
    say("ready")
    return 0


def start(arguments: list[str]) -> int:
    """Prepare what is not ready, then run the agent."""
    environment.prepare("run")
    pages.build()
    command = [str(executable("orca-agent")), "serve", *arguments]
    if os.name != "nt":
        os.execve(command[0], command, environment.environ())  # noqa: S606 - it takes our place
    return _wait(command)


def tray(arguments: list[str]) -> int:
    """The window and the icon in the tray."""
    if set(arguments) & HELP:  # for which nobody waits until the window is fetched
        environment.prepare("run")
        return _wait([str(executable("orca-agent")), "tray", *arguments])
    if not _has_display():
        raise SetupError("There is no display here. `make run` prints a link for a browser.")
    folder = environment.prepare_beside(environment.DESKTOP)
    pages.build()
    program = folder / environment.SCRIPTS / f"orca-agent{environment.EXE}"
    return _wait([str(program), "tray", *arguments])


def hub(arguments: list[str]) -> int:
    """The team's server: `serve`, or another command of orca-hub."""
    folder = environment.prepare_beside(environment.HUB)
    pages.build()
    program = folder / environment.SCRIPTS / f"orca-hub{environment.EXE}"
    command = [str(program), *(arguments or ["serve"])]
    if os.name != "nt":
        os.execve(command[0], command, environment.environ())  # noqa: S606 - it takes our place
    return _wait(command)


def test(arguments: list[str]) -> int:
    """The default tests. What the house rules say of the sources belongs to `check`."""
    _prepare_tests()
    # Three for two cores: much of the time is waiting for a browser or a program that starts.
    spread = ("-n", "3", "--dist", "worksteal")
    return _wait([*_pytest(), *spread, "-m", "not slow", *arguments])


def test_slow(arguments: list[str]) -> int:
    """The slow tests. Two at a time: most of what makes them slow is waiting."""
    _prepare_tests()
    for name in environment.BESIDE:
        if name != environment.HUB:  # the tests' own environment has all of it
            environment.prepare_beside(name)
    spread = ("-n", "2", "--dist", "worksteal")
    code = _wait([*_pytest(), *spread, "-m", "slow", *arguments])
    return 0 if code == PYTEST_FOUND_NOTHING else code


def bench(arguments: list[str]) -> int:
    """The measurements."""
    _prepare_tests()
    return _wait([str(executable("python")), "-m", "tests.bench", *arguments])


def check(_arguments: list[str]) -> int:
    """Everything that can be said without running the program."""
    environment.prepare("dev")
    checks: dict[str, Callable[[], object]] = {
        "ruff check": lambda: _tool("ruff", "check", "."),
        "ruff format": lambda: _tool("ruff", "format", "--check", "."),
        "mypy": lambda: _tool("mypy"),
        "layers": lambda: _tool("lint-imports", "--no-logo"),
        "house": _rules_of_the_house,
        "locks": _locks_are_fresh,
    }
    if (ROOT / "docs" / "mkdocs.yml").exists():
        checks["docs"] = _documents_build
    if reason := pages.why_not():
        say(f"the page is not checked: {reason}")
    else:
        checks["types of the page"] = pages.types_are_fresh
        checks["page"] = pages.check
    failed = [name for name, run in checks.items() if not _passes(name, run)]
    say(f"failed: {', '.join(failed)}" if failed else "all checks pass")
    return 1 if failed else 0


def lock(arguments: list[str]) -> int:
    """Write the locks anew; `--upgrade` takes newer versions."""
    for source, extra, file in _locks():
        _compile(source, extra, file, *arguments)
    return 0


def types(_arguments: list[str]) -> int:
    """Write the pages' types of the APIs anew, from what agent and hub say of them."""
    environment.prepare("dev")
    pages.write_types()
    return 0


def wheel(_arguments: list[str]) -> int:
    """A wheel that carries the pages."""
    pages.build(must=True)
    uv = environment.find_uv()
    environment.run(uv, "build", "--wheel", "--quiet", "--build-constraint", BUILD_LOCK, ROOT)
    newest = max((ROOT / "dist").glob("*.whl"), key=lambda file: file.stat().st_mtime)
    missing = {"agent/ui/index.html", "hub/pages/console.html"} - set(
        zipfile.ZipFile(newest).namelist()
    )
    if missing:
        raise SetupError(f"{newest.name} does not carry {' and '.join(sorted(missing))}.")
    say(f"{newest.relative_to(ROOT)} is ready")
    return 0


def package(arguments: list[str]) -> int:
    """The packages, in dist/; `--kind desktop` makes those with a window."""
    return _wait([sys.executable, str(ROOT / "packaging" / "build.py"), *arguments])


def test_package(arguments: list[str]) -> int:
    """What `package` made, used as its users do. As root, for the tests in a clean system."""
    environment.prepare("dev")
    return _wait([*_pytest(), "tests/packaged", "-n", "0", *arguments])


COMMANDS = {
    "setup": setup,
    "run": start,
    "tray": tray,
    "hub": hub,
    "test": test,
    "test-slow": test_slow,
    "check": check,
    "bench": bench,
    "lock": lock,
    "types": types,
    "wheel": wheel,
    "package": package,
    "test-package": test_package,
}


def main(arguments: list[str]) -> int:
    command = COMMANDS.get(arguments[0]) if arguments else None
    if command is None:
        for name, one in COMMANDS.items():
            print(f"{name:<10} {one.__doc__}")
        return 2
    try:
        return command(arguments[1:])
    except SetupError as err:
        say(str(err))
        return 1
    except KeyboardInterrupt:
        return 130


def _prepare_tests() -> None:
    environment.prepare("dev")
    pages.build(must=os.environ.get("CI") == "true")


def _has_display() -> bool:
    """Asked before a gigabyte is fetched for a window; the window asks more closely."""
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _pytest() -> list[str]:
    return [str(executable("python")), "-m", "pytest"]


def _wait(command: list[str]) -> int:
    return subprocess.run(command, cwd=ROOT, env=environment.environ(), check=False).returncode


def _tool(name: str, *arguments: str) -> None:
    environment.run(executable(name), *arguments)


def _rules_of_the_house() -> None:
    # One process reads every source once; it costs more memory and time than all that is asked.
    environment.run(*_pytest(), HOUSE, "-n", "0", "-q", "-m", "not slow", "-p", "no:cacheprovider")


def _documents_build() -> None:
    # What mkdocs is told not to say (--quiet), it does not count as a warning either.
    build = (executable("mkdocs"), "build", "--strict", "-f", "docs/mkdocs.yml")
    with tempfile.TemporaryDirectory() as site:
        environment.run(*build, "-d", site, quiet=True)


def _passes(name: str, run: Callable[[], object]) -> bool:
    try:
        run()
    except SetupError as err:
        say(f"{name}: {err}")
        return False
    say(f"{name}: ok")
    return True


def _locks() -> list[tuple[str, tuple[str, ...], Path]]:
    """What is compiled, with which options, into which file."""
    within = ("-c", LOCKS["run"].name)
    return [
        ("pyproject.toml", ("--extra", "mcp", "--extra", "otel"), LOCKS["run"]),
        ("pyproject.toml", ("--group", "dev", "--extra", "hub", *within), LOCKS["dev"]),
        ("packaging/build.in", (), BUILD_LOCK),
        ("packaging/uv.in", (), UV_LOCK),
        ("packaging/package.in", within, PACKAGE_LOCK),
        *(
            ("pyproject.toml", ("--extra", name, *within), environment.BESIDE[name])
            for name in environment.OURS
        ),
        *(
            (f"packaging/{name}.in", (), file)
            for name, file in environment.BESIDE.items()
            if name not in environment.OURS
        ),
    ]


def _compile(source: str, extra: tuple[str, ...], output: Path, *more: str) -> None:
    command = ("--quiet", "--custom-compile-command", "make lock")
    environment.run(
        environment.find_uv(),
        "pip",
        "compile",
        *COMPILE,
        *command,
        *extra,
        *more,
        source,
        "-o",
        output,
        quiet=True,
    )


def _locks_are_fresh() -> None:
    """Raises SetupError if pyproject.toml says something that a lock does not."""
    with tempfile.TemporaryDirectory() as folder:
        for source, extra, file in _locks():
            draft = Path(folder, file.name)
            draft.write_bytes(file.read_bytes())  # so that versions stay where they can
            _compile(source, extra, draft)
            if _pins(draft) != _pins(file):
                raise SetupError(f"{file.relative_to(ROOT)} is out of date: run `make lock`.")


def _pins(file: Path) -> list[str]:
    lines = file.read_text("utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
