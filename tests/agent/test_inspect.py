"""A sliced file's report in the terminal, without an agent."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agent.cli import app
from agent.commands.bars import columns, gathered, stretches
from agent.slicer.shapes import SlicerFileOut
from tests.slicing import gcode
from tests.slicing.threemf import members, write_3mf

PART = gcode.Part(layers=40)
SANE = {
    "curr_bed_type": "High Temp Plate",
    "hot_plate_temp": "60",
    "machine_end_gcode": "END_PRINT",
}


def inspected(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["inspect", *map(str, arguments)])


@pytest.fixture
def sane(tmp_path: Path) -> Path:
    file = tmp_path / "benchy.gcode"
    file.write_text(gcode.orca(PART, settings=SANE, estimate="1m 0s"), "utf-8")
    return file


@pytest.fixture
def too_tall(tmp_path: Path) -> Path:
    file = tmp_path / "tower.gcode"
    settings = {**SANE, "printable_height": "5", "wall_loops": "1"}
    file.write_text(gcode.orca(PART, settings=settings), "utf-8")
    return file


def test_a_sound_file_is_told_of_in_a_few_lines(sane: Path) -> None:
    result = inspected(sane)

    assert result.exit_code == 0
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines[:2] == [
        "benchy.gcode",
        "OrcaSlicer 2.3.1 · Own Printer 0.4 nozzle · Generic PLA @System",
    ]
    assert lines[2].startswith("1 min 0 s · ")
    assert "40 layers · 8 mm high" in lines[2]
    assert lines[-2] == "Nothing stands out."
    assert re.fullmatch(r"\d+ of \d+ checks .+ were not made: use --full\.", lines[-1])


def test_a_blocking_finding_ends_with_one_and_stands_first(too_tall: Path) -> None:
    result = inspected(too_tall)

    assert result.exit_code == 1
    heads = re.findall(r"^([✗!i]) (.+?)  \((\w+)\)", result.stdout, re.MULTILINE)
    assert heads == [
        ("✗", "Higher than the printer", "blocking"),
        ("!", "A single wall", "warning"),
    ]
    assert "process: wall_loops 1 → 2" in result.stdout
    assert "\n1 blocking finding, 1 warning.\n" in result.stdout


def test_json_is_the_shape_that_the_agent_answers(too_tall: Path) -> None:
    result = inspected(too_tall, "--json")

    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert SlicerFileOut.model_validate(told).model_dump(mode="json") == told
    assert told["sha256"] == hashlib.sha256(too_tall.read_bytes()).hexdigest()
    assert told["size_bytes"] == too_tall.stat().st_size
    assert (told["name"], told["kind"], told["layers"]) == ("tower.gcode", "gcode", 40)
    assert [one["id"] for one in told["findings"]] == ["too-tall", "wall-single"]
    assert told["findings"][1]["changes"] == [
        {
            "preset_type": "process",
            "key": "wall_loops",
            "old": "1",
            "new": "2",
            "reason": "Two walls are tight and firm.",
            "filament": None,
        }
    ]


def test_every_move_is_looked_at_and_drawn(sane: Path) -> None:
    result = inspected(sane, "--full")

    assert result.exit_code == 0
    told = result.stdout
    assert "flow, mm³/s; limit 12" in told
    assert "not made" not in told
    assert "layer time, s" in told
    assert "nozzle 220 °C, 215 °C from layer 2 on; bed 55 °C" in told
    assert re.search(r"Outer wall +\d+ s +9\d\.\d %", told)
    assert re.search(r"^ +0 │█+", told, re.MULTILINE)
    assert "0.2 mm" in told
    assert "8 mm" in told


def test_a_spool_that_is_too_small_blocks(sane: Path) -> None:
    result = inspected(sane, "--spool", "0.1")

    assert result.exit_code == 1
    assert "Not enough on the spool" in result.stdout


@pytest.mark.parametrize("content", [b"", b"\x00\xff\x00" * 1000, b"Dear diary\n"])
def test_what_is_no_sliced_file_ends_with_two(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "odd.gcode"
    file.write_bytes(content)

    result = inspected(file)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert str(file) in result.stderr.replace("\n", "")


def test_an_error_names_the_file_once(tmp_path: Path) -> None:
    file = tmp_path / "odd.gcode"
    file.write_text("Dear diary\n", "utf-8")

    told = " ".join(inspected(file).stderr.split())

    assert told.count("odd.gcode") == 1
    assert "is no G-code: it has neither a command nor a slicer's header." in told


def test_a_3mf_that_is_none_is_called_so(tmp_path: Path) -> None:
    file = tmp_path / "notzip.3mf"
    file.write_text("no zip\n", "utf-8")

    result = inspected(file)

    assert result.exit_code == 2
    assert "is no 3MF" in result.stderr


def test_the_plot_and_the_finding_count_the_same_layers(tmp_path: Path) -> None:
    file = tmp_path / "fast.gcode"
    settings = {**SANE, "filament_max_volumetric_speed": "5"}
    file.write_text(gcode.orca(PART, settings=settings), "utf-8")

    told = inspected(file, "--full").stdout

    assert "limit 5, passed in 39 layers" in told
    assert "In 39 layers moves push more plastic" in told


def test_a_file_that_is_not_there_ends_with_two(tmp_path: Path) -> None:
    result = inspected(tmp_path / "gone.gcode", "--json")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "cannot be read: No such file or directory." in result.stderr


def test_a_file_steers_no_terminal(tmp_path: Path) -> None:
    file = tmp_path / "evil.gcode"
    evil = {**SANE, "printer_settings_id": "\x1b]0;owned\x07Printer\u202e"}
    file.write_text(gcode.orca(PART, settings=evil, estimate="1m 0s"), "utf-8")

    told = inspected(file).stdout

    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", told)


def test_a_plot_has_a_column_for_each_stretch() -> None:
    assert columns([0, 1, 4, 8], 8, 2) == ["   █", " ▂██"]
    assert columns([0, 0], 0, 1) == ["  "]
    assert columns([0.001], 100, 1) == ["▁"]


def test_many_values_are_gathered_and_few_are_drawn_wide() -> None:
    assert gathered(range(10), 5, max) == [1, 3, 5, 7, 9]
    assert gathered([1, float("nan")], 100, max) == [1] * 6 + [0] * 6
    assert gathered([], 10, max) == []
    assert len(gathered(range(1001), 87, max)) == 87
    assert stretches([5, 5, 6, 5]) == [(0, 5), (2, 6), (3, 5)]


def test_a_project_is_told_of_by_plates(tmp_path: Path) -> None:
    file = write_3mf(tmp_path / "two.3mf", members(is_sliced=True))

    result = inspected(file)

    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "plate objects time weight" in lines
    assert "2 Box 2.stl 1 h 0 min 20.5 g" in [line.replace("Lid", "2") for line in lines]
    assert "warning bed temperature too high plate 1" in lines


def test_every_move_of_a_plate_is_looked_at(tmp_path: Path) -> None:
    changed = {"Metadata/plate_2.gcode": gcode.bambu(PART, settings=SANE)}
    file = write_3mf(tmp_path / "two.gcode.3mf", members(is_sliced=True, changed=changed))

    told = inspected(file, "--full", "--plate", "2").stdout
    other, outside, unsliced = (
        inspected(file, "--full", "--plate", "7"),
        inspected(file, "--plate", "2"),
        inspected(write_3mf(tmp_path / "plain.3mf", members()), "--full"),
    )

    assert "Plate 2 by its moves" in told
    assert re.search(r"Outer wall +\d+ s +9\d\.\d %", told)
    assert (other.exit_code, outside.exit_code, unsliced.exit_code) == (2, 2, 0)
    assert "Slice it first" in " ".join(other.stderr.split())
    assert "Slice it first" in " ".join(unsliced.stderr.split())


def test_json_of_a_project_has_its_plates(tmp_path: Path) -> None:
    file = write_3mf(tmp_path / "two.3mf", members(is_sliced=True))

    told = json.loads(inspected(file, "--json").stdout)

    assert SlicerFileOut.model_validate(told).model_dump(mode="json") == told
    assert (told["kind"], [one["grams"] for one in told["plates"]]) == ("3mf", [20.5, 20.5])
