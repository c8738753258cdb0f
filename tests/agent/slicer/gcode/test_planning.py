"""The look-ahead as running minima, against the loops that a firmware runs."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.slicer.gcode.motion import Reader, analyse
from agent.slicer.gcode.planning import Plan, Planner
from tests.agent.slicer.gcode.moving import trapezoid_s

Move = tuple[float, float, float, float]  # length, speed, acceleration, fastest beginning
MOVE = st.tuples(
    st.floats(0.01, 50),
    st.floats(1, 300),
    st.sampled_from([100.0, 1500.0, 20_000.0]),
    st.floats(0, 1),
)


def planned(moves: list[Move]) -> Plan:
    length, speed, acceleration, share = (np.array(column) for column in zip(*moves, strict=True))
    slower = np.minimum(speed, np.concatenate(([speed[0]], speed[:-1])))
    zeros, ints = np.zeros(len(moves)), np.zeros(len(moves), np.int64)
    return Plan(
        length=length,
        speed=speed,
        acceleration=acceleration,
        corner=(slower * share) ** 2,
        flow=zeros,
        kind=ints,
        layer=ints,
        feature=ints,
        fan=zeros,
    )


def by_loops(plan: Plan) -> list[float]:
    """Backwards, forwards, then each by itself."""
    count = len(plan)
    begin = [math.sqrt(square) for square in plan.corner.tolist()] + [0.0]
    way = (2 * plan.acceleration * plan.length).tolist()
    for at in reversed(range(count)):
        begin[at] = min(begin[at], math.sqrt(begin[at + 1] ** 2 + way[at]))
    for at in range(count):
        begin[at + 1] = min(begin[at + 1], math.sqrt(begin[at] ** 2 + way[at]))
    return [
        trapezoid_s(
            plan.length[at], plan.speed[at], plan.acceleration[at], begin[at], begin[at + 1]
        )
        for at in range(count)
    ]


@settings(deadline=None)
@given(st.lists(MOVE, min_size=1, max_size=60), st.integers(1, 60))
def test_the_running_minimum_is_the_firmwares_loop(moves: list[Move], block: int) -> None:
    plan, planner = planned(moves), Planner()

    found: list[float] = []
    for at in range(0, len(moves), block):
        if timed := planner.add(plan.part(at, at + block)):
            found += timed.seconds.tolist()
    if timed := planner.finish():
        found += timed.seconds.tolist()

    assert found == pytest.approx(by_loops(plan), rel=1e-6, abs=1e-6)


def test_what_never_slows_down_is_not_waited_for_without_end() -> None:
    """A straight way at full speed, for longer than is kept."""
    plan = planned([(0.001, 300.0, 100.0, 1.0)] * 3000)
    planner = Planner(most_waiting=2000)

    timed = [planner.add(plan.part(at, at + 500)) for at in range(0, 3000, 500)]

    assert [len(one.seconds) if one else 0 for one in timed] == [0, 0, 0, 2000, 0, 0]


PIECES = st.sampled_from(
    [
        b"G1 X10 Y10 E1 F600\n",
        b"G1 X-5 Z.2\n",
        b"G2 X0 Y0 I5 J5\n",
        b"G3 R0 X9\n",
        b"G91\n",
        b"G90\n",
        b"M82\n",
        b"M83\n",
        b"G92 E0 X7\n",
        b"G28\n",
        b"G20\n",
        b"G4 S99999999999\n",
        b"T1\n",
        b"T63\n",
        b"M200 D0.001\n",
        b"M201 X1 Y1 Z1 E1\n",
        b"M203 X.00001\n",
        b"M204 S.0001\n",
        b"M205 X9 J.01\n",
        b"M221 S1000\n",
        b"SET_VELOCITY_LIMIT ACCEL=1 VELOCITY=1 SQUARE_CORNER_VELOCITY=1\n",
        b";LAYER_CHANGE\n",
        b";Z:-5\n",
        b";TYPE:\n",
        b";TYPE:Outer wall\n",
        b"G1 X999999999999999 F999999999999\n",
        b"G1 F0 E-5\n",
        b"\r",
    ]
)


@settings(deadline=None)
@given(st.lists(st.one_of(PIECES, st.binary(max_size=16)), max_size=40).map(b"".join))
def test_no_bytes_break_the_pass(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "moves.gcode"
    file.write_bytes(b"G28\n" + content.replace(b"\0", b"\1"))  # what has zeros is refused

    found = analyse(file, lambda done: None)

    numbers = [found.seconds, found.travel_mm, found.travel_seconds, *found.filament_mm]
    numbers += [*found.layers.seconds, *found.layers.max_flow_mm3_s, *found.layers.z_mm]
    assert all(math.isfinite(number) and number >= 0 for number in numbers if number != -5)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=90), max_size=10), st.integers(1, 100))
def test_blocks_are_made_of_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], block: int
) -> None:
    whole = b"G1\n" + b"\n".join(line.replace(b"\r", b"") for line in lines)
    file = tmp_path_factory.getbasetemp() / "lines"
    file.write_bytes(whole)

    with file.open("rb") as stream:
        blocks = list(Reader(stream, block))

    assert all(one.endswith(b"\n") for one in blocks)
    assert b"".join(blocks).rstrip(b"\n") == whole.rstrip(b"\n")


def test_lines_without_an_end_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "long.gcode"
    file.write_bytes(b"G1 X1 F60\nG1 " + b"X2 " * 900_000 + b"\nG1 X3\n")

    found = analyse(file, lambda done: None)

    assert found.travel_mm == 3
    assert "Lines of more than 64 kB were left out." in found.notes
