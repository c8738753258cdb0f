"""The plugin is put where OrcaSlicer looks for it, and nothing of anybody's is lost by that."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.slicer.plugin.rules import version_of
from tests.agent.program import program, until
from tests.house.tree import ROOT
from tests.serving import Served, running_agent

OURS = (ROOT / "ui/orcaslicer/orca_agents.py").read_text("utf-8")
VERSION = version_of(OURS)
WHERE = "orca_plugins/orca_agents/orca_agents.py"


@pytest.fixture
def slicer(tmp_path: Path) -> Path:
    folder = tmp_path / "Ürca Slicer"
    folder.mkdir()
    return folder


@pytest.fixture
async def agent(tmp_path: Path, slicer: Path) -> AsyncIterator[Served]:
    async with running_agent(tmp_path / "data", slicer_data_dirs=str(slicer)) as agent:
        yield agent


async def done(agent: Served, what: str, **body: str) -> Any:
    answer = await agent.client.post(f"/api/v1/plugin/{what}", json=body)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


async def test_it_is_installed_once_and_taken_away_whole(agent: Served, slicer: Path) -> None:
    before = (await agent.client.get("/api/v1/plugin")).json()
    first = await done(agent, "install")
    again = await done(agent, "install", path=str(slicer))
    text = (slicer / WHERE).read_text("utf-8")
    after = await done(agent, "remove")

    absent = {"path": str(slicer), "state": "absent", "version": None}
    current = {"path": str(slicer), "state": "current", "version": VERSION}
    assert before == {"version": VERSION, "folders": [absent]}
    assert first == again == {"version": VERSION, "folders": [current], "kept": []}
    assert text == OURS
    assert after == {"version": VERSION, "folders": [absent], "kept": []}
    assert list((slicer / "orca_plugins").iterdir()) == []


async def test_an_older_version_is_replaced(agent: Served, slicer: Path) -> None:
    file = slicer / WHERE
    file.parent.mkdir(parents=True)
    file.write_text(OURS.replace(f'version = "{VERSION}"', 'version = "0.0.1"'), "utf-8")

    before = (await agent.client.get("/api/v1/plugin")).json()["folders"][0]
    after = await done(agent, "install")

    assert (before["state"], before["version"]) == ("older", "0.0.1")
    assert (after["folders"][0]["state"], after["kept"]) == ("current", [])


@pytest.mark.parametrize("what", ["install", "remove"])
async def test_what_somebody_changed_is_kept_beside(agent: Served, slicer: Path, what: str) -> None:
    await done(agent, "install")
    file = slicer / WHERE
    file.write_text(OURS + "\nMINE = True\n", "utf-8")
    state = (await agent.client.get("/api/v1/plugin")).json()["folders"][0]["state"]

    after = await done(agent, what)

    assert state == "changed"
    assert after["kept"] == ["orca_agents.py.kept-1"]
    assert file.with_name("orca_agents.py.kept-1").read_text("utf-8").endswith("MINE = True\n")
    assert file.exists() is (what == "install")


async def test_what_the_slicer_noted_of_the_plugin_stays(agent: Served, slicer: Path) -> None:
    await done(agent, "install")
    note = (slicer / WHERE).with_name(".install_state.json")
    note.write_text("{}", "utf-8")

    await done(agent, "remove")

    assert note.exists()


async def test_a_link_leads_no_writing_elsewhere(
    agent: Served, slicer: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (slicer / "orca_plugins").symlink_to(elsewhere)

    answer = await agent.client.post("/api/v1/plugin/install", json={})

    assert (answer.status_code, answer.json()["type"]) == (
        409,
        "urn:orca:problem:plugin-is-link",
    )
    assert list(elsewhere.iterdir()) == []


async def test_a_file_where_a_folder_should_be_is_told(agent: Served, slicer: Path) -> None:
    (slicer / "orca_plugins").write_text("", "utf-8")

    answer = await agent.client.post("/api/v1/plugin/install", json={})

    assert (answer.status_code, answer.json()["type"]) == (
        403,
        "urn:orca:problem:plugin-not-written",
    )


async def test_a_folder_that_nobody_named_is_refused(agent: Served, tmp_path: Path) -> None:
    paths = [str(tmp_path), "a\0b", "~nobody/x", "~", "x" * 5000]
    answers = [
        await agent.client.post(f"/api/v1/plugin/{what}", json={"path": path})
        for what in ("install", "remove")
        for path in paths
    ]

    assert {(one.status_code, one.json()["type"]) for one in answers} == {
        (404, "urn:orca:problem:no-slicer-folder")
    }


@pytest.mark.slow
async def test_a_folder_elsewhere_counts_if_the_slicer_has_made_it(
    agent: Served, slicer: Path, tmp_path: Path
) -> None:
    portable = tmp_path / "portable"
    for name in ("user", "system"):
        (portable / name).mkdir(parents=True)
    first = await done(agent, "install", path=str(portable))
    text = (portable / WHERE).read_text("utf-8")
    after = await done(agent, "remove", path=str(portable))

    absent = {"path": str(slicer), "state": "absent", "version": None}
    there = {"path": str(portable), "state": "current", "version": VERSION}
    gone = {"path": str(portable), "state": "absent", "version": None}
    assert text == OURS
    assert (first["folders"], after["folders"]) == ([absent, there], [absent, gone])


async def test_installing_many_times_at_once_is_as_installing_once(tmp_path: Path) -> None:
    folders = [tmp_path / f"slicer {number}" for number in range(12)]
    for folder in folders:
        folder.mkdir()
    named = os.pathsep.join(map(str, folders))
    async with running_agent(tmp_path / "data", slicer_data_dirs=named) as agent:
        asked = [agent.client.post("/api/v1/plugin/install", json={}) for _ in range(8)]
        answers = await asyncio.gather(*asked)
        shown = (await agent.client.get("/api/v1/plugin")).json()["folders"]
    noted = json.loads((tmp_path / "data" / "plugin.json").read_text("utf-8"))

    assert [one.status_code for one in answers] == [httpx.codes.OK] * len(answers)
    assert [one["state"] for one in shown] == ["current"] * len(folders)
    assert sorted(noted) == sorted(map(str, folders))


@pytest.mark.slow
def test_the_commands_say_what_they_did(tmp_path: Path, slicer: Path) -> None:
    with program(tmp_path / "data", ORCA_AGENT_SLICER_DATA_DIRS=str(slicer)) as orca:
        orca.serve()
        until(lambda: orca.orca("status", "--json").returncode == 0)
        roundabout = str(slicer / ".." / slicer.name)
        installed = orca.orca("plugin", "install", "--folder", roundabout)
        shown = orca.orca("plugin", "status", "--json")
        foreign = orca.orca("plugin", "install", "--folder", "~nobody-here/x")
        removed = orca.orca("plugin", "remove")
        updates = orca.orca("updates", "--check")

    assert installed.stdout == f"{slicer}: there, version {VERSION}\n"
    assert json.loads(shown.stdout)["folders"][0]["state"] == "current"
    assert (foreign.returncode, "no data folder" in foreign.stderr) == (1, True)
    assert removed.stdout == f"{slicer}: not there\n"
    assert (updates.returncode, "update_url" in updates.stderr) == (1, True)
