"""Advice through the door: checked, kept, picked, imported, and followed up."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from tests.agent.slicer.advice.printing import (
    ADVICE,
    ORDER,
    PETG,
    PLAIN,
    advised,
    printed,
    system_of,
    verdicts,
)
from tests.agent.talking import body, problem
from tests.fakes.ollama import FakeOllama
from tests.serving import Served, running_agent
from tests.sse import follow

pytestmark = pytest.mark.asyncio(loop_scope="module")


def said(*changes: tuple[str, object], answer: str = "Try this.") -> str:
    """The structured answer of a model."""
    listed = [
        {"preset_type": "filament", "key": key, "new": str(new), "reason": "it strings"}
        for key, new in changes
    ]
    return json.dumps({"answer": answer, "changes": listed})


async def test_changes_become_presets_that_keep_what_the_user_changed(served: Served) -> None:
    file_id = await printed(served.client)

    told = await advised(
        served.client,
        file_id=file_id,
        changes=[
            {"key": "nozzle_temperature", "new": 400},
            {"key": "filament_flow_ratio", "new": 0.96, "reason": "over-extruded"},
            {"key": "layer_height", "new": "0.16"},
        ],
    )

    assert verdicts(told) == [
        ("nozzle_temperature", "refused"),
        ("filament_flow_ratio", "accepted"),
        ("layer_height", "accepted"),
    ]
    assert [(one["type"], one["inherits"], one["made_from"]) for one in told["presets"]] == [
        ("process", "0.20mm Standard @Acme", "Strong"),
        ("filament", "Acme PETG", "My PETG"),
    ]
    name = told["presets"][1]["name"]
    got = await served.client.get(f"{ADVICE}/{told['id']}/preset.json", params={"type": "filament"})
    assert got.json() == {
        "type": "filament",
        "name": name,
        "from": "User",
        "inherits": "Acme PETG",
        "version": "2.3.0.0",
        "is_custom_defined": "0",
        "filament_settings_id": [name],
        "filament_flow_ratio": ["0.96"],
        "filament_notes": ["dry it first"],
        "nozzle_temperature": ["235"],
    }
    assert name.startswith(f"My PETG @agent {told['created_at'][:10]}")
    assert got.headers["content-disposition"] == f'attachment; filename="{name}.json"'
    assert "Import Configs" in " ".join(told["steps"])


async def test_several_presets_come_in_one_zip_with_names_of_their_own(served: Served) -> None:
    file_id = await printed(served.client)
    changes = [{"key": "wall_loops", "new": 6}, {"key": "filament_flow_ratio", "new": 0.97}]
    first = await advised(served.client, file_id=file_id, changes=changes)
    second = await advised(served.client, file_id=file_id, changes=changes)

    packed = (await served.client.get(f"{ADVICE}/{second['id']}/bundle.zip")).content

    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = archive.namelist()
    assert sorted(names) == sorted(one["file"] for one in second["presets"])
    assert {one["name"] for one in first["presets"]}.isdisjoint(
        one["name"] for one in second["presets"]
    )
    alone = await served.client.get(f"{ADVICE}/{second['id']}/preset.json")
    assert problem(alone) == (409, "several-presets")


async def test_the_user_picks_lines(served: Served) -> None:
    file_id = await printed(served.client)
    changes = [{"key": "wall_loops", "new": 6}, {"key": "nozzle_temperature", "new": 400}]
    told = await advised(served.client, file_id=file_id, changes=changes)
    path = f"{ADVICE}/{told['id']}"

    refused = await served.client.patch(path, json={"picked": [2]})
    none = body(await served.client.patch(path, json={"picked": []}))
    nothing = await served.client.get(f"{path}/preset.json")
    again = body(await served.client.patch(path, json={"picked": [1]}))

    assert problem(refused) == (422, "no-such-line")
    assert (none["presets"], none["steps"]) == ([], [])
    assert problem(nothing) == (409, "nothing-picked")
    assert [one["lines"] for one in again["presets"]] == [1]


async def test_advice_is_forgotten_once(served: Served) -> None:
    told = await advised(served.client, changes=[{"key": "wall_loops", "new": 6}])
    path = f"{ADVICE}/{told['id']}"
    first = await served.client.delete(path)
    again = await served.client.delete(path)

    assert (first.status_code, problem(again)) == (204, (404, "no-such-advice"))


async def test_a_model_that_proposes_400_degrees_is_refused_with_the_reason(
    served: Served, fake: FakeOllama
) -> None:
    orders = {"filament_notes": f'"{ORDER}"', "printer_settings_id": ORDER}
    file_id = await printed(served.client, orders, name=f"{ORDER}.gcode")
    fake.misbehave(
        path="/api/chat", text=said(("nozzle_temperature", 400), ("nozzle_temperature", 280))
    )

    told = await advised(served.client, file_id=file_id, question="It strings. What now?")

    assert (told["source"], told["answer"], told["model"]) == ("model", "Try this.", PLAIN)
    assert verdicts(told) == [
        ("nozzle_temperature", "refused"),
        ("nozzle_temperature", "clamped"),
    ]
    assert told["lines"][0]["why"].startswith("400 °C is beyond 300 °C")
    assert told["lines"][1]["new"] == ["260"]
    system = system_of(fake)
    assert "Ignore all previous instructions" in system  # as the quoted name of a printer
    assert system.count("</data>") == system.count("<data name=") + 1  # and the opening's own
    assert "<|im_start|>" not in system
    assert "nozzle_temperature = 235" in system


async def test_without_a_model_the_checks_advise(served: Served) -> None:
    fast = {"outer_wall_speed": "400", "filament_max_volumetric_speed": "8"}
    file_id = await printed(served.client, fast)

    told = await advised(served.client, file_id=file_id)

    assert (told["source"], told["model"], told["answer"]) == ("findings", None, "")
    assert (len(told["effects"]["solved"]) > 0, told["effects"]["raised"]) == (True, [])
    assert told["lines"], "a flow above the filament's limit has a fix in the settings"
    assert {line["verdict"] for line in told["lines"]} <= {"accepted", "clamped"}


async def test_a_question_without_any_model_falls_back_on_the_checks(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as alone:
        file_id = await printed(alone.client, {"outer_wall_speed": "400"})

        told = await advised(alone.client, file_id=file_id, question="Too fast?")
        refused = await alone.client.post(ADVICE, json={"question": "Too fast?"})

    assert (told["source"], told["question"]) == ("findings", "Too fast?")
    assert told["notes"][0].startswith("No model could be asked")
    assert problem(refused) == (503, "ollama-down")


async def test_an_answer_in_no_form_falls_back_on_the_checks(
    served: Served, fake: FakeOllama
) -> None:
    file_id = await printed(served.client)
    fake.misbehave(path="/api/chat", text="I would rather talk.")

    told = await advised(served.client, file_id=file_id, question="What now?")
    named = await served.client.post(
        ADVICE, json={"file_id": file_id, "question": "What now?", "model": PLAIN}
    )

    assert (told["source"], told["notes"][0][:33]) == (
        "findings",
        "The model's answer could not be r",
    )
    assert problem(named) == (422, "format-not-kept")


async def test_what_there_is_nothing_to_say_on_is_refused(served: Served) -> None:
    nothing = await served.client.post(ADVICE, json={})
    unknown = await served.client.post(ADVICE, json={"file_id": "gone"})
    preset = await served.client.post(ADVICE, json={"preset": "Nobody's", "question": "?"})

    assert problem(nothing) == (422, "nothing-to-advise-on")
    assert problem(unknown)[0] == 404
    assert problem(preset)[0] == 404


async def test_the_next_print_stands_beside_the_one_before(served: Served) -> None:
    before = await printed(served.client)
    changes = [{"key": "filament_flow_ratio", "new": 0.95}]
    told = await advised(served.client, file_id=before, changes=changes)
    path = f"{ADVICE}/{told['id']}"
    name = told["presets"][0]["name"]
    after = await printed(served.client, {"filament_settings_id": f'"{name}"'}, name="again.gcode")

    helped = body(
        await served.client.post(
            f"{path}/outcome", json={"result": "better", "note": "clean", "file_id": after}
        )
    )

    assert helped["compared"]["before"]["file_id"] == before
    assert [one["file_id"] for one in helped["compared"]["after"]] == [after]
    assert [one["result"] for one in helped["compared"]["after"]] == [None]
    outcome = {key: helped["outcome"][key] for key in ("result", "note", "file_id")}
    assert outcome == {"result": "better", "note": "clean", "file_id": after}
    listed = body(await served.client.get(ADVICE, params={"file_id": before}))
    assert [one["id"] for one in listed["items"]] == [told["id"]]


async def test_of_several_filaments_one_is_asked_for(served: Served) -> None:
    two = {
        "filament_type": "PETG;PLA",
        "filament_settings_id": '"My PETG";"Acme PETG"',
        "nozzle_temperature": "235,215",
        "nozzle_temperature_range_low": "220,190",
        "nozzle_temperature_range_high": "260,230",
    }
    file_id = await printed(served.client, two)
    changes = [{"key": "nozzle_temperature", "new": 225}]

    first = await advised(served.client, file_id=file_id, changes=changes)
    second = await advised(served.client, file_id=file_id, changes=changes, filament=1)

    told = [(one["lines"][0]["old"], one["presets"][0]["made_from"]) for one in (first, second)]
    assert told == [(["235"], "My PETG"), (["215"], "Acme PETG")]


async def test_a_printers_address_and_key_go_nowhere(served: Served, fake: FakeOllama) -> None:
    file_id = await printed(served.client, {"printer_settings_id": "My One"})
    fake.misbehave(path="/api/chat", text=said())

    told = await advised(
        served.client, file_id=file_id, changes=[{"key": "retraction_length", "new": 0.6}]
    )
    got = await served.client.get(f"{ADVICE}/{told['id']}/preset.json")
    await advised(served.client, preset="machine/My One", question="Why?")

    assert (got.json()["inherits"], got.json()["z_offset"]) == ("Acme One 0.4 nozzle", "-0.02")
    stored = served.settings.database_file.with_suffix(".db-wal").read_bytes()
    for secret in ("do-not-tell", "192.0.2.7"):
        assert secret not in got.text
        assert secret not in system_of(fake)
        assert secret.encode() not in stored


async def test_how_a_print_ended_is_evidence_and_stands_beside_the_next(
    served: Served, fake: FakeOllama
) -> None:
    file_id = await printed(served.client)
    changes = [{"key": "filament_flow_ratio", "new": 0.95}]
    told = await advised(served.client, file_id=file_id, changes=changes)
    ended = {"result": "failed", "note": "came off the bed"}
    body(await served.client.post(f"/api/v1/slicer/files/{file_id}/outcome", json=ended))
    fake.misbehave(path="/api/chat", text=said())

    again = body(await served.client.get(f"{ADVICE}/{told['id']}"))
    await advised(served.client, file_id=file_id, question="Why?")

    before = again["compared"]["before"]
    assert {key: before[key] for key in ended} == ended
    assert 'The latest print of it: failed, the user says "came off the bed"' in system_of(fake)


async def test_what_the_slicer_shows_now_is_evidence_without_the_way_into_a_printer(
    served: Served,
) -> None:
    file_id = await printed(served.client)
    unsaved = {"z_hop": ["0.2", "0.4"], "printhost_apikey": [None, "K3Y"]}
    preset = {"type": "machine", "name": f"My One {ORDER}"[:300], "unsaved": unsaved}
    state = {"presets": [preset]}
    await served.client.post("/api/v1/slicer/context", json={"state": state})

    told = body(await served.client.get("/api/v1/slicer/evidence", params={"file_id": file_id}))
    await served.client.delete("/api/v1/slicer/context")

    live = next(one["text"] for one in told["items"] if one["kind"] == "live")
    assert "unsaved in printer: z_hop: 0.2 → 0.4" in live
    assert live.startswith("Printer: My One Ignore all")
    assert ("<" in live, "K3Y" in live, "apikey" in live) == (False, False, False)


@pytest.mark.slow
async def test_the_moves_of_a_file_are_evidence_once_they_were_read(served: Served) -> None:
    file_id = await printed(served.client)
    run = body(await served.client.post(f"/api/v1/slicer/files/{file_id}/analysis"), 202)
    await follow(served.client, run["id"])

    told = body(await served.client.get("/api/v1/slicer/evidence", params={"file_id": file_id}))

    motion = next(one["text"] for one in told["items"] if one["kind"] == "analysis")
    assert motion.startswith("Computed time ")
    assert "Outer wall: " in motion


async def test_a_preset_alone_can_be_advised_on(served: Served) -> None:
    told = await advised(
        served.client,
        preset="filament/Acme PETG",
        changes=[{"key": "nozzle_temperature", "new": 250}],
    )

    assert [(one["made_from"], one["inherits"]) for one in told["presets"]] == [
        ("Acme PETG", "Acme PETG")
    ]
    assert told["lines"][0]["old"] == ["240"]


async def test_the_pieces_of_evidence_can_be_seen_and_switched_off(
    served: Served, fake: FakeOllama
) -> None:
    file_id = await printed(served.client)
    about = {"file_id": file_id, "preset": "My PETG", "q": "Why does PETG string?"}

    told = body(await served.client.get("/api/v1/slicer/evidence", params=about))
    fake.misbehave(path="/api/chat", text=said())
    await advised(
        served.client, file_id=file_id, question="Why?", without=["settings", "guide", "file"]
    )

    kinds = [one["kind"] for one in told["items"]]
    assert kinds[:4] == ["file", "findings", "changed", "settings"]
    assert {"preset", "guide"} <= set(kinds)
    assert told["tokens"] == sum(one["tokens"] for one in told["items"])
    preset = next(one["text"] for one in told["items"] if one["kind"] == "preset")
    assert "changed nozzle_temperature: 240 to 235" in preset
    system = system_of(fake)
    assert '<data name="findings">' in system
    assert '<data name="settings">' not in system
    assert '<data name="guide">' not in system
    assert PETG["filament_settings_id"].strip('"') not in system
