"""Presets that are written are presets that the slicer takes."""

import json
import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.shared.errors import Invalid
from agent.slicer.presets import writing
from agent.slicer.presets.writing import Value, clean_name, own_name, preset_json
from agent.slicer.rules import Change, PresetType

PARENT = "Generic PETG @System"
NAME = "Generic PETG @agent 2026-11-20"
HOTTER = Change("filament", "nozzle_temperature", ("240",), ("235",), "It strings.")
WIDER = Change("process", "brim_width", "0", "5", "It lifts.")


def _unzipped(content: bytes) -> dict[str, object]:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return {name: json.loads(archive.read(name)) for name in archive.namelist()}


def test_a_filament_is_written_as_the_slicer_reads_it() -> None:
    assert preset_json("filament", NAME, PARENT, [HOTTER]) == {
        "type": "filament",
        "name": NAME,
        "from": "User",
        "inherits": PARENT,
        "version": "2.3.0.0",
        "is_custom_defined": "0",
        "filament_settings_id": [NAME],
        "nozzle_temperature": ["235"],
    }


@pytest.mark.parametrize(
    ("preset_type", "key"), [("process", "print_settings_id"), ("machine", "printer_settings_id")]
)
def test_a_process_and_a_machine_say_by_a_text_what_they_are(
    preset_type: PresetType, key: str
) -> None:
    assert preset_json(preset_type, "Mine", "Theirs", [])[key] == "Mine"


def test_what_the_user_changed_before_is_kept_and_the_advice_goes_on_top() -> None:
    base: dict[str, Value] = {
        "nozzle_temperature": ("250",),
        "fan_max_speed": ("60",),
        "setting_id": "P1",
    }

    preset = preset_json("filament", NAME, PARENT, [HOTTER], base=base, version="2.4.1.0")

    assert (preset["nozzle_temperature"], preset["fan_max_speed"]) == (["235"], ["60"])
    assert preset["version"] == "2.4.1.0"
    assert "setting_id" not in preset


def test_a_way_into_a_printer_is_left_out() -> None:
    base: dict[str, Value] = {"print_host": "http://192.0.2.7", "printhost_apikey": "secret"}

    preset = preset_json("machine", "Mine", "Theirs", [], base={**base, "z_offset": "0.1"})

    assert (preset["z_offset"], "secret" in str(preset), "192.0.2.7" in str(preset)) == (
        "0.1",
        False,
        False,
    )


def test_a_whole_preset_needs_no_parent() -> None:
    preset = preset_json("filament", NAME, "", [HOTTER], base={"filament_type": ("PETG",)})

    assert (preset["inherits"], preset["filament_type"]) == ("", ["PETG"])


@pytest.mark.parametrize("version", ["", "1", "2.3.0.0-dev", "two", "2.3.0.0\n"])
def test_a_version_that_the_slicer_would_skip_is_replaced(version: str) -> None:
    assert preset_json("process", "Mine", "Theirs", [], version=version)["version"] == "2.3.0.0"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (WIDER, "other-preset-type"),
        (Change("filament", "inherits", None, "Other"), "not-a-setting"),
        (Change("filament", "filament_settings_id", None, ("Other",)), "not-a-setting"),
        (Change("filament", "../evil", None, "1"), "not-a-setting"),
        (Change("filament", "Fan", None, "1"), "not-a-setting"),
        (Change("filament", "fan_max_speed", None, ()), "bad-value"),
        (Change("filament", "fan_max_speed", None, 5), "bad-value"),  # type: ignore[arg-type]  # on purpose
        (Change("filament", "fan_max_speed", None, (5,)), "bad-value"),  # type: ignore[arg-type]  # on purpose
        (Change("filament", "filament_notes", None, "a\x00b"), "bad-value"),
        (Change("filament", "filament_notes", None, "\ud800"), "bad-value"),
    ],
)
def test_what_the_slicer_would_misread_is_refused(change: Change, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        preset_json("filament", NAME, PARENT, [change])

    assert refused.value.code == code


@pytest.mark.parametrize("name", ["", "a/b", "PETG (modified)", "x\n", PARENT])
def test_a_name_that_no_preset_can_have_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="name of its own"):
        preset_json("filament", name, PARENT, [])


def test_a_preset_without_a_parent_is_refused() -> None:
    with pytest.raises(Invalid, match="which system preset"):
        preset_json("filament", NAME, " ", [])


@pytest.mark.parametrize(
    ("given_name", "clean"),
    [
        ('A<b>[c]:/\\|?*"d', "A b c d"),
        ("PLA (modified)", "PLA"),
        ("../../etc/passwd", "etc passwd"),
        ("con.txt", "Preset con.txt"),
        ("..", "Preset"),
        ("Grün ⌀0.4 ", "Grün ⌀0.4"),
        ("a\u202eb", "a b"),
    ],
)
def test_names_are_cleaned(given_name: str, clean: str) -> None:
    assert clean_name(given_name) == clean


@given(st.text())
def test_a_clean_name_stays_as_it_is_and_fits_every_file_system(name: str) -> None:
    clean = clean_name(name)

    assert clean_name(clean) == clean
    assert 0 < len(clean) <= writing.NAME_CHARACTERS + 7
    assert len(clean.encode()) <= 255 - len(".json")


def test_a_new_name_is_not_taken_and_does_not_grow() -> None:
    taken = {"generic petg @AGENT 2026-11-20", "Generic PETG @agent 2026-11-20 2"}

    assert own_name(PARENT, "2026-11-20") == NAME
    assert own_name(PARENT, "2026-11-20", taken) == f"{NAME} 3"
    assert own_name(f"{NAME} 3", "2026-11-21") == "Generic PETG @agent 2026-11-21"
    assert own_name("x" * 300, "2026-11-21").endswith("x @agent 2026-11-21")


def test_a_zip_holds_presets_side_by_side_and_is_the_same_each_time() -> None:
    presets = [
        preset_json("filament", NAME, PARENT, [HOTTER]),
        preset_json("process", "Brim ä", "0.20mm", [WIDER]),
    ]

    content = writing.loose_zip(presets)

    assert _unzipped(content) == {"Brim ä.json": presets[1], f"{NAME}.json": presets[0]}
    assert content == writing.loose_zip(presets)
