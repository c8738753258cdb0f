"""How long moves take, against what the formulas say."""

import math
from pathlib import Path

import pytest

from tests.agent.slicer.gcode.moving import looked_at, trapezoid_s

JERK = 8.0
NOT_SAID = (
    "The file does not say how fast the printer accelerates: 1000 mm/s² is assumed wherever no "
    "command sets it, so times are rough."
)


@pytest.mark.parametrize(
    ("length", "speed"),
    [(100, 50), (100, 5000), (1, 100), (0.01, 300), (3000, 20)],
)
def test_a_single_move_is_a_trapezoid(tmp_path: Path, length: float, speed: float) -> None:
    found = looked_at(tmp_path, f"G1 X{length} F{speed * 60}")

    assert found.seconds == pytest.approx(trapezoid_s(length, speed, 1000, JERK), abs=2e-3)
    assert found.travel_mm == pytest.approx(length)


def test_a_right_angle_is_passed_at_the_jerk(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "G1 X50 F6000\nG1 Y50")

    first = trapezoid_s(50, 100, 1000, JERK, JERK)
    assert found.seconds == pytest.approx(first + trapezoid_s(50, 100, 1000, JERK), abs=1e-3)


def test_a_straight_line_in_many_pieces_takes_as_long_as_in_one(tmp_path: Path) -> None:
    pieces = "".join(f"G1 X{at / 10:g} F6000\n" for at in range(1, 1001))

    found = looked_at(tmp_path, pieces)

    assert found.seconds == pytest.approx(trapezoid_s(100, 100, 1000, JERK), abs=1e-3)


def test_what_lies_far_ahead_slows_down_in_time(tmp_path: Path) -> None:
    """A hundred short moves on a line, then back: they must slow down over many moves."""
    there = "".join(f"G1 X{at / 100:g} F12000\n" for at in range(1, 101))

    found = looked_at(tmp_path, there + "G1 X0")

    way = trapezoid_s(1, 200, 1000, JERK, JERK)
    assert found.seconds == pytest.approx(way + trapezoid_s(1, 200, 1000, JERK), abs=1e-3)


def test_klippers_corner_speed_holds_at_a_right_angle(tmp_path: Path) -> None:
    limit = "SET_VELOCITY_LIMIT ACCEL=3000 SQUARE_CORNER_VELOCITY=5\n"

    found = looked_at(
        tmp_path,
        f"{limit}G1 X50 F6000\nG1 Y50",
        {"machine_max_acceleration_travel": "9000", "gcode_flavor": "klipper"},
    )

    both = trapezoid_s(50, 100, 3000, 0, 5) + trapezoid_s(50, 100, 3000, 5, 0)
    assert found.seconds == pytest.approx(both, abs=1e-3)


def test_marlins_junction_deviation(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "M205 J0.02\nG1 X50 F6000\nG1 Y50")

    half = math.sin(math.radians(45))
    corner = math.sqrt(1000 * 0.02 * half / (1 - half))
    both = trapezoid_s(50, 100, 1000, 0, corner) + trapezoid_s(50, 100, 1000, corner, 0)
    assert found.seconds == pytest.approx(both, abs=1e-3)


def test_accelerations_of_printing_travelling_and_retracting_differ(tmp_path: Path) -> None:
    settings = {f"machine_max_acceleration_{kind}": "9000" for kind in ("extruding", "travel")}
    text = "M83\nM204 P500 T2000 R4000\nG4 P0\nG1 X50 E1 F6000\nG4 P0\nG1 X0\nG4 P0\nG1 E-4 F3000"

    found = looked_at(tmp_path, text, {**settings, "machine_max_jerk_e": "5"})

    (feature,) = found.features
    assert feature.seconds == pytest.approx(trapezoid_s(50, 100, 500, JERK, JERK), abs=2e-3)
    assert found.travel_seconds == pytest.approx(trapezoid_s(50, 100, 2000, JERK, 5), abs=2e-3)
    rest = found.seconds - feature.seconds - found.travel_seconds
    assert rest == pytest.approx(trapezoid_s(4, 50, 4000, 5, 0), abs=3e-3)


def test_what_a_command_asks_for_stays_below_the_printers_limit(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "M204 S99999\nG1 X100 F6000")

    assert found.seconds == pytest.approx(trapezoid_s(100, 100, 1000, JERK), abs=1e-3)


def test_an_axis_may_be_slower_than_the_head(tmp_path: Path) -> None:
    slow = {"machine_max_speed_z": "10", "machine_max_acceleration_z": "100"}

    found = looked_at(tmp_path, "G1 Z30 F6000", {**slow, "machine_max_jerk_z": "0.4"})

    assert found.seconds == pytest.approx(trapezoid_s(30, 10, 100, 0.4), abs=1e-3)


def test_limits_may_change_on_the_way(tmp_path: Path) -> None:
    text = "M203 X20\nM201 X100\nM205 X2\nG4 P0\nG1 X40 F6000\nG4 P0\nM203 X500\nG1 X80"

    found = looked_at(tmp_path, text)

    both = trapezoid_s(40, 20, 100, 2, 2) + trapezoid_s(40, 100, 100, 2)
    assert found.seconds == pytest.approx(both, abs=2e-3)


def test_reprapfirmware_counts_speeds_by_the_minute(tmp_path: Path) -> None:
    found = looked_at(
        tmp_path, "M203 X1200\nM566 X120\nG1 X40 F6000", {"gcode_flavor": "reprapfirmware"}
    )

    assert found.seconds == pytest.approx(trapezoid_s(40, 20, 1000, 2), abs=1e-3)


def test_an_arc_is_as_long_as_it_is(tmp_path: Path) -> None:
    slow = "G90\nG1 X10 F60\n"
    quarter = looked_at(tmp_path, slow + "G3 X0 Y10 I-10 J0")
    by_radius = looked_at(tmp_path, slow + "G3 X0 Y10 R10")
    the_long_way = looked_at(tmp_path, slow + "G2 X0 Y10 I-10 J0")
    by_negative_radius = looked_at(tmp_path, slow + "G2 X0 Y10 R-10")
    whole = looked_at(tmp_path, slow + "G2 I-10 J0")

    arc = 2 * math.pi * 10
    assert quarter.travel_mm == by_radius.travel_mm == pytest.approx(10 + arc / 4, abs=1e-3)
    assert the_long_way.travel_mm == pytest.approx(10 + arc * 3 / 4, abs=1e-3)
    assert by_negative_radius.travel_mm == the_long_way.travel_mm
    assert whole.travel_mm == pytest.approx(10 + arc, abs=1e-3)


def test_an_arc_that_climbs_is_a_helix(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "G1 X10 F60\nG2 Z5 I-10 J0")

    assert found.travel_mm == pytest.approx(10 + math.hypot(2 * math.pi * 10, 5), abs=1e-3)


def test_a_small_arc_is_slow_since_it_turns_the_head(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "M83\nG2 X0 Y0 I-1 J0 E1 F30000\nG2 X0 Y0 I-1 J0 E1")

    assert found.features[0].max_speed_mm_s == pytest.approx(math.sqrt(1000 * 1), abs=1e-3)


def test_straight_into_an_arc_there_is_no_corner(tmp_path: Path) -> None:
    smooth = looked_at(tmp_path, "G1 X100 F3000\nG3 X200 Y100 I0 J100\nG1 Y200")
    half_circle = math.pi * 100 / 2

    assert smooth.seconds == pytest.approx(trapezoid_s(200 + half_circle, 50, 1000, JERK), abs=1e-3)


def test_standing_still_takes_its_time_and_stops_the_head(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "G1 X50 F6000\nG4 S2\nG4 P500\nG1 X100")

    each = trapezoid_s(50, 100, 1000, JERK, JERK)
    assert found.seconds == pytest.approx(2.5 + each + trapezoid_s(50, 100, 1000, JERK), abs=2e-3)
    assert found.layers.seconds == ()  # nothing is printed


def test_a_factor_on_the_speed(tmp_path: Path) -> None:
    found = looked_at(tmp_path, "M220 S50\nG1 X100 F6000")

    assert found.seconds == pytest.approx(trapezoid_s(100, 50, 1000, JERK), abs=1e-3)


def test_a_tool_change_takes_what_the_settings_say(tmp_path: Path) -> None:
    times = {
        "machine_load_filament_time": "10",
        "machine_unload_filament_time": "12",
        "machine_tool_change_time": "1",
    }

    found = looked_at(tmp_path, "M83\nT0\nG1 X1 E1 F60\nT1\nG1 X2 E2\nT1\nT0\nG1 X3 E4", times)

    moving = looked_at(tmp_path, "M83\nG1 X1 E1 F60\nG4 P0\nG1 X2 E2\nG4 P0\nG1 X3 E4")
    assert found.tool_changes == 2
    assert found.seconds == pytest.approx(46 + moving.seconds, abs=1e-3)
    assert found.filament_mm == (5.0, 2.0)


def test_a_printer_that_says_nothing_of_acceleration_is_told(tmp_path: Path) -> None:
    found = looked_at(
        tmp_path,
        "G1 X100 F6000",
        {f"machine_max_acceleration_{kind}": "" for kind in ("extruding", "travel", "retracting")},
    )

    assert found.notes == (NOT_SAID,)
