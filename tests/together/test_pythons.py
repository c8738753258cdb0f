"""Agent and hub on the newer Pythons of this machine, with what the lock names for them."""

import subprocess
from pathlib import Path
from shutil import which

import httpx
import pytest

from tests.agent.program import ROOT, Program, fake_ollama
from tests.hub.replicas import replica

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LOCK = ROOT / "packaging" / "hub.lock"
ALL = """
import importlib, pkgutil
import agent, hub
NOT_READ = (".__main__.", ".migrations.", ".mcp.server.")  # the last one needs an extra
for package in (agent, hub):
    for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not any(part in f"{one.name}." for part in NOT_READ):
            importlib.import_module(one.name)
"""


def python_of(version: str) -> str | None:
    """One that answers to its name, or that pyenv has."""
    kept = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    names = (which(f"python{version}"), *map(str, kept))
    return next((one for one in names if one and _says(one).startswith(f"{version}.")), None)


def _says(python: str) -> str:
    """Its version; nothing where it is a name without a Python behind it."""
    command = [python, "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.fixture(scope="module", params=["3.12", "3.13", "3.14"])
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """That of an environment with all that the programs need."""
    found = python_of(request.param)
    if found is None:
        pytest.skip(f"there is no Python {request.param} here")
    folder = tmp_path_factory.mktemp("python")
    own = ROOT / ".venv" / "bootstrap" / "bin" / "uv"
    uv = str(own) if own.exists() else "uv"
    made = str(folder / "bin" / "python")
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", found, folder], check=True)
    sync = [uv, "pip", "sync", "--quiet", "--python", made, "--require-hashes", str(LOCK)]
    subprocess.run(sync, check=True)
    return made


def test_all_modules_are_read(python: str) -> None:
    done = subprocess.run(
        [python, "-W", "error::SyntaxWarning", "-c", ALL],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr[-2000:]) == (0, "")


def test_the_agent_answers_and_keeps_what_it_said(python: str, tmp_path: Path) -> None:
    with fake_ollama() as ollama:
        one = Program(tmp_path / "data", ollama.url, python=python)
        try:
            one.serve()
            asked = one.orca("chat", "Why does PETG string?")
            found = one.orca("export")
        finally:
            code, _, told = one.end()

    assert (asked.returncode, found.returncode) == (0, 0), asked.stderr + found.stderr
    assert "Why does PETG string?" in found.stdout
    assert asked.stdout.strip()
    assert (code, "Traceback" in told) == (0, False)


def test_the_hub_answers_and_ends(python: str, tmp_path: Path) -> None:
    with replica(tmp_path / "hub", {}, python=python) as hub:
        ready = httpx.get(f"{hub.url}/api/v1/health/ready", trust_env=False)
        code = hub.end()

    assert (ready.status_code, code) == (200, 0)
    assert "Traceback" not in hub.output()
