"""Numbers read many at once are those that Python reads one by one."""

import math
import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.slicer.gcode.scanning import PAD, read_numbers, scan

LONGEST = 16
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)")
WRITTEN = st.one_of(
    st.floats(-1e6, 1e6).map(lambda value: f"{value:.5f}"),
    st.floats(-1e4, 1e4).map(lambda value: f"{value:.15f}"),
    st.integers(-(10**7), 10**7).map(str),
    st.text("0123456789", min_size=1, max_size=16),
    st.text("0123456789.-+,/", max_size=18),
    st.sampled_from([".5", "-.5", "5.", "12345678.", ".12345678", "1234567.8", "-", ".", ""]),
)


@settings(deadline=None)
@given(st.lists(WRITTEN, min_size=1, max_size=40))
def test_read_numbers_agrees_with_python(written: list[str]) -> None:
    raw, begin = b"", []
    for text in written:
        begin.append(len(raw))
        raw += text.encode() + b" "

    values, is_number = read_numbers(
        np.frombuffer(raw + PAD, np.uint8),
        np.array(begin),
        np.array([len(text) for text in written]),
    )

    for text, value, is_one in zip(written, values.tolist(), is_number.tolist(), strict=True):
        if len(text.lstrip("+-")) <= LONGEST:
            assert is_one == bool(NUMBER.fullmatch(text)), text
        if is_one:
            assert math.isclose(value, float(text), rel_tol=1e-12, abs_tol=1e-12), text


LINES = st.sampled_from(
    [
        b"G1 X1 Y2 E3",
        b"G0X1.5Y-2",
        b"G92 E0",
        b"G28",
        b"g1 x5",
        b"  N5 G2 X1 I2 J3*7",
        b"G1 ; X9",
        b"G1 X9 (Y9)",
        b";TYPE:Skirt",
        b"M204 S500",
        b"G1 X",
        b"G1 XYZ E--3 F1.2.3",
        b"\xff\xfe\0",
        b"",
    ]
)


@settings(deadline=None)
@given(st.lists(st.one_of(LINES, st.binary(max_size=30)), min_size=1, max_size=40))
def test_every_line_is_a_row_or_an_event_or_nothing(lines: list[bytes]) -> None:
    block = b"\n".join([*(line.replace(b"\n", b"") for line in lines), b""])

    found = scan(block)

    assert len(found.starts) == len(found.ends) == found.block.count(b"\n")
    assert not {*found.lines.tolist()} & {*found.events.tolist()}
    assert np.all(np.diff(found.lines) > 0)
    assert found.values.shape == found.given.shape == (8, len(found.lines))
    assert np.all(np.isfinite(found.values[found.given]))
