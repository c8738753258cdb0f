"""What becomes of a preset with all that it inherits, and why a slicer would not load it."""

from pathlib import Path

import pytest

from agent.slicer.presets.rules import Preset, Problem
from agent.slicer.presets.tree import Tree
from agent.slicer.rules import PresetType
from tests.slicing.presets import DataFolder, workshop


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return workshop(tmp_path / "OrcaSlicer")


def resolved(data: DataFolder, preset_type: PresetType, name: str) -> Preset:
    catalogue = Tree(data.root).refresh()
    found = catalogue.find(preset_type, name)
    assert found is not None
    return catalogue.resolve(found)


def test_a_preset_of_the_user_has_all_that_it_inherits(data: DataFolder) -> None:
    preset = resolved(data, "process", "Strong")

    assert preset.settings == {
        "layer_height": "0.2",
        "wall_loops": "5",
        "sparse_infill_density": "40%",
        "outer_wall_speed": "100.0",
        "inner_wall_speed": "150",
        "sparse_infill_speed": "200",
        "enable_support": "0",
        "compatible_printers": ("Acme One 0.4 nozzle",),
    }
    assert preset.chain == ("0.20mm Standard @Acme", "fdm_process_common")
    assert (preset.is_system, preset.problem, preset.system_parent) == (
        False,
        None,
        "0.20mm Standard @Acme",
    )


def test_own_is_what_the_user_changed_and_not_what_is_written_otherwise(data: DataFolder) -> None:
    preset = resolved(data, "process", "Strong")

    assert preset.own == {"wall_loops": ("2", "5"), "sparse_infill_density": ("15%", "40%")}


def test_a_system_preset_is_held_against_its_parent(data: DataFolder) -> None:
    preset = resolved(data, "process", "0.20mm Standard @Acme")

    assert preset.own == {
        "outer_wall_speed": ("120", "100"),
        "compatible_printers": (None, ("Acme One 0.4 nozzle",)),
    }


def test_vendors_inherit_from_the_filament_library(data: DataFolder) -> None:
    preset = resolved(data, "filament", "My PETG")

    assert preset.chain == ("Acme PETG", "Generic PETG @System", "fdm_filament_common")
    assert preset.settings["filament_type"] == ("PETG",)
    assert preset.own == {
        "nozzle_temperature": (("240",), ("235",)),
        "filament_notes": (None, ("dry it first",)),
    }


def test_abstract_presets_of_the_same_name_stay_with_their_vendor(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    for vendor, height in (("Acme", "0.2"), ("Bolt", "0.3")):
        data.system("process", "common", {"layer_height": height}, vendor=vendor, is_abstract=True)
        data.system("process", f"Standard @{vendor}", vendor=vendor, inherits="common")

    heights = [
        resolved(data, "process", f"Standard @{vendor}").settings["layer_height"]
        for vendor in ("Acme", "Bolt")
    ]

    assert heights == ["0.2", "0.3"]


def test_a_parent_is_found_by_the_name_that_it_had(data: DataFolder) -> None:
    data.user("filament", "Old", {"nozzle_temperature": ["231"]}, inherits="Generic PETG")

    preset = resolved(data, "filament", "Old")

    assert (preset.chain[0], preset.problem) == ("Generic PETG @System", None)


def test_a_missing_parent_is_said_and_what_is_there_is_shown(data: DataFolder) -> None:
    data.user("process", "Orphan", {"wall_loops": "4"}, inherits="0.2mm @Gone")

    preset = resolved(data, "process", "Orphan")

    assert (preset.problem, preset.inherits, preset.chain) == (
        Problem.NO_PARENT,
        "0.2mm @Gone",
        (),
    )
    assert preset.settings == {"wall_loops": "4"}
    assert preset.own == {"wall_loops": (None, "4")}


def test_a_parent_that_misses_its_own_is_said_as_well(data: DataFolder) -> None:
    data.system("process", "Half", {"wall_loops": "3"}, inherits="nobody")
    data.user("process", "Child", inherits="Half")

    preset = resolved(data, "process", "Child")

    assert (preset.problem, preset.settings) == (Problem.NO_PARENT, {"wall_loops": "3"})


@pytest.mark.parametrize("names", [("A",), ("A", "B"), ("A", "B", "C")])
def test_presets_that_inherit_in_a_circle_end(data: DataFolder, names: tuple[str, ...]) -> None:
    for name, parent in zip(names, (*names[1:], names[0]), strict=True):
        data.system("process", name, {"wall_loops": name}, inherits=parent)
    data.user("process", "Child", inherits="A")

    problems = [resolved(data, "process", name).problem for name in (*names, "Child")]

    assert problems == [Problem.CYCLE] * (len(names) + 1)


def test_a_chain_without_end_is_cut(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    for n in range(100):
        data.system("process", f"P{n}", inherits=f"P{n + 1}")

    preset = resolved(data, "process", "P0")

    assert (preset.problem, len(preset.chain)) == (Problem.CYCLE, 64)


def test_a_preset_of_the_user_above_another_is_noted(data: DataFolder) -> None:
    data.user("process", "Stronger", {"wall_loops": "7"}, inherits="Strong")

    preset = resolved(data, "process", "Stronger")

    assert preset.own == {"wall_loops": ("2", "7"), "sparse_infill_density": ("15%", "40%")}
    assert preset.system_parent == "0.20mm Standard @Acme"
    assert preset.notes == ("It inherits a preset of the user's, which OrcaSlicer may not load.",)


def test_a_preset_of_its_own_has_no_changes(data: DataFolder) -> None:
    data.user("filament", "base/Custom", {"nozzle_temperature": ["200"]})

    preset = resolved(data, "filament", "Custom")

    assert (preset.chain, preset.own) == ((), {})
    assert preset.settings == {"nozzle_temperature": ("200",)}


@pytest.mark.parametrize("version", [None, "two", "2.3.0.0.1", "2.x"])
def test_without_a_version_the_slicer_leaves_it_out(data: DataFolder, version: str | None) -> None:
    data.user("process", "Unversioned", inherits="0.20mm Standard @Acme", version=version)

    assert resolved(data, "process", "Unversioned").problem is Problem.NO_VERSION


def test_a_system_preset_keeps_its_name(data: DataFolder) -> None:
    data.user("process", "0.20mm Standard @Acme", {"wall_loops": "9"})

    catalogue = Tree(data.root).refresh()
    mine = next(one for one in catalogue.all if one.scope == "default" and "0.20" in one.name)

    assert catalogue.problem_of(mine) is Problem.SYSTEM_NAME
    assert resolved(data, "process", "0.20mm Standard @Acme").is_system


def test_the_name_of_a_users_file_is_the_name_of_the_preset(data: DataFolder) -> None:
    path = data.user("process", "Inner", {"wall_loops": "6"}, inherits="0.20mm Standard @Acme")
    path.rename(path.with_name("Outer.json"))

    assert resolved(data, "process", "Outer").settings["wall_loops"] == "6"


def test_of_two_users_the_one_that_was_used_last_counts(data: DataFolder, tmp_path: Path) -> None:
    data.user("process", "Strong", {"wall_loops": "8"}, folder="123456")

    assert resolved(data, "process", "Strong").settings["wall_loops"] == "8"


def test_a_bundle_of_the_user_is_read(data: DataFolder) -> None:
    data.write(
        "user/default/_local/b1/filament/Bundled.json",
        '{"inherits": "Acme PETG", "version": "2.4.0.0", "nozzle_temperature": ["250"]}',
    )

    preset = resolved(data, "filament", "Bundled")

    assert (preset.scope, preset.settings["nozzle_temperature"]) == ("default/b1", ("250",))
