"""What a pass over every move tells: positions, filament, flow, layers, features."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.slicer.gcode.motion import analyse
from agent.slicer.rules import Analysis
from tests.agent.slicer.gcode.moving import AREA, looked_at
from tests.slicing import gcode
from tests.slicing.gcode import Part


def analysis(folder: Path, text: str) -> Analysis:
    file = folder / "part.gcode"
    file.write_text(text)
    return analyse(file, lambda done: None)


@pytest.mark.parametrize("write", [gcode.orca, gcode.bambu, gcode.prusa, gcode.cura])
def test_the_same_part_in_every_dialect(tmp_path: Path, write: object) -> None:
    part = Part(layers=4, absolute_e=write in {gcode.prusa, gcode.cura})
    assert callable(write)

    found = analysis(tmp_path, write(part))

    length = 4 * part.edge_mm
    layers = found.layers
    assert layers.z_mm == (0.2, 0.4, 0.6, 0.8)
    assert layers.height_mm == pytest.approx((0.2,) * 4)
    assert layers.filament_mm == pytest.approx((length * part.e_per_mm,) * 4, abs=1e-4)
    assert layers.nozzle_c == (220, 215, 215, 215)
    assert layers.bed_c == (55,) * 4
    assert layers.fan_percent == (0, 100, 100, 100)
    assert layers.retractions == (1,) * 4
    assert layers.max_speed_mm_s == (100,) * 4
    assert layers.max_flow_mm3_s == pytest.approx((0.42 * 0.2 * 100,) * 4, rel=1e-3)
    assert found.filament_mm == pytest.approx((4 * length * part.e_per_mm,), abs=1e-3)
    assert (found.retractions, found.retracted_mm) == (4, 3.2)
    assert found.bounding_box == (100, 100, 0.2, 120, 120, 0.8)
    assert [(one.name, one.length_mm) for one in found.features] == [("Outer wall", 4 * length)]


def test_the_parts_add_up(tmp_path: Path) -> None:
    found = analysis(tmp_path, gcode.orca(Part(layers=9)))

    assert sum(found.layers.seconds) == pytest.approx(found.seconds, abs=0.01)
    assert found.first_layer_seconds == found.layers.seconds[0]
    assert found.lines == len(gcode.orca(Part(layers=9)).splitlines())
    assert found.notes == ()


def test_mean_flow_is_volume_by_time(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "M83\nG1 X100 E5 F3000\nG1 X0 E1")

    (feature,) = found.features
    assert feature.mean_flow_mm3_s == pytest.approx(6 * AREA / feature.seconds, rel=1e-3)
    assert feature.max_flow_mm3_s == pytest.approx(5 * AREA / 100 * 50, rel=1e-3)


def test_the_flow_of_moves_shorter_than_the_rounding_does_not_count(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "M83\nG1 X50 E2 F3000\nG1 X50.001 E0.01\nG1 X100 E2")

    assert found.layers.max_flow_mm3_s == pytest.approx((2 * AREA / 49.999 * 50,), abs=1e-3)


@pytest.mark.parametrize(
    "text",
    [
        "G90\nM82\nG1 X10 E1 F600\nG1 X20 E2\nG1 Y5 E4",
        "G90\nM83\nG1 X10 E1 F600\nG1 X20 E1\nG1 Y5 E2",
        "G91\nG1 X10 E1 F600\nG1 X10 E1\nG1 Y5 E2",
        "G91\nG1 X10 E1 F600\nG90\nM82\nG1 X20 E2\nG91\nG1 Y5 E2",
        "G90\nM82\nG1 X10 E1 F600\nG92 E0\nG1 X20 E1\nG92 E7.5\nG1 Y5 E9.5",
        "g90\nm82\ng1 x10 e1 f600\n  G1 X20 E2\nN7 G1 Y5 E4*33",
        "G90\nM82\nG01 X10.0E1.0F600\nG1X+20Y-0E+2.\nG0 Y5.000000 E00004.0 ; X99 E99",
        "G90\nM82\nG1 X10 E1 F600 (X99)\n\nG1 X20.000000000000001 E2.00000000000\nG1 Y5 E4",
        "G20\nM83\nG1 X.3937007874 E.03937007874 F23.6220472441\nG21\nG1 X20 E1\nG1 Y5 E2",
        "M82\nG92 X100 Y100\nG1 X110 E1 F600\nG1 X120 E2\nG1 Y105 E4",
    ],
)
def test_the_same_three_moves_said_differently(tmp_path: Path, text: str) -> None:
    found = looked_at(tmp_path, text)
    usual = looked_at(tmp_path, "M83\nG1 X10 E1 F600\nG1 X20 E1\nG1 Y5 E2")

    assert found.features == usual.features
    assert found.filament_mm == usual.filament_mm == (4.0,)
    assert found.seconds == usual.seconds


def test_after_homing_the_head_is_at_the_origin(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "G1 X50 Y50 F6000\nG28 X\nG1 X10\nG28\nG1 X3 Y4")

    assert found.travel_mm == pytest.approx(50 * 2**0.5 + 10 + 5, abs=1e-3)


def test_what_is_drawn_back_and_comes_again_is_not_used(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "M83\nG1 X9 E3 F600\nG1 E-2\nG1 X20\nG1 E2\nG1 X30 E1\nG1 E-5")

    assert found.filament_mm == (4.0,)
    assert (found.retractions, found.retracted_mm) == (2, 7.0)


def test_wiping_while_drawing_back_is_one_retraction(tmp_path: Path) -> None:
    text = "M83\nG1 X9 E3 F600\nG1 E-.5\nG1 X8 E-.5\nG1 X7 E-.3\nG1 X20\nG1 E1.3\nG1 X30 E1"

    found = looked_at(tmp_path, text)

    assert (found.retractions, found.retracted_mm) == (1, 1.3)


def test_the_firmware_may_retract(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "M83\nG1 X9 E3 F600\nG10\nG1 X20\nG11\nG10 P0 R180\nG1 X30 E1")

    assert (found.retractions, found.layers.retractions) == (1, (1,))


def test_filament_by_volume(tmp_path: Path) -> None:
    found = looked_at(tmp_path, f"M83\nM200 D1.75\nG1 X9 E{AREA * 3} F600")

    assert found.filament_mm == pytest.approx((3.0,))


def test_a_factor_on_the_flow(tmp_path: Path) -> None:
    assert looked_at(tmp_path, "M83\nM221 S50\nG1 X9 E3 F600").filament_mm == (1.5,)


def test_what_the_start_gcode_draws_is_no_part(tmp_path: Path) -> None:
    text = """M83
;TYPE:Custom
G1 X200 Y0 E9 F600
;LAYER_CHANGE
;Z:0.3
;HEIGHT:0.3
G1 X50 Y50 Z0.3
;TYPE:Bottom surface
G1 X60 Y70 E1
"""

    found = looked_at(tmp_path, text)

    assert found.bounding_box == (50, 50, 0.3, 60, 70, 0.3)
    assert [one.name for one in found.features] == ["Custom", "Bottom surface"]


def test_the_bounding_box_holds_the_round_of_an_arc(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "M83\nG1 X10 Y0 F600\nG3 X-10 Y0 I-10 J0 E4\nG3 X10 Y0 R10 E4")

    assert found.bounding_box == pytest.approx((-10, -10, 0, 10, 10, 0))


def test_objects_one_after_the_other_share_their_layers(tmp_path: Path) -> None:
    one = gcode.moves(Part(layers=3, origin=(10, 10)))
    other = gcode.moves(Part(layers=2, origin=(90, 90)))

    found = looked_at(tmp_path, f"{one}\n{other}")

    single = looked_at(tmp_path, one)
    assert found.layers.z_mm == (0.2, 0.4, 0.6)
    assert found.layers.retractions == (2, 2, 1)
    assert found.layers.filament_mm[0] == pytest.approx(2 * single.layers.filament_mm[0], abs=1e-3)
    assert found.layers.max_flow_mm3_s == single.layers.max_flow_mm3_s


def test_without_marks_the_heights_make_the_layers(tmp_path: Path) -> None:
    text = "\n".join(line for line in gcode.moves(Part()).splitlines() if line[0] != ";")
    file = tmp_path / "part.gcode"
    file.write_text(f"{text}\n{gcode.config_block(gcode.ORCA_SETTINGS)}\n")

    found = analyse(file, lambda done: None)

    marked = analysis(tmp_path, gcode.orca(Part()))
    assert found.layers.z_mm == marked.layers.z_mm
    assert found.layers.filament_mm == marked.layers.filament_mm
    assert found.bounding_box == marked.bounding_box
    assert found.notes == (
        "The file does not mark its layers: they are told by the height of what is printed.",
    )


def test_a_vase_without_marks_has_layers_that_are_no_thinner_than_a_printer_can(
    tmp_path: Path,
) -> None:
    rounds = "".join(f"G1 X{at % 7} Z{at / 1000:g} E.1\n" for at in range(1, 401))
    file = tmp_path / "vase.gcode"
    file.write_text(f"M83\nG1 F600\n{rounds}")

    found = analyse(file, lambda done: None)

    assert len(found.layers.z_mm) == 10


def test_temperatures_of_other_tools_wait_for_them(tmp_path: Path) -> None:
    text = """M83
M104 S200
M104 T1 S240
;LAYER_CHANGE
G1 X9 E1 Z.2 F600
;LAYER_CHANGE
T1
G1 X9 Y9 E1 Z.4
;LAYER_CHANGE
T0
G1 X0 E1 Z.6
"""

    assert looked_at(tmp_path, text).layers.nozzle_c == (200, 240, 200)


def test_klippers_heaters_and_fans_of_every_scale(tmp_path: Path) -> None:
    text = """M83
SET_HEATER_TEMPERATURE HEATER=extruder TARGET=231
SET_HEATER_TEMPERATURE HEATER=heater_bed TARGET=60
M106 S0.5
M106 P2 S255
;LAYER_CHANGE
G1 X9 E1 Z.2 F600
"""

    layers = looked_at(tmp_path, text).layers

    assert (layers.nozzle_c, layers.fan_percent) == ((231,), (50,))


def test_where_a_macro_heats_the_settings_tell_the_first_temperature(tmp_path: Path) -> None:
    settings = {"nozzle_temperature_initial_layer": "221", "hot_plate_temp_initial_layer": "61"}

    found = looked_at(tmp_path, "START_PRINT\nM83\nG1 X9 E1 F600", settings)
    heated = looked_at(tmp_path, "M104 S210\nM83\nG1 X9 E1 F600", settings)

    assert (found.layers.nozzle_c, found.layers.bed_c) == ((221,), (61,))
    assert (found.is_heated, heated.is_heated) == (False, True)


def test_the_size_of_the_blocks_changes_nothing(tmp_path: Path) -> None:
    part = Part(layers=6, edge_mm=7)
    body = gcode.moves(part) + "\nG3 X0 Y10 I-10 J0 E1\n" + gcode.moves(replace(part, speed=33))
    whole = looked_at(tmp_path, body)

    for block_bytes in (80, 333, 1000):
        cut = looked_at(tmp_path, body, block_bytes=block_bytes)
        assert cut.seconds == pytest.approx(whole.seconds, abs=2e-3)
        assert cut.layers.seconds == pytest.approx(whole.layers.seconds, abs=1e-3)
        assert replace(cut, seconds=0, layers=whole.layers, features=()) == replace(
            whole, seconds=0, features=()
        )
