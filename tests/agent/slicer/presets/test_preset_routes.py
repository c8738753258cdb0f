"""Presets through the door of a running agent."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from tests.agent.slicer.sending import sent
from tests.serving import Served, running_agent
from tests.slicing.presets import DataFolder, workshop
from tests.slicing.threemf import members, write_3mf

BROKEN = (
    "The file cannot be read as a preset. OrcaSlicer deletes such a file of the user's when it "
    "starts: save a copy elsewhere first."
)


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return workshop(tmp_path / "OrcaSlicer")


@pytest.fixture
async def served(tmp_path: Path, data: DataFolder) -> AsyncIterator[Served]:
    async with running_agent(tmp_path / "agent", slicer_data_dirs=str(data.root)) as served:
        yield served


async def test_folders_and_presets_are_listed(served: Served, data: DataFolder) -> None:
    get = served.client.get
    data.write("user/default/process/Broken.json", "{")

    folders = (await get("/api/v1/slicer/folders")).json()
    users = (await get("/api/v1/slicer/presets?origin=user&type=process")).json()
    paged = (await get("/api/v1/slicer/presets?q=acme&limit=2")).json()
    rest = (await get(f"/api/v1/slicer/presets?q=acme&cursor={paged['next_cursor']}")).json()

    assert folders["items"] == [
        {
            "path": str(data.root.resolve()),
            "system": 7,
            "user": 4,
            "scopes": ["Acme", "OrcaFilamentLibrary", "default"],
            "notes": [],
        }
    ]
    assert [(one["name"], one["problem"]) for one in users["items"]] == [
        ("Broken", BROKEN),
        ("Strong", None),
    ]
    assert [one["name"] for one in (*paged["items"], *rest["items"])] == [
        "0.20mm Standard @Acme",
        "Acme One 0.4 nozzle",
        "Acme PETG",
    ]
    assert rest["next_cursor"] is None


async def test_presets_are_shown_compared_and_told(served: Served) -> None:
    get = served.client.get
    compare = "/api/v1/slicer/presets/compare?type=process&a=0.20mm Standard @Acme&b=Strong"

    shown = (await get("/api/v1/slicer/presets/process/Strong")).json()
    compared = (await get(compare)).json()
    told = await get("/api/v1/slicer/presets/process/Strong/markdown")
    keys = (await get("/api/v1/slicer/keys")).json()["items"]

    density = {"key": "sparse_infill_density", "label": "Sparse infill density", "unit": "%"}
    walls = {"key": "wall_loops", "label": "Wall loops", "unit": ""}
    changed = [{**density, "old": "15%", "new": "40%"}, {**walls, "old": "2", "new": "5"}]
    assert shown["chain"] == ["0.20mm Standard @Acme", "fdm_process_common"]
    assert (shown["own"], compared["items"]) == (changed, changed)
    assert told.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert "| Wall loops (`wall_loops`) | 5 | 2 |" in told.text
    assert keys[0] == {
        "key": "layer_height",
        "types": ["process"],
        "kind": "number",
        "label": "Layer height",
        "page": "Quality",
        "unit": "mm",
        "low": 0.04,
        "high": 1.2,
        "choices": [],
        "percent_of": None,
        "is_list": False,
        "is_nullable": False,
    }


async def test_a_project_that_comes_in_is_shown_and_held_against_its_presets(
    served: Served, tmp_path: Path
) -> None:
    project = write_3mf(tmp_path / "box.3mf", members())
    get = served.client.get

    taken = await sent(served.client, project.read_bytes(), "box.3mf")
    picture = await get(f"/api/v1/slicer/files/{taken['id']}/thumbnail?plate=2&max_edge=32")
    named = (await get(f"/api/v1/slicer/files/{taken['id']}/presets")).json()["items"]

    assert (taken["kind"], taken["printer"], len(taken["plates"])) == (
        "3mf",
        "Acme One 0.4 nozzle",
        2,
    )
    assert Image.open(io.BytesIO(picture.content)).size == (32, 32)
    assert [(one["type"], one["name"], one["index"], one["is_found"]) for one in named] == [
        ("process", "Strong", 0, True),
        ("machine", "Acme One 0.4 nozzle", 0, True),
        ("filament", "My PETG", 0, True),
        ("filament", "Generic PLA @System", 1, False),
    ]
    assert [(one["key"], one["old"], one["new"]) for one in named[0]["items"]] == [
        ("sparse_infill_density", "40%", "15%"),
        ("wall_loops", "5", "3"),
    ]
    assert [(one["key"], one["old"], one["new"]) for one in named[2]["items"]] == [
        ("nozzle_temperature", ["235"], ["240"]),
    ]


async def test_what_is_not_there_or_no_preset_is_said(served: Served, data: DataFolder) -> None:
    get = served.client.get
    data.write("user/default/process/Broken.json", "{")

    replies = [
        await get("/api/v1/slicer/presets/process/Nobody"),
        await get("/api/v1/slicer/presets/nozzle/Strong"),
        await get("/api/v1/slicer/presets/process/..%2F..%2F..%2Fetc%2Fpasswd"),
        await get("/api/v1/slicer/presets/process/Broken"),
        await served.stranger.get("/api/v1/slicer/presets"),
    ]

    assert [(reply.status_code, reply.json()["type"]) for reply in replies] == [
        (404, "urn:orca:problem:no-such-preset"),
        (404, "urn:orca:problem:no-such-preset"),
        (404, "urn:orca:problem:no-such-preset"),
        (422, "urn:orca:problem:preset-unreadable"),
        (401, "urn:orca:problem:unauthenticated"),
    ]
    assert "do-not-tell" not in (await get("/api/v1/slicer/presets/machine/My One")).text
