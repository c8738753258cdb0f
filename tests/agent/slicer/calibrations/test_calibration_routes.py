"""The calibration assistant through the door."""

import json
from pathlib import Path

import httpx

from tests.serving import Served, running_agent
from tests.slicing.presets import workshop

MEASURED = {
    "test": "temperature",
    "values": {"start": 230, "end": 190, "z": 34},
    "parent": "Generic PETG @System",
    "name": "My PETG / 215",
}


async def test_the_assistant_goes_from_the_list_to_a_preset(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/api/v1/slicer/calibrations")).json()
    reply = await client.post("/api/v1/slicer/calibrations", json=MEASURED)
    found = reply.json()
    file = await client.get(found["preset"]["download"])
    shaping = {"test": "input-shaping-frequency", "values": {"z_x": 30, "z_y": 20}, "parent": "P"}
    in_firmware = (await client.post("/api/v1/slicer/calibrations", json=shaping)).json()

    first = listed["items"][0]
    assert (first["id"], first["order"], listed["next_cursor"]) == ("temperature", 1, None)
    assert (first["group"], first["way"]) == ("Temperature tower", "")
    assert [
        (one["id"], one["way"]) for one in listed["items"] if one["group"] == "Pressure advance"
    ] == [("pressure-advance-tower", "Tower"), ("pressure-advance-line", "Line or pattern")]
    assert first["fields"][0] == {
        "name": "start",
        "label": "Start (bottom)",
        "unit": "°C",
        "kind": "number",
        "default": "230",
        "minimum": 150.0,
        "maximum": 450.0,
        "step": 1.0,
        "choices": [],
        "help": "",
        "needed": True,
    }
    assert (reply.status_code, found["steps"]) == (
        200,
        ["floor(34 / 10) = 3", "230 − 5 · 3 = 215 °C"],
    )
    assert found["next"]["id"] == "max-volumetric-speed"
    assert found["preset"]["content"] == {
        "type": "filament",
        "name": "My PETG 215",
        "from": "User",
        "inherits": "Generic PETG @System",
        "version": "2.3.0.0",
        "is_custom_defined": "0",
        "filament_settings_id": ["My PETG 215"],
        "nozzle_temperature": ["215"],
        "nozzle_temperature_initial_layer": ["215"],
    }
    assert "leaves the file out without a word" in found["preset"]["warning"]
    assert (in_firmware["lines"], in_firmware["preset"]) == ([], None)
    assert in_firmware["commands"][0]["text"] == "M593 X F62.5\nM593 Y F46.7\nM500"
    assert file.json() == found["preset"]["content"]
    assert (
        file.headers["Content-Disposition"] == "attachment; filename*=UTF-8''My%20PETG%20215.json"
    )


async def test_what_cannot_be_is_a_problem_that_names_the_field(served: Served) -> None:
    bad = await served.client.post(
        "/api/v1/slicer/calibrations", json={"test": "temperature", "values": {"z": 400}}
    )
    unknown = await served.client.post(
        "/api/v1/slicer/calibrations", json={"test": "moon", "values": {}}
    )
    query = {"values": "[1]", "parent": "x"}
    odd = await served.client.get(
        "/api/v1/slicer/calibrations/temperature/preset.json", params=query
    )
    stranger = await served.stranger.get("/api/v1/slicer/calibrations")

    assert (bad.status_code, bad.json()["errors"]) == (
        422,
        [{"field": "values.z", "detail": "This tower is only 90 mm tall."}],
    )
    assert (unknown.status_code, unknown.json()["type"]) == (
        404,
        "urn:orca:problem:no-such-calibration",
    )
    assert (odd.status_code, odd.json()["errors"][0]["field"]) == (422, "values")
    assert stranger.status_code == 401


async def test_a_preset_of_the_users_keeps_what_was_changed_in_it(tmp_path: Path) -> None:
    data = workshop(tmp_path / "OrcaSlicer")
    asked = {"test": "temperature", "values": {"z": 34}, "parent": "My PETG"}
    async with running_agent(tmp_path / "agent", slicer_data_dirs=str(data.root)) as served:
        found = (await served.client.post("/api/v1/slicer/calibrations", json=asked)).json()
        content = found["preset"]["content"]
        data.write(f"user/default/filament/{content['name']}.json", json.dumps(content))
        shown = await served.client.get(f"/api/v1/slicer/presets/filament/{content['name']}")
        again = (await served.client.post("/api/v1/slicer/calibrations", json=asked)).json()

    day = content["name"].removeprefix("My PETG @agent ")
    assert len(day) == len("2026-11-20")
    assert content == {
        "type": "filament",
        "name": f"My PETG @agent {day}",
        "from": "User",
        "inherits": "Acme PETG",
        "version": "2.3.0.0",
        "is_custom_defined": "0",
        "filament_settings_id": [f"My PETG @agent {day}"],
        "filament_notes": ["dry it first"],
        "nozzle_temperature": ["215"],
        "nozzle_temperature_initial_layer": ["215"],
    }
    assert found["preset"]["warning"] is None
    assert shown.json()["settings"]["nozzle_temperature"] == ["215"]
    assert shown.json()["settings"]["filament_max_volumetric_speed"] == ["9"]
    assert again["preset"]["name"].endswith(f"{day} 2")


async def test_a_parent_that_orcaslicer_would_not_find_is_refused(tmp_path: Path) -> None:
    data = workshop(tmp_path / "OrcaSlicer")
    values = {"z": 34}
    asked = [
        {"test": "temperature", "values": values, "parent": parent}
        for parent in ("Nope", "acme petg", "Strong", "fdm_filament_common")
    ]
    query = {"values": json.dumps(values), "parent": "Nope"}
    async with running_agent(tmp_path / "agent", slicer_data_dirs=str(data.root)) as served:
        post, get = served.client.post, served.client.get
        replies = [await post("/api/v1/slicer/calibrations", json=one) for one in asked]
        replies.append(
            await get("/api/v1/slicer/calibrations/temperature/preset.json", params=query)
        )

    assert [(reply.status_code, reply.json()["type"]) for reply in replies] == [
        (422, "urn:orca:problem:unusable-parent")
    ] * 5
    here = "on this computer."
    near = "Near it are Acme PETG, My PETG, Generic PETG @System."
    assert [reply.json()["errors"][0] for reply in replies[:3]] == [
        {"field": "parent", "detail": f"There is no filament preset 'Nope' {here}"},
        {"field": "parent", "detail": f"There is no filament preset 'acme petg' {here} {near}"},
        {
            "field": "parent",
            "detail": "'Strong' is a process preset, and this needs a filament preset.",
        },
    ]
