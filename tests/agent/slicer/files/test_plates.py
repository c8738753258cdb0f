"""The moves inside a sliced project: taken out of it, read, and gone from the disk again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.agent.slicer.sending import FILES, sent
from tests.serving import Served
from tests.slicing import gcode, threemf
from tests.sse import follow

pytestmark = pytest.mark.asyncio(loop_scope="module")
TOWER = gcode.Part(layers=50)
LARGE = gcode.orca(body="G1 X10 Y10 E.01 F6000\nG1 X20 Y10 E.01\n" * 500_000)


async def project(
    served: Served, folder: Path, plates: Mapping[int, str], *, is_sliced: bool = True
) -> str:
    """The address of a project whose plates have this G-code."""
    changed = {f"Metadata/plate_{n}.gcode": text for n, text in plates.items()}
    content = threemf.members(is_sliced=is_sliced, changed=changed)
    path = threemf.write_3mf(folder / "p.gcode.3mf", content)
    return f"{FILES}/{(await sent(served.client, path.read_bytes(), path.name))['id']}"


async def analysed(
    client: httpx.AsyncClient, file: str, **asked: int
) -> tuple[list[tuple[str, Any]], Any]:  # Any: JSON
    """The events of a new analysis, and what it found."""
    started = await client.post(f"{file}/analysis", json=asked or None)
    assert started.status_code == 202, started.text
    events = await follow(client, started.json()["id"])
    return [(one.name, one.data) for one in events], (await client.get(f"{file}/analysis")).json()


def parts(served: Served) -> list[Path]:
    return list(served.settings.slicer_dir.glob("*.part"))


async def test_the_first_plate_is_read_unless_another_is_named(
    served: Served, tmp_path: Path
) -> None:
    plates = {1: gcode.bambu(), 2: gcode.orca(TOWER, settings={"printable_height": "5"})}
    file = await project(served, tmp_path, plates)

    events, first = await analysed(served.client, file)
    before = (await served.client.get(file)).json()
    _, second = await analysed(served.client, file, plate=2)
    after = (await served.client.get(file)).json()
    text = (await served.client.get(f"{file}/report?format=md")).text

    about = {"file_id": before["id"], "plate": 1}
    assert events[0] == ("started", about)
    assert events[-1] == ("done", {"result": {**about, "findings": len(before["findings"])}})
    assert {data["status"] for name, data in events if name == "progress"} <= {
        "unpacking",
        "reading",
    }
    assert [(one["plate"], len(one["layers"]["z_mm"])) for one in (first, second)] == [
        (1, 3),
        (2, 50),
    ]
    found = [{one["id"]: one for one in file["findings"]} for file in (before, after)]
    assert ["too-tall" in each for each in found] == [False, True]
    assert found[1]["too-tall"]["evidence"][0]["where"] == "plate 2"
    assert found[1]["slicer-warned"]["evidence"][0]["where"] == "plate 1"
    assert "| Plate | 2 |" in text
    assert parts(served) == []


async def test_what_has_no_moves_says_to_slice_first(served: Served, tmp_path: Path) -> None:
    unsliced = await project(served, tmp_path, {}, is_sliced=False)
    sliced = await project(served, tmp_path, {})
    alone = f"{FILES}/{(await sent(served.client))['id']}"

    answers = [
        await served.client.post(f"{file}/analysis", json=asked)
        for file, asked in (
            (unsliced, None),
            (sliced, {"plate": 7}),
            (alone, {"plate": 1}),
            (sliced, {"plate": 0}),
        )
    ]

    told = [(one.status_code, one.json()["type"].rpartition(":")[2]) for one in answers]
    assert told == [*[(409, "nothing-to-analyse")] * 3, (422, "invalid-fields")]
    assert "Slice it first, then send the sliced file" in answers[0].json()["detail"]
    assert answers[1].json()["detail"].endswith("or choose one that is sliced: 1, 2.")


async def test_nothing_is_left_of_a_plate_that_is_cancelled_or_broken(
    served: Served, tmp_path: Path
) -> None:
    file = await project(served, tmp_path, {1: LARGE, 2: "\x00" * 1000})

    run = (await served.client.post(f"{file}/analysis")).json()["id"]
    other = await served.client.post(f"{file}/analysis", json={"plate": 2})
    same = await served.client.post(f"{file}/analysis", json={"plate": 1})
    await served.client.post(f"/api/v1/runs/{run}/cancel")
    ended = (await follow(served.client, run))[-1].name
    left = parts(served)
    broken = (await served.client.post(f"{file}/analysis", json={"plate": 2})).json()["id"]
    problem: Any = (await follow(served.client, broken))[-1].data["problem"]  # Any: JSON

    assert (other.status_code, other.json()["type"].rpartition(":")[2]) == (409, "still-analysing")
    assert (same.json()["id"], ended, left, parts(served)) == (run, "cancelled", [], [])
    assert problem["type"] == "urn:orca:problem:gcode-empty"
    assert problem["detail"].startswith("Plate 2 of p.gcode.3mf is empty.")
