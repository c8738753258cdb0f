"""Files that PrusaSlicer makes: read, and timed beside its own estimate."""

import shutil
import subprocess
from pathlib import Path

import pytest

from agent.slicer.gcode.motion import analyse
from agent.slicer.gcode.reading import read_gcode
from agent.slicer.rules import Slicer
from tests.slicing import stl

pytestmark = pytest.mark.slow
PROGRAM = shutil.which("prusa-slicer")
VASE = ("--spiral-vase", "--perimeters", "1", "--top-solid-layers", "0", "--fill-density", "0")


@pytest.mark.skipif(PROGRAM is None, reason="prusa-slicer is not installed")
@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--use-relative-e-distances", "--layer-gcode", "G92 E0"),
        ("--default-acceleration", "500", "--perimeter-acceleration", "300"),
        ("--travel-speed", "250", "--infill-speed", "200", "--perimeter-speed", "150"),
        ("--fill-pattern", "gyroid", "--fill-density", "40%"),
        ("--support-material", "--raft-layers", "2", "--retract-lift", "0.4", "--wipe"),
        VASE,
    ],
    ids=lambda options: options[0][2:] if options else "as-it-is",
)
def test_times_and_filament_are_those_of_the_slicer(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    model, made = tmp_path / "box.stl", tmp_path / "box.gcode"
    stl.write_stl(model, stl.table())
    command = [PROGRAM or "", "-g", str(model), "-o", str(made), "--scale", "2", *options]
    subprocess.run(command, check=True, capture_output=True, timeout=60)

    facts, found = read_gcode(made), analyse(made, lambda done: None)

    assert facts.slicer is Slicer.PRUSA
    assert facts.settings["printable_area"] == "0x0,200x0,200x200,0x200"
    assert facts.estimated_seconds is not None
    assert found.seconds == pytest.approx(facts.estimated_seconds, rel=0.01)
    assert found.filament_mm[0] == pytest.approx(facts.filaments[0].used_mm, rel=0.001)
    assert found.layers.z_mm[-1] == pytest.approx(facts.max_z_mm, abs=0.01)
    assert found.bounding_box is not None
