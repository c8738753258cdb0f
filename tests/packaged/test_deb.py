"""The .deb as its user meets it: installed, used, removed, purged, where there is nothing else.

The tests stand in the order in which a person would do these things; each goes on from the last."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import samples
from http_calls import Calls

from tests.packaged.chroot import USER, USER_ID, CleanSystem

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0, reason="a clean system is made by root"),
]

DATA = ".local/share/orca-agents"
HOME = f"/home/{USER}"
AGENT = {
    "ORCA_AGENT_PORT": "0",
    "ORCA_AGENT_OLLAMA_URL": "http://127.0.0.1:9",
    "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
}
WITHOUT_OLLAMA = {**AGENT, "ORCA_AGENT_MANAGE_OLLAMA": "never"}
MANAGED = """\
cloud = false
allowed_models = "qwen3*"
telemetry_days = 7
"""
OLLAMA = """\
#!/bin/sh
[ "$1" = serve ] || exit 0
env > "$HOME/ollama-surroundings"
exec sleep 300
"""


def until(holds: Callable[[], object], timeout_s: float = 120.0) -> None:
    ends_at = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > ends_at:
            raise TimeoutError("it never came true")
        time.sleep(0.05)


@contextmanager
def serving(system: CleanSystem, **around: str) -> Iterator[Calls]:
    """The user's agent, from `orca-agent serve` until the block ends."""
    file = system.path(f"{system.home}/{DATA}/agent.json")
    process = system.begin("orca-agent", "serve", "--no-browser", **(around or WITHOUT_OLLAMA))
    try:
        until(lambda: file.exists() or process.poll() is not None)
        if process.poll() is not None:
            raise RuntimeError(f"the agent ended: {process.communicate()[0]}")
        there = json.loads(file.read_text("utf-8"))
        yield Calls(int(there["port"]), str(there["token"]))
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_the_system_has_neither_python_nor_node_nor_a_compiler(system: CleanSystem) -> None:
    names = ("python3", "python", "node", "npm", "gcc", "cc", "curl")

    found = [name for name in names if shutil.which(name, path=str(system.path("usr/bin")))]

    assert found == []


def test_it_installs_without_a_network_and_without_a_question(
    system: CleanSystem, deb: Path
) -> None:
    shutil.copy(deb, system.path("tmp/orca.deb"))
    system.write("/etc/orca-agents/managed.toml", MANAGED)

    done = system.as_root("dpkg", "--install", "/tmp/orca.deb", DEBIAN_FRONTEND="noninteractive")

    assert (done.returncode, done.stderr) == (0, "")
    state = system.as_root("dpkg-query", "-W", "-f", "${Status}", "orca-agents").stdout
    assert state == "install ok installed"


def test_nothing_starts_by_itself(system: CleanSystem) -> None:
    units = [*system.path("usr/lib/systemd").rglob("*orca*"), *system.path("etc").rglob("*orca*")]

    assert units == [system.path("etc/orca-agents")]
    assert _processes(system) == []


def test_a_user_asks_and_inspects(system: CleanSystem) -> None:
    system.write(f"{HOME}/Würfel.gcode", samples.gcode(), owner=USER_ID)
    with serving(system) as calls:
        answer = system.as_user("orca-agent", "chat", "Why does PETG string?")
        looked = system.as_user("orca-agent", "inspect", "--full", f"{HOME}/Würfel.gcode")
        status = system.as_user("orca-agent", "status")
        page, files = calls.page()

    assert "print guide" in answer.stdout
    assert "tringing" in answer.stdout
    assert looked.returncode in {0, 1}
    assert "Würfel.gcode" in looked.stdout
    assert "the guide answers" in status.stdout
    assert '<div id="panel">' in page
    assert files != []


def test_what_the_administrator_fixed_is_shown_as_fixed(system: CleanSystem) -> None:
    with serving(system) as calls:
        items = {one["name"]: one for one in calls.get("/api/v1/settings")["items"]}
        refused = calls.status("PATCH", "/api/v1/settings", {"telemetry_days": 30})

    fixed = {name: items[name]["value"] for name in ("cloud", "allowed_models", "telemetry_days")}
    assert fixed == {"cloud": False, "allowed_models": "qwen3*", "telemetry_days": 7}
    assert {items[name]["source"] for name in fixed} == {"managed"}
    assert all(items[name]["is_fixed"] for name in fixed)
    assert refused == 409


def test_what_the_agent_starts_gets_none_of_its_libraries(system: CleanSystem) -> None:
    seen = system.path(f"{HOME}/ollama-surroundings")
    system.write("/usr/local/bin/ollama", OLLAMA, mode=0o755)

    with serving(system, **AGENT, ORCA_AGENT_MANAGE_OLLAMA="auto", LD_LIBRARY_PATH="/opt/own"):
        until(lambda: seen.exists() and "HOME=" in seen.read_text("utf-8"))

    names = dict(line.split("=", 1) for line in seen.read_text("utf-8").splitlines())
    assert "orca-agents" not in names.get("LD_LIBRARY_PATH", "")
    assert "LD_LIBRARY_PATH_ORIG" not in names


def test_two_users_have_an_agent_each(system: CleanSystem) -> None:
    other = system.with_user("other", USER_ID + 1)
    with serving(system) as calls, serving(other) as others:
        status = other.as_user("orca-agent", "status", **WITHOUT_OLLAMA)
        strangers = Calls(calls.port, others.token).status("GET", "/api/v1/conversations")

    assert calls.port != others.port
    assert "the guide answers" in status.stdout
    assert strangers == 401


def test_removing_it_ends_the_agent_and_leaves_the_users_data(system: CleanSystem) -> None:
    agent = system.begin("orca-agent", "serve", "--no-browser", **WITHOUT_OLLAMA)
    until(system.path(f"{HOME}/{DATA}/agent.json").exists)

    done = system.as_root("dpkg", "--remove", "orca-agents")

    agent.communicate(timeout=60)
    assert (done.returncode, done.stderr, agent.returncode) == (0, "", 0)
    assert not system.path("usr/lib/orca-agents").exists()
    assert not system.path("usr/bin/orca-agent").is_symlink()
    assert system.path(f"{HOME}/{DATA}/agent.db").exists()


def test_purging_it_says_where_the_data_is_and_touches_nothing(system: CleanSystem) -> None:
    done = system.as_root("dpkg", "--purge", "orca-agents")

    assert (done.returncode, done.stderr) == (0, "")
    assert "~/.local/share/orca-agents" in done.stdout
    assert system.path(f"{HOME}/{DATA}/agent.db").exists()
    assert system.path("etc/orca-agents/managed.toml").read_text("utf-8") == MANAGED
    left = [*system.path("usr").rglob("*orca*"), *system.path("var/lib/dpkg/info").glob("orca*")]
    assert left == []


def test_it_comes_back_with_the_data_that_was_left(system: CleanSystem) -> None:
    system.as_root("dpkg", "--install", "/tmp/orca.deb")

    with serving(system) as calls:
        kept = calls.get("/api/v1/conversations")["items"]

    assert len(kept) == 1


def test_debian_checker_finds_no_error(deb: Path) -> None:
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed")
    asked = ["lintian", "--allow-root", "--fail-on", "error", str(deb)]

    done = subprocess.run(asked, capture_output=True, encoding="utf-8", check=False)

    assert [line for line in done.stdout.splitlines() if line.startswith("E:")] == []


def _processes(system: CleanSystem) -> list[str]:
    """Programs of the package that run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            program = str((process / "exe").readlink())
        except OSError:
            continue
        if program.startswith(str(system.path("usr/lib/orca-agents"))):
            found.append(process.name)
    return found
