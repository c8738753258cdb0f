"""Every calibration test computes what the guide's worked example says."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.slicer.calibrations.bounding import computed
from agent.slicer.calibrations.catalogue import BY_ID, CALIBRATIONS, after
from agent.slicer.calibrations.rules import (
    BadMeasurement,
    Calibration,
    Outcome,
    Raw,
    floor,
    measured,
    text,
)
from agent.slicer.presets.keys import find_key
from agent.slicer.presets.writing import preset_json
from agent.slicer.rules import Change


def _outcome(test: str, **values: Raw) -> Outcome:
    return computed(BY_ID[test], measured(BY_ID[test], values))


def _values(test: str, **values: Raw) -> dict[str, object]:
    return {line.key: line.value for line in _outcome(test, **values).lines}


EXAMPLES: list[tuple[str, dict[str, Raw], dict[str, object]]] = [
    (
        "temperature",
        {"start": 230, "end": 190, "z": 34},
        {"nozzle_temperature": ("215",), "nozzle_temperature_initial_layer": ("215",)},
    ),
    (
        "temperature",
        {"start": "230", "end": "190", "z": "9.99", "first_layer": 5},
        {"nozzle_temperature": ("230",), "nozzle_temperature_initial_layer": ("235",)},
    ),
    ("flow-pass-1", {"old": 0.98, "modifier": 5}, {"filament_flow_ratio": ("1.029",)}),
    ("flow-pass-2", {"old": 1.029, "modifier": -6}, {"filament_flow_ratio": ("0.967",)}),
    ("flow-yolo", {"old": 0.98, "modifier": -0.02}, {"filament_flow_ratio": ("0.96",)}),
    ("flow-yolo-fine", {"old": 0.96, "modifier": -0.005}, {"filament_flow_ratio": ("0.955",)}),
    (
        "pressure-advance-tower",
        {"start": 0, "step": 0.002, "z": 21.6},
        {"enable_pressure_advance": ("1",), "pressure_advance": ("0.042",)},
    ),
    (
        "pressure-advance-tower",
        {"start": 0, "step": 0.02, "z": 21.6, "drive": "bowden"},
        {"enable_pressure_advance": ("1",), "pressure_advance": ("0.42",)},
    ),
    (
        "pressure-advance-line",
        {"value": "0,036"},
        {"enable_pressure_advance": ("1",), "pressure_advance": ("0.036",)},
    ),
    (
        "retraction",
        {"start": 0, "step": 0.1, "z": 6.8, "reserve": 0},
        {"filament_retraction_length": ("0.6",)},
    ),
    (
        "retraction",
        {"start": 1, "step": 0.2, "z": 12.6, "drive": "bowden", "target": "machine"},
        {"retraction_length": ("3.5",)},
    ),
    ("retraction", {"z": 0.2, "reserve": 0}, {"filament_retraction_length": ("0",)}),
    (
        "max-volumetric-speed",
        {"start": 5, "step": 0.5, "z": 24},
        {"filament_max_volumetric_speed": ("14.4",)},
    ),
    ("vfa", {"start": 40, "step": 10, "z": 42}, {"outer_wall_speed": "120"}),
    (
        "cornering",
        {"kind": "junction", "start": 0.01, "end": 0.25, "height": 60, "z": 15},
        {"machine_max_junction_deviation": ("0.07",)},
    ),
    (
        "cornering",
        {"start": 1, "end": 15, "height": 60, "z": 30},
        {"machine_max_jerk_x": ("8", "8"), "machine_max_jerk_y": ("8", "8")},
    ),
    (
        "input-shaping-frequency",
        {"z_x": 30, "z_y": 20, "preset": "yes"},
        {"input_shaping_freq_x": "62.5", "input_shaping_freq_y": "46.7"},
    ),
    (
        "input-shaping-damping",
        {"z_x": 30, "z_y": 12, "preset": "yes"},
        {"input_shaping_damp_x": "0.25", "input_shaping_damp_y": "0.1"},
    ),
    (
        "tolerance",
        {"hole_wanted": 6, "hole_measured": 5.84, "contour_wanted": 6, "contour_measured": 6.06},
        {"xy_hole_compensation": "0.08", "xy_contour_compensation": "-0.03"},
    ),
    (
        "tolerance",
        {"hole_measured": 5.9, "hole_old": 0.08, "contour_measured": ""},
        {"xy_hole_compensation": "0.13"},
    ),
    ("shrinkage", {"nominal": 140, "measured": 139.16}, {"filament_shrink": ("99.4%",)}),
]


@pytest.mark.parametrize(("test", "values", "wanted"), EXAMPLES)
def test_a_worked_example_comes_out_as_worked(
    test: str, values: dict[str, Raw], wanted: dict[str, object]
) -> None:
    assert _values(test, **values) == wanted


def test_every_test_has_a_worked_example_and_a_next_one() -> None:
    assert {test for test, _, _ in EXAMPLES} == set(BY_ID)
    assert len(BY_ID) == len(CALIBRATIONS)
    assert [test.order for test in CALIBRATIONS] == sorted(test.order for test in CALIBRATIONS)
    follows = {test.id: (after(test) or test).id for test in CALIBRATIONS}
    assert follows["temperature"] == "max-volumetric-speed"
    assert follows["flow-yolo"] == "flow-yolo-fine"
    assert follows["flow-pass-2"] == follows["flow-yolo-fine"] == "retraction"
    assert follows["shrinkage"] == "shrinkage"


@pytest.mark.parametrize(("test", "values", "_wanted"), EXAMPLES)
def test_what_comes_out_stands_in_the_preset_that_knows_the_key(
    test: str, values: dict[str, Raw], _wanted: dict[str, object]
) -> None:
    for line in _outcome(test, **values).lines:
        key = find_key(line.key, line.preset_type)
        assert line.key in BY_ID[test].keys
        assert key is not None or line.key.startswith("input_shaping_"), line.key
        assert key is None or isinstance(line.value, tuple) == key.is_list, line.key
        change = Change(line.preset_type, line.key, line.old, line.value)
        assert preset_json(line.preset_type, "Mine", "Theirs", [change])[line.key]


@pytest.mark.parametrize(
    ("test", "values", "field", "said"),
    [
        ("temperature", {}, "z", "is needed"),
        ("temperature", {"z": ""}, "z", "is needed"),
        ("temperature", {"z": "high"}, "z", "is a number"),
        ("temperature", {"z": True}, "z", "is a number"),
        ("temperature", {"z": "NaN"}, "z", "is a number"),
        ("temperature", {"z": "1" * 500}, "z", "is a number"),
        ("temperature", {"z": -1}, "z", "between 0 and 1000 mm"),
        ("temperature", {"z": 90}, "z", "only 90 mm tall"),
        ("temperature", {"z": 1, "start": 400.5}, "start", "steps of 1"),
        ("temperature", {"z": 1, "start": 700}, "start", "between 150 and 450"),
        ("temperature", {"z": 1, "start": 200, "end": 210}, "end", "cooler upwards"),
        ("temperature", {"z": 1, "colour": "red"}, "colour", "does not ask"),
        ("flow-pass-1", {"old": 1, "modifier": 3}, "modifier", "steps of 5"),
        ("flow-pass-2", {"old": 1, "modifier": 5}, "modifier", "between -9 and 0"),
        ("vfa", {"z": 500}, "z", "beyond 200"),
        ("retraction", {"z": 5, "drive": "both"}, "drive", "one of direct, bowden"),
        ("cornering", {"start": 5, "end": 5, "z": 1}, "end", "rises upwards"),
        ("cornering", {"z": 61}, "z", "only 60 mm tall"),
        ("cornering", {"kind": "junction", "z": 60}, "end", "below 1 mm"),
        ("input-shaping-damping", {"end": 1, "z_x": 60, "z_y": 1}, "end", "below 1"),
        ("tolerance", {}, "hole_measured", "Measure the hole"),
        ("max-volumetric-speed", {"z": 200}, "z", "from 5 to 21 is only 32 mm tall"),
        ("max-volumetric-speed", {"z": 1, "end": 4}, "end", "rises upwards"),
        ("max-volumetric-speed", {"z": 150, "end": 95}, "z", "68 mm³/s, above 50 mm³/s"),
        ("max-volumetric-speed", {"start": 0, "z": 0}, "z", "below 0.5 mm³/s"),
        ("pressure-advance-tower", {"z": 51}, "z", "from 0 to 0.1 is only 51 mm tall"),
        ("pressure-advance-tower", {"z": 99, "step": 0.02, "drive": "bowden"}, "z", "only 51 mm"),
        ("pressure-advance-tower", {"z": 50, "step": 0.1, "end": 5}, "z", "above 2"),
        ("pressure-advance-line", {"value": 4}, "value", "above 2"),
        ("retraction", {"z": 21.5}, "z", "from 0 to 2 is only 21.4 mm tall"),
        ("retraction", {"z": 40, "end": 5}, "z", "above 3 mm: what a direct drive bears"),
        ("retraction", {"z": 119, "end": 12, "drive": "bowden"}, "z", "above 10 mm"),
        ("flow-pass-1", {"old": 2, "modifier": 20}, "modifier", "would be 2.4, above 1.5"),
        ("cornering", {"kind": "junction", "start": 0, "end": 0.9, "z": 60}, "z", "above 0.3 mm"),
        ("vfa", {"z": 1, "end": 900}, "end", "between 1 and 600"),
        ("tolerance", {"hole_measured": 2}, "hole_measured", "above 1 mm"),
        ("shrinkage", {"measured": 100}, "measured", "below 90"),
    ],
)
def test_what_cannot_have_been_measured_is_named(
    test: str, values: dict[str, Raw], field: str, said: str
) -> None:
    with pytest.raises(BadMeasurement) as refused:
        _outcome(test, **values)

    assert refused.value.field == field
    assert said in refused.value.detail


@pytest.mark.parametrize(
    ("test", "values", "said"),
    [
        ("temperature", {"z": 1, "start": 310}, "all-metal"),
        ("temperature", {"z": 89}, "coolest block"),
        ("temperature", {"z": 1}, "hottest block"),
        ("flow-pass-1", {"old": 1, "modifier": 20}, "the first or the last"),
        ("flow-pass-1", {"old": 1, "modifier": -15}, "another cause"),
        ("flow-pass-2", {"old": 1, "modifier": -9}, "the first or the last"),
        ("pressure-advance-line", {"value": 0.5}, "unusual"),
        ("pressure-advance-line", {"value": 0}, "turns pressure advance off"),
        ("retraction", {"z": 20.4}, "jams"),
        ("retraction", {"z": 90, "end": 9, "drive": "bowden"}, "even for a Bowden"),
        ("retraction", {"z": 0}, "Clean from the bottom"),
        ("max-volumetric-speed", {"z": 0}, "lower start"),
        ("max-volumetric-speed", {"z": 9, "reserve": 5}, "10 % reserve"),
        ("vfa", {"z": 5}, "slow"),
        ("cornering", {"end": 90, "z": 60}, "unusual"),
        ("input-shaping-frequency", {"z_x": 1, "z_y": 30}, "loose"),
        ("tolerance", {"hole_measured": 5}, "measure again"),
        ("shrinkage", {"measured": 140}, "Measure again"),
        ("shrinkage", {"nominal": 20, "measured": 19.9}, "calipers"),
    ],
)
def test_an_odd_result_is_shown_with_a_warning(
    test: str, values: dict[str, Raw], said: str
) -> None:
    assert said in " ".join(_outcome(test, **values).warnings)


def test_tests_that_find_the_same_are_ways_of_one_group() -> None:
    found: dict[str, dict[str, list[str]]] = {}
    for test in CALIBRATIONS:
        if test.group:
            found.setdefault(test.group, {}).setdefault(test.way, []).append(test.id)

    assert found == {
        "Pressure advance": {
            "Tower": ["pressure-advance-tower"],
            "Line or pattern": ["pressure-advance-line"],
        },
        "Flow rate": {
            "Two passes": ["flow-pass-1", "flow-pass-2"],
            "YOLO": ["flow-yolo", "flow-yolo-fine"],
        },
    }


def test_a_good_result_has_no_warning() -> None:
    assert _outcome("temperature", z=34).warnings == ()
    assert _outcome("flow-pass-2", old=1, modifier=0).warnings == ()
    assert _outcome("retraction", z=6.8).warnings == ()


def test_what_belongs_into_the_firmware_is_told_as_commands() -> None:
    found = _outcome("input-shaping-frequency", z_x=30, z_y=20)

    assert found.lines == ()
    assert [(c.firmware, c.text) for c in found.commands] == [
        ("Marlin", "M593 X F62.5\nM593 Y F46.7\nM500"),
        ("Klipper", "[input_shaper]\nshaper_freq_x: 62.5\nshaper_freq_y: 46.7"),
        ("RepRapFirmware", 'M593 P"zvd" F54.6'),
    ]


def test_the_calculation_is_shown_with_the_users_numbers() -> None:
    assert _outcome("temperature", z=34).steps == ("floor(34 / 10) = 3", "230 − 5 · 3 = 215 °C")


@given(st.decimals(0, 89, places=2))
def test_the_tower_gets_cooler_by_five_degrees_each_centimetre(z: Decimal) -> None:
    value = _values("temperature", z=str(z))["nozzle_temperature"]

    assert value == (str(230 - 5 * int(z // 10)),)


@given(st.integers(0, 400))
def test_a_height_on_a_whole_millimetre_counts_as_reached(z: int) -> None:
    # 7.4 − 0.4 is 7 by hand, and something else in binary fractions
    value = _values("retraction", z=f"{z}.4", step="0.01", end="4", drive="bowden", reserve=0)[
        "filament_retraction_length"
    ]

    assert value == (text(Decimal(z) / 100),)


@given(st.decimals(-9999, 9999, places=6))
def test_numbers_are_written_without_ornament(value: Decimal) -> None:
    written = text(value)

    assert "E" not in written.upper()
    assert abs(Decimal(written) - value) <= Decimal("0.00005")
    assert written == "0" or not written.endswith((".", "-0"))
    assert floor(value) <= value


@given(st.data(), st.sampled_from(CALIBRATIONS))
def test_whatever_is_typed_gives_an_outcome_or_is_refused(
    data: st.DataObject, test: Calibration
) -> None:
    typed = st.one_of(st.floats(), st.integers(), st.booleans(), st.text(max_size=12))
    values: dict[str, Raw] = {
        field.name: data.draw(
            st.one_of(typed, st.sampled_from([c for c, _ in field.choices] or ["0", "1", "50"]))
        )
        for field in test.fields
        if data.draw(st.booleans())
    }

    with suppress(BadMeasurement):
        outcome = test.compute(measured(test, values))

        assert outcome.steps
        for line in outcome.lines:
            change = Change(line.preset_type, line.key, line.old, line.value)
            assert preset_json(line.preset_type, "Mine", "Theirs", [change])
