"""Starting with the computer, pausing, and what a tray icon is told."""

import asyncio
import plistlib
from pathlib import Path

import httpx
import pytest

from agent.desktop import rules
from agent.desktop.rules import Surroundings, Way
from tests.agent.talking import MODEL, body, problem
from tests.fakes.ollama import FakeOllama
from tests.serving import Served, running_agent

DESKTOP, NOW = "/api/v1/desktop", "/api/v1/desktop/now"
ODD = ("/opt/My Tools/50% $off/orca-agent", "serve", '--data-dir=a"b\\c')


def around(
    platform: str, *, tray: bool = False, systemd: bool = False, desktop: bool = False
) -> Way | None:
    return rules.way(Surroundings(platform, tray, systemd, desktop))


def test_each_system_has_its_way_of_starting_programs() -> None:
    found = {
        "a desktop with the tray": around("linux", tray=True, systemd=True, desktop=True),
        "no tray, systemd": around("linux", systemd=True, desktop=True),
        "a desktop without systemd": around("linux", desktop=True),
        "neither": around("linux"),
        "Windows": around("win32", tray=True),
        "macOS": around("darwin"),
    }

    assert found == {
        "a desktop with the tray": "xdg",
        "no tray, systemd": "systemd",
        "a desktop without systemd": "xdg",
        "neither": None,
        "Windows": "run-key",
        "macOS": "launchagent",
    }


def test_what_is_started_is_this_program_as_it_was_installed() -> None:
    def started(executable: str, **more: str) -> tuple[str, ...]:
        return rules.command(executable, more, has_tray=True, folder=None)

    assert started("/opt/orca-agents/orca-agent") == (
        "/opt/orca-agents/orca-agent",
        "tray",
        "--hidden",
    )
    assert started("C:\\Py\\Python.exe")[:2] == ("C:\\Py\\pythonw.exe", "-P")
    assert started("/tmp/.mount_x/orca-agent", APPIMAGE="/home/a/Orca.AppImage")[0] == (
        "/home/a/Orca.AppImage"
    )
    assert rules.command("/usr/bin/python3", {}, has_tray=False, folder="/data") == (
        *("/usr/bin/python3", "-P", "-m", "agent", "serve", "--no-browser"),
        *("--data-dir", "/data"),
    )


def test_odd_names_reach_the_program_whole() -> None:
    entry, unit = rules.desktop_entry(ODD), rules.systemd_unit(ODD)

    assert (
        'Exec="/opt/My Tools/50%% \\\\$off/orca-agent" serve "--data-dir=a\\\\"b\\\\\\\\c"\n'
        in entry
    )
    assert "TryExec=/opt/My Tools/50% $off/orca-agent\n" in entry
    assert "ConditionPathExists=/opt/My Tools/50%% $off/orca-agent\n" in unit
    assert 'ExecStart="/opt/My Tools/50%% $$off/orca-agent" serve "--data-dir=a\\"b\\\\c"\n' in unit
    assert plistlib.loads(rules.launch_agent(ODD))["ProgramArguments"] == list(ODD)
    assert rules.run_value(("C:\\My Tools\\orca.exe", "tray")) == '"C:\\My Tools\\orca.exe" tray'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user whose systemd runs, and who has no desktop."""
    for name in ("XDG_CONFIG_HOME", "XDG_CURRENT_DESKTOP", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "run" / "systemd").mkdir(parents=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("HOME", str(tmp_path / "Jürgen Groß"))
    return tmp_path / "Jürgen Groß"


def kept_in(home: Path) -> list[str]:
    return sorted(str(file.relative_to(home)) for file in home.rglob("orca-agents*"))


async def test_starting_with_the_computer_leaves_nothing_when_it_is_taken_back(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_agent(tmp_path / "data") as served:
        client, how = served.client, {"is_possible": True, "reason": None}
        before = body(await client.get(DESKTOP))["autostart"]
        on = body(await client.patch(DESKTOP, json={"autostart": True}))["autostart"]
        written = kept_in(home)
        unit = (home / ".config/systemd/user/orca-agents.service").read_text("utf-8")
        monkeypatch.delenv("XDG_RUNTIME_DIR")  # its systemd is gone: there is no way any more
        gone = body(await client.get(DESKTOP))["autostart"]
        refused = problem(await client.patch(DESKTOP, json={"autostart": True}))
        off = body(await client.patch(DESKTOP, json={"autostart": False}))["autostart"]

    assert before == {"is_on": False, "how": "systemd", **how}
    assert on == {"is_on": True, "how": "systemd", **how}
    assert written == [
        ".config/systemd/user/default.target.wants/orca-agents.service",
        ".config/systemd/user/orca-agents.service",
    ]
    assert f"serve --no-browser --data-dir {tmp_path / 'data'}\n" in unit
    assert (gone["is_on"], gone["how"], gone["reason"]) == (True, None, rules.NOWHERE)
    assert refused == (409, "no-autostart")
    assert off["is_on"] is False
    assert kept_in(home) == []


async def test_what_the_desktop_itself_switched_off_is_off(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "GNOME")
    async with running_agent(tmp_path / "data") as served:
        on = body(await served.client.patch(DESKTOP, json={"autostart": True}))["autostart"]
        entry = home / ".config/autostart/orca-agents.desktop"
        entry.write_text(entry.read_text("utf-8") + "Hidden=true\n", "utf-8")
        hidden = body(await served.client.get(DESKTOP))["autostart"]
        entry.unlink()
        entry.mkdir()  # something stands in the way
        blocked = problem(await served.client.patch(DESKTOP, json={"autostart": True}))

    assert (on["is_on"], on["how"]) == (True, "xdg")
    assert (hidden["is_on"], hidden["how"]) == (False, "xdg")
    assert blocked == (503, "autostart-unwritable")


async def test_a_paused_agent_frees_the_memory_and_lets_questions_wait(
    served: Served, client: httpx.AsyncClient, fake: FakeOllama
) -> None:
    body(await client.post(f"/api/v1/models/{MODEL}/load", json={}))
    paused = body(await client.post(f"{DESKTOP}/pause"))
    loaded = body(await client.get(f"/api/v1/models/{MODEL}"))["loaded"]
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
    async with asyncio.TaskGroup() as group:
        answer = group.create_task(client.post("/api/v1/chat", json=asked))
        while not await queued(client):  # noqa: ASYNC110 - the queue tells nobody
            await asyncio.sleep(0.01)
        waiting = body(await client.get(NOW))
        resumed = body(await client.post(f"{DESKTOP}/resume"))
    after = body(await client.get(NOW))

    assert (paused["paused"], loaded, waiting["paused"], resumed["paused"]) == (
        *(True, False, True, False),
    )
    assert body(answer.result())["message"]["content"]
    assert (after["working"], after["model"], after["held"], after["pulls"]) == (
        *(False, MODEL, [], []),
    )
    assert after["notify"] == {"pulls": True, "held": True, "updates": True}


async def queued(client: httpx.AsyncClient) -> bool:
    return any(one["waiting"] for one in body(await client.get("/api/v1/queues"))["items"])
