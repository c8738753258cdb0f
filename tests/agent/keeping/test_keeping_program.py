"""Backup, restore and reset as a person uses them, with the agent running and without."""

import json
import sqlite3
import subprocess
import zipfile
from contextlib import closing, suppress
from pathlib import Path

import pytest

from agent import runfile
from agent.client.problems import NotFound
from tests.agent.keeping.states import backed_up, folder_with, state_of
from tests.agent.program import Program, program

# The run of a restore is not in the database that it brought back.
SLOW_TO_ASK = """
import time, httpx
send = httpx.Client.send
def late(client, request, **how):
    time.sleep(2 if request.url.path.endswith("/events") else 0)
    return send(client, request, **how)
httpx.Client.send = late
from agent.__main__ import main
main()
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def opened(one: Program, title: str) -> None:
    with one.client() as agent:
        agent.call("POST", "/conversations", json={"title": title})


def titles(one: Program) -> list[str]:
    with one.client() as agent:
        return sorted(str(item["title"]) for item in agent.items("/conversations"))


def test_a_running_agent_starts_anew_with_the_state_of_a_backup(tmp_path: Path) -> None:
    elsewhere = tmp_path / "usb stick"
    elsewhere.mkdir()
    with program(tmp_path / "data") as one:
        agent = one.serve()
        opened(one, "before")
        made = one.orca("backup", "-o", str(elsewhere))
        (copy,) = elsewhere.iterdir()
        opened(one, "after")
        refused = one.orca("restore", str(copy))
        restored = one.orca("restore", str(copy), "--yes")
        found, again = titles(one), runfile.find_agent(one.data_dir)
        (aside,) = (one.data_dir / "backups").glob("*-before-restore.zip")
        undone = one.orca("restore", aside.name, "--yes")
        found_then = titles(one)
        code, _, _ = one.end()

    assert (made.returncode, made.stdout.strip().startswith(str(copy))) == (0, True)
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    assert restored.returncode == 0, restored.stderr
    assert f"{copy.name} is restored." in restored.stdout
    assert "-before-restore.zip" in restored.stdout
    assert (found, found_then) == (["before"], ["after", "before"])
    assert undone.returncode == 0, undone.stderr
    assert again is not None
    assert (again.pid, again.port, code) == (agent.pid, agent.port, 0)


def test_without_an_agent_the_command_does_it_itself(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "data", "old")
    backup = backed_up(folder_with(tmp_path / "other", "new"))
    with program(folder) as one:
        listed = one.orca("backup", "--list")
        made = one.orca("backup", "--json")
        restored = one.orca("restore", str(backup), "--yes")
        state = state_of(folder)
        again = one.orca("backup", "--list")

    assert listed.stdout.startswith("There are no backups")
    assert json.loads(made.stdout)["name"] in again.stdout
    assert restored.returncode == 0, restored.stderr
    assert (state.titles, state.settings, state.is_whole) == (("new",), "# new", True)
    assert len(again.stdout.splitlines()) == 2


def test_a_broken_database_is_named_with_the_way_back_and_left_as_it_is(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "data", "old")
    backed_up(folder)
    file = folder / "agent.db"
    whole = file.read_bytes()
    endings = {}
    with program(folder) as one:
        for name, broken in {
            "garbage": b"garbage " * 4000,
            "cut": whole[: len(whole) // 2],
            "head": b"\0" * 100 + whole[100:],
        }.items():
            file.write_bytes(broken)
            ended = one.orca("serve", "--no-browser")
            endings[name] = (ended.returncode, "restore --latest" in ended.stderr)
            assert "Traceback" not in ended.stderr
            assert file.read_bytes() == broken
        doctor = one.orca("doctor")
        restored = one.orca("restore", "--latest", "--yes")
        one.serve()
        found = titles(one)

    assert set(endings.values()) == {(1, True)}
    assert "restore --latest" in doctor.stdout
    assert (restored.returncode, found) == (0, ["old"]), restored.stderr
    kept = next((folder / "backups").glob("damaged-*.db"))
    assert kept.read_bytes() == b"\0" * 100 + whole[100:]


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "agent.db")) as foreign, foreign:
        foreign.execute("CREATE TABLE bookmarks (url TEXT)")
    before = (folder / "agent.db").read_bytes()

    with program(folder) as one:
        ended = one.orca("serve", "--no-browser")

    assert (ended.returncode, "not one of Orca Agents" in ended.stderr) == (1, True)
    assert (folder / "agent.db").read_bytes() == before


def test_a_restore_that_the_kill_of_the_agent_interrupts_is_all_or_nothing(tmp_path: Path) -> None:
    with program(tmp_path / "data") as one:
        one.serve()
        opened(one, "before")
        with one.client() as agent:
            run = agent.json("POST", "/backup", json={})
            name = [event.data for event in agent.events(str(run["id"]))][-1]["result"]["name"]  # type: ignore[index] # JSON
        seen: list[list[str]] = []
        for waits in (False, True, False):
            opened(one, f"after {len(seen)}")
            with one.client() as agent:
                begun = agent.json("POST", f"/backups/{name}/restore")
                if waits:  # until it is staged, and the agent about to start anew, or has done so
                    with suppress(NotFound):
                        events = list(agent.events(str(begun["id"])))
                        assert events[-1].name == "done"
            one.kill()
            one.serve()
            seen.append(titles(one))
            with one.client() as agent:
                last = agent.json("GET", "/backups")["last_restore"]
            assert last is None or last["problem"] is None

    assert seen[1] == ["before"]
    for found in seen:
        assert found == ["before"] or {"after 0", "after 2"} & set(found), found
        assert "before" in found


def test_a_restore_is_told_though_the_agent_was_faster_than_who_asks(tmp_path: Path) -> None:
    with program(folder_with(tmp_path / "data", "old")) as one:
        one.serve()
        one.orca("backup")
        opened(one, "after")
        done = subprocess.run(
            [one.python, "-c", SLOW_TO_ASK, "restore", "--latest", "--yes"],
            env=one.environment,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        found = titles(one)

    assert done.returncode == 0, done.stderr
    assert "is restored." in done.stdout
    assert found == ["old"]


def test_reset_says_what_goes_and_keeps_it_first(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "data", "old", files=("01990000-0000-7000-8000-000000000001",))
    with program(folder) as one:
        asked = one.orca("reset", "--conversations")
        nothing = one.orca("reset")
        done = one.orca("reset", "--conversations", "--files", "--settings", "--yes")
        state = state_of(folder)
        one.serve()
        refused = one.orca("reset", "--all", "--yes")
        one.end()
        backup = next((folder / "backups").glob("*-before-reset.zip"))
        everything = one.orca("reset", "--all", "--yes", "--no-backup")
        left = sorted(path.name for path in folder.iterdir())

    assert (asked.returncode, nothing.returncode, done.returncode) == (2, 2, 0), done.stderr
    assert (state.titles, state.settings, state.tokens) == ((), None, ("old",))
    assert not list((folder / "slicer").glob("*")) if (folder / "slicer").exists() else True
    assert (refused.returncode, "Stop the agent first" in refused.stderr) == (1, True)
    assert (everything.returncode, set(left) <= {"agent.lock", "backups"}) == (0, True)
    with zipfile.ZipFile(backup) as archive:
        assert "slicer/01990000-0000-7000-8000-000000000001.gcode" in archive.namelist()
