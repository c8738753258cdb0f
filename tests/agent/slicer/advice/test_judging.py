"""What becomes of a proposal: accepted, clamped or refused, each with its reason."""

import pytest

from agent.slicer.advice.effects import effects_of
from agent.slicer.advice.judging import changes_of, judged, known_key, proposed_of, situation_of
from agent.slicer.advice.limits import Situation
from agent.slicer.advice.rules import Line, Proposed, Value, picked
from agent.slicer.checks.checking import check
from agent.slicer.rules import Change, Facts, Filament
from tests.agent.slicer.checks.case import Case
from tests.agent.slicer.checks.test_checks import CASES, found

PETG = Situation(
    {
        "filament_type": "PETG",
        "nozzle_temperature": "240",
        "nozzle_temperature_range_low": "220",
        "nozzle_temperature_range_high": "260",
        "hot_plate_temp": "70",
        "filament_max_volumetric_speed": "10",
        "filament_flow_ratio": "0.98",
        "nozzle_diameter": "0.4",
        "layer_height": "0.2",
        "outer_wall_line_width": "0.42",
        "outer_wall_speed": "120",
        "machine_max_speed_x": "300,200",
        "machine_max_speed_y": "300,200",
        "sparse_infill_density": "15%",
        "sparse_infill_pattern": "grid",
        "enable_support": "0",
        "extruder_type": "Direct Drive",
        "retraction_length": "0.8",
        "z_offset": "0.05",
    }
)


def line(key: str, new: object, situation: Situation = PETG) -> Line:
    """What becomes of one proposal."""
    return judged([Proposed(key, new)], situation)[0]


def outcome(key: str, new: object, situation: Situation = PETG) -> tuple[str, Value | None]:
    told = line(key, new, situation)
    return told.verdict, told.new


@pytest.mark.parametrize(
    ("key", "asked", "new"),
    [
        ("nozzle_temperature", 235, ("235",)),
        ("nozzle_temperature", "235 °C", ("235",)),
        ("nozzle_temperature", "235C", ("235",)),
        ("nozzle_temperature", ["235"], ("235",)),
        ("Nozzle temperature", 235, ("235",)),
        ("nozzle-temperature", 235.0, ("235",)),
        ("layer_height", "0,16 mm", "0.16"),
        ("sparse_infill_density", 20, "20%"),
        ("sparse_infill_density", "20 %", "20%"),
        ("sparse_infill_pattern", "Gyroid", "gyroid"),
        ("enable_support", True, "1"),
        ("enable_support", "on", "1"),
        ("outer_wall_line_width", "110%", "110%"),
        ("outer_wall_line_width", "0", "0"),
        ("filament_max_volumetric_speed", "8 mm3/s", ("8",)),
        ("filament_retraction_length", "nil", ("nil",)),
        ("filament_flow_ratio", 0.95, ("0.95",)),
    ],
)
def test_what_is_sane_is_written_as_a_preset_has_it(key: str, asked: object, new: Value) -> None:
    assert outcome(key, asked) == ("accepted", new)


@pytest.mark.parametrize(
    ("key", "asked", "new", "why"),
    [
        ("nozzle_temperature", 280, ("260",), "the filament's range"),
        ("nozzle_temperature", 200, ("220",), "the filament's range"),
        ("hot_plate_temp", 110, ("100",), "what PETG is printed with"),
        ("filament_max_volumetric_speed", 30, ("15",), "one and a half times"),
        ("filament_flow_ratio", 2, ("1.2",), "sane"),
        ("layer_height", 0.5, "0.32", "a nozzle of 0.4 mm"),
        ("layer_height", 0.01, "0.08", "a nozzle of 0.4 mm"),
        ("outer_wall_line_width", "1.5", "0.8", "a nozzle of 0.4 mm"),
        ("outer_wall_line_width", "400%", "200%", "the nozzle"),
        ("outer_wall_speed", 500, "300", "the printer's own maximum"),
        ("retraction_length", 8, ("3",), "direct drive"),
        ("z_offset", -1, "-0.15", "a safe step"),
        ("sparse_infill_density", 0.25, "25%", "read as 25 %"),
        ("sparse_infill_density", 250, "100%", "sane"),
        ("wall_loops", 3.4, "3", "whole number"),
    ],
)
def test_what_goes_too_far_is_clamped_and_the_limit_is_named(
    key: str, asked: object, new: Value, why: str
) -> None:
    told = line(key, asked)

    assert (told.verdict, told.new, told.is_picked) == ("clamped", new, True)
    assert why in told.why


@pytest.mark.parametrize(
    ("key", "asked", "why"),
    [
        ("nozzle_temperature", 400, "400 °C is beyond 300 °C"),
        ("nozzle_temperature", "450 °F", "It is in °C, not in °f."),
        ("hot_plate_temp", 200, "200 °C is beyond 120 °C"),
        ("chamber_temperature", 90, "90 °C is beyond 65 °C"),
        ("nozzle_temperature", 240, "It is so already."),
        ("nozzle_temperature", "hot", "hot is no number."),
        ("nozzle_temperature", float("nan"), "not a number is no number."),
        ("nozzle_temperature", float("inf"), "not a number is no number."),
        ("nozzle_temperature", "1e3", "It is in °C, not in e3."),
        ("nozzle_temperature", {"value": 230}, "This is no value that a setting can have."),
        ("nozzle_temperature", [], "No value is given."),
        ("nozzle_temperature", [230, 240], "It has 1 value, not 2."),
        ("nozzle_temperature", None, "This is no value that a setting can have."),
        ("layer_height", "20%", "It is a number in mm, no percentage."),
        ("layer_height", "2 cm", "It is in mm, not in cm."),
        ("enable_support", "maybe", "It is on or off (1 or 0), not maybe."),
        ("nozzle_diameter", 0.8, "It says what the printer or the spool is"),
        ("machine_max_speed_x", 900, "It says what the printer or the spool is"),
        ("nozzle_temperature_range_high", 500, "It says what the printer or the spool is"),
        ("machine_start_gcode", "M104 S400", "It holds free text or commands"),
        ("post_process", "/bin/rm -rf ~", "It holds free text or commands"),
        ("filament_start_gcode", "M104 S400", "It holds free text or commands"),
        ("print_host", "http://evil", "OrcaSlicer has no setting called print_host."),
        ("inherits", "another", "OrcaSlicer has no setting called inherits."),
        ("magic_quality", 1, "OrcaSlicer has no setting called magic_quality."),
        ("", 1, "OrcaSlicer has no setting called ."),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(key: str, asked: object, why: str) -> None:
    told = line(key, asked)

    assert (told.verdict, told.is_picked) == ("refused", False)
    assert told.why.startswith(why)


def test_a_choice_that_is_none_is_refused_with_those_that_are() -> None:
    told = line("sparse_infill_pattern", "spaghetti")

    assert told.verdict == "refused"
    assert "gyroid" in told.why
    assert told.why.endswith("not spaghetti.")


@pytest.mark.parametrize(
    ("limits", "asked", "new"),
    [
        ({"max_layer_height": "0.28"}, "0.5", "0.28"),
        ({"max_layer_height": "0.6"}, "0.5", "0.32"),
        ({"max_layer_height": "0"}, "0.5", "0.32"),
        ({"min_layer_height": "0.12"}, "0.01", "0.12"),
    ],
)
def test_the_limits_of_a_file_narrow(limits: dict[str, str], asked: str, new: str) -> None:
    told = line("layer_height", asked, Situation({**PETG.settings, **limits}))

    assert (told.verdict, told.new) == ("clamped", new)


def test_a_file_cannot_widen_the_limits() -> None:
    lying = Situation({"filament_type": "PLA", "nozzle_temperature_range_high": "500"})

    assert outcome("nozzle_temperature", 290, lying) == ("accepted", ("290",))
    assert outcome("nozzle_temperature", 400, lying)[0] == "refused"


def test_without_a_range_the_material_has_its_own() -> None:
    for material, new in (("PLA", "250"), ("PLA-CF", "250"), ("pla+", "250"), ("Unheard", "290")):
        told = outcome("nozzle_temperature", 290, Situation({"filament_type": material}))
        assert told[1] == (new,)


def test_without_any_file_the_hard_limits_hold() -> None:
    nothing = Situation()

    assert outcome("nozzle_temperature", 250, nothing) == ("accepted", ("250",))
    assert outcome("nozzle_temperature", 310, nothing)[0] == "refused"
    assert outcome("layer_height", 0.5, nothing) == ("clamped", "0.32")
    assert outcome("outer_wall_speed", 5000, nothing) == ("clamped", "600")


def test_a_key_goes_to_the_preset_that_holds_it_whatever_was_said() -> None:
    told = judged([Proposed("nozzle_temperature", 235, preset_type="process")], PETG)[0]

    assert (told.preset_type, told.label, told.unit) == ("filament", "Nozzle temperature", "°C")


def test_the_old_value_is_that_of_the_file_and_not_of_the_model() -> None:
    told = judged([Proposed("nozzle_temperature", 235, old="999")], PETG)[0]

    assert told.old == ("240",)


def test_a_setting_is_changed_once() -> None:
    lines = judged([Proposed("layer_height", 0.16), Proposed("layer_height", 0.24)], PETG)

    assert [(one.verdict, one.why) for one in lines] == [
        ("accepted", ""),
        ("refused", "Another line changes this setting already."),
    ]


def test_of_many_proposals_the_first_forty_are_read() -> None:
    lines = judged([Proposed("layer_height", 0.16)] * 1000, PETG)

    assert len(lines) == 40


def test_a_reason_is_one_line_and_no_longer_than_it_helps() -> None:
    told = judged([Proposed("layer_height", 0.16, reason="<b>fine\n\n\x1b[31m" + "x" * 900)], PETG)

    assert told[0].reason.startswith("‹b›fine [31mxxx")
    assert len(told[0].reason) == 400


def test_of_several_filaments_the_one_most_used_is_meant() -> None:
    facts = Facts(
        "gcode",
        filaments=(Filament(0, used_g=1.0), Filament(1, used_g=30.0)),
        settings={
            "nozzle_temperature": "220,250",
            "filament_type": "PLA;PETG",
            "nozzle_temperature_range_high": "230,270",
            "retraction_length": "0.8,0.9",
        },
    )

    lines = judged(
        [Proposed("nozzle_temperature", 265), Proposed("retraction_length", 1)], situation_of(facts)
    )

    assert [(one.old, one.new) for one in lines] == [
        (("250",), ("265",)),
        (("0.8", "0.9"), ("1", "1")),
    ]


def test_what_a_check_wants_is_held_to_the_same_limits() -> None:
    wanted = [
        Change("filament", "nozzle_temperature", ("240",), ("400",), "too cold"),
        Change("process", "layer_height", "0.2", "0.16", "too coarse"),
    ]

    lines = judged(proposed_of(wanted), PETG)

    assert [one.verdict for one in lines] == ["refused", "accepted"]
    assert changes_of(lines) == [Change("process", "layer_height", "0.2", "0.16", "too coarse")]


def test_a_refused_line_cannot_be_picked() -> None:
    lines = judged([Proposed("nozzle_temperature", 400), Proposed("layer_height", 0.16)], PETG)

    assert [one.is_picked for one in picked(lines, {1, 2})] == [False, True]
    assert [one.is_picked for one in picked(lines, ())] == [False, False]


def test_keys_are_found_by_name_or_label_and_nothing_else() -> None:
    assert known_key("Layer height") == known_key("layer_height")
    assert known_key("__class__") is None


def test_a_check_may_say_what_the_spool_is_and_others_may_not() -> None:
    change = Change("filament", "filament_diameter", ("2.1",), ("1.75",), "spools have that", 0)

    ours, anybodys = proposed_of([change])[0], Proposed("filament_diameter", 1.75)

    assert [judged([one], PETG)[0].verdict for one in (ours, anybodys)] == ["accepted", "refused"]


def test_a_line_for_another_filament_is_not_mixed_in() -> None:
    change = Change("filament", "nozzle_temperature", ("240",), ("235",), "", 1)

    told = judged(proposed_of([change]), PETG)[0]

    assert (told.verdict, told.why) == (
        "refused",
        "It is for filament 2 of the file: ask for that.",
    )


CASES_WITH_CHANGES = [case for case in CASES if found(case)[case.id].changes]


@pytest.mark.parametrize("case", CASES_WITH_CHANGES, ids=lambda case: case.id)
def test_what_a_check_advises_is_let_through_and_helps(case: Case) -> None:
    finding, situation = found(case)[case.id], situation_of(case.wrong)

    lines = judged(proposed_of(finding.changes), situation)
    effects = effects_of(case.wrong, changes_of(lines), situation.filament)

    assert [line.verdict for line in lines] == ["accepted"] * len(lines)
    assert effects.raised == ()
    if case.id in {one.id for one in check(case.wrong)}:  # else the motion shows it alone
        assert case.id in {one.id for one in effects.solved}
