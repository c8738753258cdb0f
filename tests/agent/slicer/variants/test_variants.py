"""Projects sliced in several ways, by a program in OrcaSlicer's place that knows its arguments."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.agent.slicer.sending import sent
from tests.serving import Served, running_agent
from tests.slicing.presets import workshop
from tests.slicing.threemf import SETTINGS, members, model, write_3mf
from tests.sse import follow

PROGRAM = Path(__file__).parents[3] / "fakes" / "slicer_program.py"
VARIANTS = "/api/v1/slicer/variants"


class StandIn:
    """Where the program is, how it should behave, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.program = folder / "orca-slicer"
        self.pids = folder / "pids"
        source = PROGRAM.read_text("utf-8")
        self.program.write_text(f"#!{sys.executable}\n{source}", "utf-8")
        self.program.chmod(0o755)

    def behave(self, how: str) -> None:
        (self.folder / "behave").write_text(how)

    @property
    def calls(self) -> list[dict[str, Any]]:  # Any: JSON
        lines = (self.folder / "calls.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]


def alive(pids: str) -> list[int]:
    """Which of these processes do not end. One that was killed may take a moment."""
    left = list(map(int, pids.split()))
    for _ in range(100):
        running = [psutil.Process(pid) for pid in left if is_running(pid)]
        if not running:
            return []
        psutil.wait_procs(running, timeout=0.05)
    return left


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def slicer(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path / "slicer")


@pytest.fixture
async def served(tmp_path: Path, slicer: StandIn) -> AsyncIterator[Served]:
    async with running_agent(
        tmp_path / "agent",
        orcaslicer_binary=slicer.program,
        slicer_data_dirs=str(workshop(tmp_path / "OrcaSlicer").root),
        slicing_seconds=20,
        slicing_mb=32,
    ) as served:
        yield served


async def taken(
    served: Served, tmp_path: Path, content: dict[str, str | bytes] | None = None
) -> str:
    path = write_3mf(tmp_path / "box.3mf", content or members())
    return str((await sent(served.client, path.read_bytes(), "box.3mf"))["id"])


async def ended(served: Served, **asked: object) -> tuple[str, dict[str, Any]]:  # Any: JSON
    """The last event of the run that slices."""
    run = await served.client.post(VARIANTS, json=asked)
    assert run.status_code == 202, run.text
    last = (await follow(served.client, run.json()["id"]))[-1]
    data: dict[str, Any] = last.data
    return last.name, data


async def test_a_project_is_sliced_as_it_is_and_as_is_wished(
    served: Served, slicer: StandIn, tmp_path: Path
) -> None:
    hostile = {**SETTINGS, "post_process": ["rm -rf ~"]}
    file_id = await taken(served, tmp_path, members(hostile))
    change = {"preset_type": "process", "key": "layer_height", "new": "0.4"}

    name, told = await ended(
        served,
        file_id=file_id,
        intents=["stronger"],
        variants=[
            {"name": "thick", "changes": [change]},
            {
                "name": "hot",
                "changes": [{"preset_type": "filament", "key": "nozzle_temperature", "new": "230"}],
            },
        ],
    )

    found = told["result"]
    files = [one for each in found["variants"] for one in each["files"]]
    kept = (await served.client.get("/api/v1/slicer/files")).json()["items"]
    assert (name, found["program"], found["notes"]) == ("done", "OrcaSlicer", [])
    assert [
        (one["name"], one["seconds"], one["grams"], one["layers"], one["problem"])
        for one in found["variants"]
    ] == [
        ("as it is", 100, 3.5, 100, None),
        ("thick", 50, 3.5, 50, None),
        ("hot", 100, 3.5, 100, None),
        ("stronger", 100, 4.5, 100, None),
    ]
    assert {one["id"] for one in kept} == {file_id, *files}
    assert {one["source"] for one in kept if one["id"] in files} == {"variant"}
    settings = [call["settings"] for call in slicer.calls]
    assert [one["post_process"] for one in settings] == [[]] * 4
    assert settings[2]["nozzle_temperature"] == ["230", "230"]
    assert settings[1]["different_settings_to_system"][0] == "wall_loops;seam_position;layer_height"
    assert not any("printhost" in key and value for one in settings for key, value in one.items())


@pytest.mark.slow
async def test_a_slicer_knows_nothing_of_the_one_who_asks(
    served: Served, slicer: StandIn, tmp_path: Path
) -> None:
    await ended(served, file_id=await taken(served, tmp_path))

    (call,) = slicer.calls
    folder = served.settings.data_dir / "slicing"
    about = call["environment"]
    below = Path(about["HOME"]).parent
    assert below.parent == folder
    assert call["arguments"] == [
        *("--slice", "0", "--outputdir", str(below / "out"), "--datadir", str(below / "data")),
        *("--allow-newer-file", "--mstpp", "20", str(below / "project.3mf")),
    ]
    assert set(about) - {"LC_CTYPE", "PWD", "__PYVENV_LAUNCHER__"} <= {
        *("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY"),
        *("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA"),
        *("TMPDIR", "TEMP", "TMP"),
    }
    assert list(folder.iterdir()) == []


@pytest.mark.slow
async def test_a_model_is_sliced_with_presets_whose_chains_are_flattened(
    served: Served, slicer: StandIn, tmp_path: Path
) -> None:
    file_id = await taken(served, tmp_path, {"3D/3dmodel.model": model()})
    before = written_in(tmp_path / "OrcaSlicer")

    name, told = await ended(
        served,
        file_id=file_id,
        program="OrcaSlicer",
        presets={"machine": "My One", "process": "Strong", "filaments": ["My PETG", "Acme PETG"]},
        variants=[
            {
                "name": "few walls",
                "changes": [{"preset_type": "process", "key": "wall_loops", "new": "2"}],
            }
        ],
    )

    first, second = slicer.calls
    options = dict(zip(first["arguments"], first["arguments"][1:], strict=False))
    assert name == "done"
    assert [one["grams"] for one in told["result"]["variants"]] == [5.5, 2.5]
    assert len(options["--load-settings"].split(";")) == 2
    assert len(options["--load-filaments"].split(";")) == 2
    settings = first["settings"]
    assert settings["filament_type"] == ["PETG"]
    assert settings["inner_wall_speed"] == "150"
    assert settings["nozzle_diameter"] == ["0.4"]
    assert settings["compatible_printers"] == ["My One"]
    assert second["settings"]["wall_loops"] == "2"
    assert written_in(tmp_path / "OrcaSlicer") == before


async def test_a_wish_starts_from_what_the_slicing_came_to(
    served: Served, slicer: StandIn, tmp_path: Path
) -> None:
    unsaid = {key: value for key, value in SETTINGS.items() if key != "layer_height"}
    file_id = await taken(served, tmp_path, members(unsaid))

    _, told = await ended(served, file_id=file_id, intents=["faster"])

    faster = told["result"]["variants"][1]
    changed = {one["key"]: (one["old"], one["new"]) for one in faster["changes"]}
    assert changed["layer_height"] == ("0.2", "0.28")  # 0.2 stands in the sliced file alone
    assert slicer.calls[1]["settings"]["layer_height"] == "0.28"


@pytest.mark.slow
async def test_a_model_without_settings_is_changed_from_its_presets_or_not_at_all(
    served: Served, tmp_path: Path
) -> None:
    file_id = await taken(served, tmp_path, {"3D/3dmodel.model": model()})
    presets = {"machine": "My One", "process": "Strong", "filaments": ["My PETG"]}

    change = {"preset_type": "process", "key": "wall_loops", "new": "2"}
    _, alone = await ended(
        served, file_id=file_id, program="OrcaSlicer", variants=[{"name": "2", "changes": [change]}]
    )
    _, told = await ended(
        served, file_id=file_id, program="OrcaSlicer", presets=presets, intents=["stronger"]
    )

    unchanged, stronger = told["result"]["variants"]
    changed = {one["key"]: (one["old"], one["new"]) for one in stronger["changes"]}
    assert alone["result"]["variants"][1]["problem"].startswith("The project brings no settings")
    assert changed["wall_loops"] == ("5", "6")
    assert stronger["grams"] == unchanged["grams"] + 1


@pytest.mark.slow
async def test_a_slicer_that_fails_says_why(
    served: Served, slicer: StandIn, tmp_path: Path
) -> None:
    slicer.behave("fail 52")

    name, told = await ended(served, file_id=await taken(served, tmp_path))

    assert (name, told["problem"]["detail"]) == (
        "error",
        "OrcaSlicer did not slice it: an object is partly outside of the bed.",
    )


@pytest.mark.slow
async def test_a_slicer_that_fills_the_disk_is_ended_with_its_children(
    served: Served, slicer: StandIn, tmp_path: Path
) -> None:
    slicer.behave("fill")

    name, told = await ended(served, file_id=await taken(served, tmp_path))

    assert (name, told["problem"]["detail"]) == (
        "error",
        "Slicing wrote more than the 32 MB that it may (slicing_mb).",
    )
    assert alive(slicer.pids.read_text()) == []
    assert list((served.settings.data_dir / "slicing").iterdir()) == []


async def test_cancelling_ends_the_slicer_and_its_children(
    served: Served, slicer: StandIn, tmp_path: Path
) -> None:
    slicer.behave("hang")
    os.mkfifo(slicer.pids)
    file_id = await taken(served, tmp_path)

    run = (await served.client.post(VARIANTS, json={"file_id": file_id})).json()
    pids = await asyncio.to_thread(slicer.pids.read_text)  # returns when the slicer has begun
    cancelled = await served.client.post(f"/api/v1/runs/{run['id']}/cancel")

    assert cancelled.json()["state"] == "cancelled"
    assert alive(pids) == []
    assert list((served.settings.data_dir / "slicing").iterdir()) == []


@pytest.mark.slow
async def test_a_slicer_that_takes_too_long_is_ended(tmp_path: Path, slicer: StandIn) -> None:
    slicer.behave("hang")
    async with running_agent(
        tmp_path / "agent", orcaslicer_binary=slicer.program, slicing_seconds=2
    ) as served:
        name, told = await ended(served, file_id=await taken(served, tmp_path))

    assert (name, told["problem"]["detail"]) == (
        "error",
        "Slicing took longer than the 2 s that it has (slicing_seconds).",
    )
    assert alive(slicer.pids.read_text()) == []


REFUSED: list[tuple[dict[str, object], str]] = [
    ({"preset_type": "process", "key": "post_process", "new": ["x"]}, "refused-change"),
    ({"preset_type": "process", "key": "no_such_key", "new": "1"}, "refused-change"),
    ({"preset_type": "machine", "key": "wall_loops", "new": "1"}, "refused-change"),
    ({"preset_type": "process", "key": "wall_loops", "new": "1\x00"}, "refused-change"),
    ({"preset_type": "process", "key": "wall-loops", "new": "1"}, "invalid-fields"),
    ({"preset_type": "process", "key": "wall_loops", "new": 3}, "invalid-fields"),
]


async def test_what_cannot_be_changed_is_refused(served: Served, tmp_path: Path) -> None:
    file_id = await taken(served, tmp_path)

    found = []
    for change, _ in REFUSED:
        asked = {"file_id": file_id, "variants": [{"name": "x", "changes": [change]}]}
        reply = await served.client.post(VARIANTS, json=asked)
        found.append((reply.status_code, reply.json()["type"]))

    assert found == [(422, f"urn:orca:problem:{code}") for _, code in REFUSED]


@pytest.mark.slow
async def test_what_has_no_models_or_no_slicer_is_said(served: Served, tmp_path: Path) -> None:
    post = served.client.post
    sliced = await sent(served.client)
    file_id = await taken(served, tmp_path)
    served.settings.orcaslicer_binary.unlink()  # type: ignore[union-attr]  # it is set above

    replies = [
        await post(VARIANTS, json={"file_id": sliced["id"]}),
        await post(VARIANTS, json={"file_id": "nobody"}),
        await post(VARIANTS, json={"file_id": file_id, "program": "OrcaSlicer"}),
        await served.stranger.post(VARIANTS, json={"file_id": file_id}),
    ]

    assert [(reply.status_code, reply.json()["type"]) for reply in replies] == [
        (409, "urn:orca:problem:nothing-to-slice"),
        (404, "urn:orca:problem:no-such-file"),
        (503, "urn:orca:problem:no-slicer"),
        (401, "urn:orca:problem:unauthenticated"),
    ]


def written_in(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file of a folder, with when it was changed and what it has."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }
