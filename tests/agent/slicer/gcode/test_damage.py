"""Files that were cut off or made to overheat: found in the quick look, and by their moves."""

from pathlib import Path

import pytest

from agent.slicer.checks.checking import check
from agent.slicer.gcode.motion import analyse
from agent.slicer.gcode.reading import read_gcode
from agent.slicer.rules import Severity
from tests.slicing import gcode

BLOCKING, WARNING = Severity.BLOCKING, Severity.WARNING
WHOLE = gcode.orca()
LAYERS = [at for at in range(len(WHOLE)) if WHOLE.startswith(";LAYER_CHANGE", at)]
DAMAGE = {"cut-off", "nozzle-commanded-too-hot", "bed-commanded-too-hot"}


def found(folder: Path, text: str, *, moves: bool) -> dict[str, Severity]:
    file = folder / "part.gcode"
    file.write_text(text, "utf-8")
    analysis = analyse(file, lambda _: None) if moves else None
    findings = check(read_gcode(file), analysis)
    return {one.id: one.severity for one in findings if one.id in DAMAGE}


@pytest.mark.parametrize(
    "text",
    [gcode.orca(), gcode.bambu(), gcode.prusa(), gcode.cura(), gcode.griffin()],
    ids=["orca", "bambu", "prusa", "cura", "griffin"],
)
@pytest.mark.parametrize("moves", [False, True])
def test_a_whole_file_of_each_slicer_is_found_whole(
    text: str, *, moves: bool, tmp_path: Path
) -> None:
    assert found(tmp_path, text, moves=moves) == {}


@pytest.mark.parametrize(
    "text",
    [
        WHOLE[: WHOLE.index("; EXECUTABLE_BLOCK_START")],
        WHOLE[: LAYERS[0]],
        WHOLE[: LAYERS[2]],
        WHOLE[: len(WHOLE) // 2],
        gcode.bambu()[: gcode.bambu().rindex("; CHANGE_LAYER")],
        gcode.prusa()[: gcode.prusa().rindex(";LAYER_CHANGE")],
        gcode.cura()[: gcode.cura().rindex(";LAYER:")],
        WHOLE.replace("\n", " ") + " G1 X1 E1" * 700_000,
    ],
    ids=["header", "no move", "two layers", "half", "bambu", "prusa", "cura", "one line"],
)
def test_half_a_file_is_found_and_blocked_once_its_moves_are_read(
    text: str, tmp_path: Path
) -> None:
    quick = found(tmp_path, text, moves=False)
    full = found(tmp_path, text, moves=True)

    assert (quick["cut-off"], full["cut-off"]) == (WARNING, BLOCKING)


def test_settings_that_are_cut_off_alone_are_a_warning(tmp_path: Path) -> None:
    text = WHOLE[: WHOLE.index("; CONFIG_BLOCK_END")]

    assert found(tmp_path, text, moves=True) == {"cut-off": WARNING}


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize(
    ("old", "new", "id_"),
    [
        ("M109 S220", "M109 S400", "nozzle-commanded-too-hot"),
        ("M104 S215", "M104 S400", "nozzle-commanded-too-hot"),
        ("M104 S215", "SET_HEATER_TEMPERATURE HEATER=extruder TARGET=400", None),
        ("M190 S55", "M190 S110", "bed-commanded-too-hot"),
    ],
)
def test_commands_that_overheat_block(
    old: str, new: str, id_: str | None, *, moves: bool, tmp_path: Path
) -> None:
    text = WHOLE.replace(old, new)

    assert found(tmp_path, text, moves=moves) == {id_ or "nozzle-commanded-too-hot": BLOCKING}


def test_a_nozzle_cleaned_hotter_before_the_print_is_usual(tmp_path: Path) -> None:
    text = WHOLE.replace("M104 S220", "M109 S280\nM104 S220")

    assert found(tmp_path, text, moves=False) == {}
    assert found(tmp_path, text, moves=True) == {}
