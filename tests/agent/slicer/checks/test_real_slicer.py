"""What the checks say to files of a real slicer."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.slicer.checks.checking import check
from agent.slicer.gcode.motion import analyse
from agent.slicer.gcode.reading import read_gcode
from agent.slicer.rules import Severity
from tests.slicing.stl import Triangle, box, cube, table, write_stl

PROGRAM = shutil.which("prusa-slicer")
# Its own defaults know neither a bed's temperature nor a filament's weight.
USUAL = {
    "bed-temperature": "60",
    "end-gcode": "M104 S0\nM140 S0\nM84",
    "filament-density": "1.24",
    "first-layer-bed-temperature": "60",
    "first-layer-height": "0.2",
    "first-layer-temperature": "215",
    "layer-height": "0.2",
    "temperature": "215",
}
TOWER = list(box((0, 0, 0), (6, 6, 100)))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no PrusaSlicer on this machine"),
]


def findings(folder: Path, model: list[Triangle], changed: Mapping[str, str]) -> set[str]:
    """What is found, but for notes, in a model sliced with these options."""
    stl, sliced = write_stl(folder / "model.stl", model), folder / "model.gcode"
    options = [f"--{name}={value}" for name, value in {**USUAL, **changed}.items()]
    subprocess.run(
        [str(PROGRAM), "--export-gcode", *options, "--output", str(sliced), str(stl)],
        check=True,
        capture_output=True,
        timeout=50,
    )
    found = check(read_gcode(sliced), analyse(sliced, lambda _: None))
    return {one.id for one in found if one.severity is not Severity.INFO}


def test_a_cube_with_usual_settings_yields_no_warning(tmp_path: Path) -> None:
    assert findings(tmp_path, cube(), {}) == set()


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"perimeters": "1"}, {"wall-single"}),
        ({"temperature": "285", "first-layer-temperature": "285"}, {"nozzle-too-hot"}),
        ({"bed-temperature": "95", "first-layer-bed-temperature": "95"}, {"bed-too-hot"}),
        ({"top-solid-layers": "1"}, {"top-thin"}),
        ({"start-gcode": "M109 S215"}, {"start-without-homing"}),
        ({"fill-density": "2%"}, {"infill-sparse"}),
    ],
)
def test_what_was_set_wrong_is_found(
    changed: Mapping[str, str], found: set[str], tmp_path: Path
) -> None:
    assert findings(tmp_path, cube(), changed) == found


def test_a_plate_on_a_foot_wants_supports(tmp_path: Path) -> None:
    assert "overhangs-unsupported" in findings(tmp_path, table(), {})


def test_a_bridge_between_two_pillars_wants_none(tmp_path: Path) -> None:
    pillars = [*box((0, 0, 0), (5, 20, 10)), *box((25, 0, 0), (5, 20, 10))]

    assert findings(tmp_path, [*pillars, *box((0, 0, 10), (30, 20, 2))], {}) == set()


def test_a_slender_tower_wants_a_brim(tmp_path: Path) -> None:
    assert "brim-missing-slender" in findings(tmp_path, TOWER, {"skirts": "0"})
    assert "brim-missing-slender" not in findings(tmp_path, TOWER, {"brim-width": "5"})


def test_a_tower_printed_too_quickly_stays_soft(tmp_path: Path) -> None:
    names = ("perimeter", "external-perimeter", "small-perimeter", "solid-infill")
    quick = {f"{name}-speed": "120" for name in names} | {"slowdown-below-layer-time": "0"}

    assert "layers-too-quick" in findings(tmp_path, TOWER, quick)
