"""What a wish means in settings, and how it is said to each slicer."""

from pathlib import Path

import pytest

from agent.slicer.presets.rules import Preset
from agent.slicer.rules import Change
from agent.slicer.variants.asking import flat_preset, prusa_config, reason_of, untranslated
from agent.slicer.variants.programs import Program, find_programs
from agent.slicer.variants.rules import INTENTS, Intent, variant_for

SETTINGS = {
    "layer_height": "0.2",
    "nozzle_diameter": "0.4",
    "wall_loops": "3",
    "sparse_infill_density": "15%",
    "sparse_infill_pattern": "grid",
    "top_shell_layers": "5",
    "bottom_shell_layers": "3",
    "outer_wall_speed": "120",
}


@pytest.mark.parametrize(
    ("intent", "changes"),
    [
        (
            "stronger",
            {
                "wall_loops": "4",
                "sparse_infill_density": "25%",
                "sparse_infill_pattern": "gyroid",
                "bottom_shell_layers": "4",
            },
        ),
        ("faster", {"layer_height": "0.28", "sparse_infill_density": "10%", "wall_loops": "2"}),
        ("finer", {"layer_height": "0.12", "outer_wall_speed": "60"}),
        ("lighter", {"sparse_infill_density": "8%", "wall_loops": "2"}),
    ],
)
def test_a_wish_becomes_settings(intent: Intent, changes: dict[str, str]) -> None:
    variant = variant_for(intent, SETTINGS)

    assert {one.key: one.new for one in variant.changes} == changes
    assert {one.key: one.old for one in variant.changes} == {key: SETTINGS[key] for key in changes}


def test_a_wish_never_makes_it_the_other_way_round() -> None:
    strong = {**SETTINGS, "wall_loops": "6", "sparse_infill_density": "80%"}
    coarse = {**SETTINGS, "layer_height": "0.32"}
    fine = {**SETTINGS, "layer_height": "0.08"}

    bears = {one.key: one.new for one in variant_for("stronger", strong).changes}
    assert (bears["wall_loops"], bears.get("sparse_infill_density")) == ("7", None)
    assert "layer_height" not in {one.key for one in variant_for("faster", coarse).changes}
    assert "layer_height" not in {one.key for one in variant_for("finer", fine).changes}


@pytest.mark.parametrize("intent", INTENTS)
def test_what_the_settings_do_not_say_is_not_guessed(intent: Intent) -> None:
    unclear = {"layer_height": "nan", "wall_loops": "many", "outer_wall_speed": "50%"}

    assert variant_for(intent, {}).changes == ()
    assert variant_for(intent, unclear).changes == ()
    assert "layer_height" not in {
        one.key for one in variant_for(intent, {"layer_height": "0.3"}).changes
    }


def test_prusaslicer_is_told_in_its_own_words_and_nothing_that_it_would_run() -> None:
    changes = (
        Change("process", "wall_loops", "2", "4"),
        Change("filament", "nozzle_temperature", None, ("230", "230")),
        Change("process", "seam_position", None, "back"),
        Change("process", "sparse_infill_pattern", None, "tri-hexagon\npost_process = evil"),
        Change("process", "overhang_reverse", None, "1"),
    )

    text = prusa_config({"post_process": "evil", "layer_height": "0.3"}, changes, is_foreign=False)

    assert text.splitlines() == [
        "post_process = ",
        "temperature = 230,230",
        "seam_position = rear",
        "fill_pattern = tri-hexagon\\npost_process = evil",
        "perimeters = 4",
    ]
    assert untranslated(changes) == ["overhang_reverse"]


def test_a_foreign_project_is_translated_without_its_gcode_and_names() -> None:
    settings = {
        "layer_height": "0.28",
        "outer_wall_line_width": "105%",
        "machine_start_gcode": "START [x]",
        "post_process": "evil",
        "printhost_apikey": "x",
        "filament_type": "PETG;PLA",
        "nozzle_diameter": "0.4",
        "print_settings_id": "Mine",
    }

    assert prusa_config(settings, (), is_foreign=True).splitlines() == [
        "post_process = ",
        "filament_type = PETG;PLA",
        "layer_height = 0.28",
        "nozzle_diameter = 0.4",
    ]


def test_a_flat_preset_holds_all_that_it_inherits_and_fits_its_printer() -> None:
    mine = Preset(
        "filament",
        "My PETG",
        "default",
        False,
        "Acme PETG",
        ("Acme PETG", "common"),
        {"filament_type": ("PETG",), "nozzle_temperature": "240", "post_process": ("evil",)},
        {},
        {},
        version="2.3.0.0",
        system_parent="Acme PETG",
    )
    change = Change("filament", "filament_flow_ratio", None, ("0.97",))

    assert flat_preset(mine, (change,), "My One") == {
        "type": "filament",
        "name": "My PETG",
        "from": "User",
        "inherits": "Acme PETG",
        "version": "2.3.0.0",
        "filament_settings_id": ["My PETG"],
        "filament_type": ["PETG"],
        "nozzle_temperature": ["240"],
        "post_process": [],
        "filament_flow_ratio": ["0.97"],
        "compatible_printers": ["My One"],
    }


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (256 - 52, "an object is partly outside of the bed"),
        (-50, "there is nothing to print"),
        (256 - 100, "slicing failed"),
        (77, "it ended with 77"),
    ],
)
def test_what_orcaslicer_ends_with_is_said(code: int, reason: str) -> None:
    assert reason_of(code) == reason


def test_programs_are_found_on_the_path_or_where_the_user_says(tmp_path: Path) -> None:
    for name in ("orca-slicer", "prusa-slicer", "mine"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path)}

    found = find_programs({}, environment, platform="linux")
    named = find_programs(
        {"OrcaSlicer": tmp_path / "mine", "PrusaSlicer": tmp_path / "gone"},
        environment,
        platform="linux",
    )

    assert found == (
        Program("OrcaSlicer", tmp_path / "orca-slicer"),
        Program("PrusaSlicer", tmp_path / "prusa-slicer"),
    )
    assert named == (Program("OrcaSlicer", tmp_path / "mine"),)
    assert find_programs({}, {"PATH": "", "HOME": str(tmp_path)}, platform="linux") == ()
