"""Settings are text: numbers, percentages, flags, lists and programs are read out of it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.slicer.checks.programs import switches_off
from agent.slicer.values import Values, duration, figure, number, points, strings, words


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.2", 0.2),
        (" 15% ", 15.0),
        ("-0.5", -0.5),
        (".4", 0.4),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("", None),
        ("nil", None),
        ("1,5", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("0x10", None),
        ("½", None),
    ],
)
def test_a_number_is_read_or_is_none(text: str, value: float | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("PLA", ("PLA",)),
        ("PLA;PETG", ("PLA", "PETG")),
        ('"Generic PLA; mine";PETG', ("Generic PLA; mine", "PETG")),
        (r'"a \"b\"";"c\nd"', ('a "b"', "c\nd")),
        ("a;;b", ("a", "", "b")),
        ("", ()),
    ],
)
def test_strings_are_taken_apart_as_the_slicer_joined_them(
    text: str, items: tuple[str, ...]
) -> None:
    assert strings(text) == items


def test_points_are_pairs_or_nothing() -> None:
    assert points("0x0,220x0,220x220") == ((0, 0), (220, 0), (220, 220))
    assert points("0x0,220") == ()
    assert points("-5.5x1e2") == ((-5.5, 100),)


def test_a_list_that_is_too_short_repeats_its_first_item() -> None:
    values = Values({"nozzle_temperature": "220,250", "one": "5"})

    assert [values.number("nozzle_temperature", index) for index in range(3)] == [220, 250, 220]
    assert values.numbers("nozzle_temperature") == (220, 250)
    assert (values.number("one", 7), values.number("absent")) == (5, None)


def test_what_says_nil_is_not_there() -> None:
    values = Values({"filament_z_hop": "nil,0.4", "all": "nil"})

    assert (values.number("filament_z_hop"), values.number("filament_z_hop", 1)) == (None, 0.4)
    assert (values.text("all"), values.word("all"), values.flag("all")) == (None, None, None)


def test_a_percentage_is_of_something() -> None:
    values = Values({"width": "105%", "plain": "0.42"})

    assert values.size("width", 0.4) == pytest.approx(0.42)
    assert values.size("width", None) is None
    assert values.size("plain", None) == 0.42


def test_a_flag_is_true_false_or_not_said() -> None:
    values = Values({"on": "1", "off": "0", "word": "true", "both": "1,0", "odd": "maybe"})

    assert [values.flag(key) for key in ("on", "off", "word", "odd", "absent")] == [
        True,
        False,
        True,
        None,
        None,
    ]
    assert values.flag("both", 1) is False


def test_a_program_has_its_lines_apart_however_they_were_written() -> None:
    written = ("G28\\nM104 S0", "G28\nM104 S0", '"G28\\nM104 S0"')

    read = [Values({"machine_start_gcode": one}).program("machine_start_gcode") for one in written]

    assert read == ["G28\nM104 S0"] * 3


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.2, "0.2"), (215.0, "215"), (0.456, "0.46"), (-0.001, "0"), (100, "100"), (1e6, "1000000")],
)
def test_a_figure_is_as_short_as_it_can_be(value: float, text: str) -> None:
    assert figure(value) == text


@given(st.text(max_size=60))
@example('"')
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    values = Values({"key": text})

    values.number("key")
    values.program("key")
    values.flag("key", 3)
    values.size("key", 0.4)
    assert len(strings(text)) <= len(text) + 1
    assert all(words(text))
    points(text)


@pytest.mark.parametrize("text", ["9" * 300_000 + "x", "9" * 399 + "x", "." + "9" * 300_000])
def test_a_row_of_digits_without_end_is_no_number_and_takes_no_time(text: str) -> None:
    assert number(text) is None


def test_a_program_of_one_long_line_is_looked_through_once() -> None:
    assert not switches_off("M104 " * 100_000, "nozzle")
    assert switches_off("M140 " * 100_000 + "S0", "bed")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (125, "2 min 5 s"), (7322, "2 h 2 min")]
)
def test_durations_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert duration(seconds) == text
