"""Values in their several spellings, what differs, presets as Markdown, and the known keys."""

import re
from pathlib import Path

import pytest

from agent.slicer.presets.comparing import Named, compare, compare_settings, named_by
from agent.slicer.presets.keys import KEYS, METADATA, Kind, find_key, label_of, types_of
from agent.slicer.presets.markdown import as_markdown
from agent.slicer.presets.places import data_folders
from agent.slicer.presets.reading import is_secret
from agent.slicer.presets.rules import Difference, Preset, Value, is_same
from agent.slicer.presets.tree import Tree
from agent.slicer.presets.values import joined, split
from agent.slicer.rules import Facts
from tests.slicing.presets import DataFolder, workshop


def preset(settings: dict[str, Value]) -> Preset:
    return Preset("process", "Mine", "default", False, None, (), settings, {}, settings)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("0.2", "0.20", True),
        ("0.2", ".2", True),
        ("220", ("220",), True),
        (("220", "0.50"), ("220", "0.5"), True),
        ("15%", "15.0%", True),
        ("15%", "15", False),
        ("gyroid", "grid", False),
        ("1", "1 ", True),
        ("nan", "nan", True),
        ("1e2", "100", True),
        ("0x10", "16", False),
        (("1", "2"), ("1",), False),
        ("", "0", False),
    ],
)
def test_values_that_mean_the_same_are_the_same(one: Value, other: Value, same: bool) -> None:  # noqa: FBT001
    assert (is_same(one, other), is_same(other, one)) == (same, same)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("layer_height", "0.2", "0.2"),
        ("nozzle_temperature", ("220", "230"), "220,230"),
        ("filament_type", ("PLA", "PETG"), "PLA;PETG"),
        ("filament_settings_id", ("My PETG", 'a "b"'), '"My PETG";"a \\"b\\""'),
        ("printable_area", ("0x0", "220x0"), "0x0,220x0"),
        ("machine_start_gcode", "G28\nM117 \\o/", "G28\\nM117 \\\\o/"),
        ("filament_start_gcode", ("M1\nM2", ""), '"M1\\nM2";""'),
        ("filament_retraction_length", ("nil", "1"), "nil,1"),
        ("a_newer_key", ("1", "50%"), "1,50%"),
        ("a_newer_key", ("a", "1"), "a;1"),
    ],
)
def test_lists_are_joined_as_the_slicer_joins_them(key: str, value: Value, text: str) -> None:
    back = split(key, text)

    assert joined(key, value) == text
    assert back == (value if isinstance(value, tuple) else (value,))


def test_two_presets_differ_where_they_mean_something_else() -> None:
    old = preset({"wall_loops": "2", "layer_height": "0.20", "brim_width": "5"})
    new = preset({"wall_loops": "3", "layer_height": "0.2", "seam_gap": "10%"})

    assert compare(old, new) == (
        Difference("brim_width", "5", None),
        Difference("seam_gap", None, "10%"),
        Difference("wall_loops", "2", "3"),
    )


def test_a_file_is_held_against_the_filament_at_its_place() -> None:
    facts = Facts(
        "gcode",
        settings={"nozzle_temperature": "220,235", "filament_type": "PLA;PETG", "x": "1"},
    )
    filament = Preset(
        "filament",
        "My PETG",
        "default",
        False,
        None,
        (),
        {"nozzle_temperature": ("240",), "filament_type": ("PETG",), "compatible_printers": ("a",)},
        {},
        {},
    )

    assert compare_settings(facts, filament, index=1) == (
        Difference("nozzle_temperature", ("240",), ("235",)),
    )
    assert compare_settings(facts, filament, index=7) == ()


def test_a_file_names_its_presets() -> None:
    facts = Facts(
        "gcode",
        settings={
            "print_settings_id": '"0.20mm Standard"',
            "printer_settings_id": "",
            "filament_settings_id": '"My PETG";;Plain',
        },
    )

    assert named_by(facts) == (
        Named("process", "0.20mm Standard"),
        Named("filament", "My PETG", 0),
        Named("filament", "Plain", 2),
    )


def test_markdown_tells_what_was_changed_by_page(tmp_path: Path) -> None:
    data = workshop(tmp_path)
    data.user(
        "machine",
        "Mine | <b>",
        {"machine_start_gcode": "G28\n```\n# [x](http://e)", "retraction_length": ["1.2"]},
        inherits="Acme One 0.4 nozzle",
    )
    catalogue = Tree(data.root).refresh()
    found = catalogue.find("machine", "Mine | <b>")
    assert found is not None

    assert as_markdown(catalogue.resolve(found)) == (
        "## Printer: Mine \\| \\<b\\>\n\n"
        "Inherits: Acme One 0.4 nozzle ← fdm\\_machine\\_common\n\n"
        "Version: 2.3.0.0\n\n"
        "### Extruder\n\n"
        "| Setting | Value | Parent |\n|---|---|---|\n"
        "| Length (`retraction_length`) | 1.2 mm | 0.8 mm |\n\n"
        "### Machine G-code\n\n"
        "`machine_start_gcode`:\n\n"
        "````gcode\nG28\n```\n# [x](http://e)\n````\n"
    )


def test_markdown_of_a_preset_without_changes_says_so() -> None:
    base = preset({"wall_loops": "2"})._replace(inherits="Parent", mine={}, chain=("Parent",))

    assert as_markdown(base) == (
        "## Process: Mine\n\nInherits: Parent\n\nNothing was changed against its parent.\n"
    )
    assert "| Wall loops (`wall_loops`) | 2 |  |" in as_markdown(base, only_changed=False)


def test_data_folders_are_found_at_the_usual_places(tmp_path: Path) -> None:
    home = tmp_path / "home"
    usual = {
        "linux": home / ".config/OrcaSlicer",
        "flatpak": home / ".var/app/com.orcaslicer.OrcaSlicer/config/OrcaSlicer",
        "darwin": home / "Library/Application Support/OrcaSlicer",
        "win32": tmp_path / "roaming/OrcaSlicer",
        "portable": tmp_path / "program/data_dir",
    }
    for folder in usual.values():
        folder.mkdir(parents=True)
    environment = {"HOME": str(home), "APPDATA": str(tmp_path / "roaming")}
    program = tmp_path / "program/orca-slicer"

    assert data_folders((), environment, [program], platform="linux") == [
        usual["linux"],
        usual["flatpak"],
        usual["portable"],
    ]
    assert data_folders((), environment, platform="darwin") == [usual["darwin"]]
    assert data_folders((), environment, platform="win32") == [usual["win32"]]
    assert data_folders((), {}, platform="linux") == []
    wanted = [usual["darwin"], usual["darwin"], tmp_path / "nowhere"]
    assert data_folders(wanted, environment, platform="linux") == [usual["darwin"]]


def test_known_keys_are_sound() -> None:
    assert len(KEYS) >= 250
    assert {key.name for key in KEYS.values()} == set(KEYS)
    assert METADATA.isdisjoint(KEYS)
    for key in KEYS.values():
        assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]*", key.name), key
        assert key.label, key
        assert (key.kind is Kind.CHOICE) == bool(key.choices), key
        assert key.percent_of is None or key.percent_of in KEYS, key
        assert key.low is None or key.high is None or key.low < key.high, key
        assert not is_secret(key.name), key


def test_keys_are_found_by_the_preset_that_holds_them() -> None:
    assert types_of("wall_loops") == ("process",)
    assert types_of("compatible_printers") == ("process", "filament")
    assert types_of("nothing") == ()
    assert find_key("wall_loops", "filament") is None
    assert (label_of("wall_loops"), label_of("nothing")) == ("Wall loops", "nothing")


def test_only_folders_with_presets_are_read(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    data.write("user/default/process/A.json", '{"version": "2.3.0.0"}')
    data.write("cache/process/B.json", '{"version": "2.3.0.0"}')
    data.write("user/default/other/C.json", '{"version": "2.3.0.0"}')
    data.write("log/D.json", "{}")

    assert [one.name for one in Tree(data.root).refresh().all] == ["A"]
