"""Whatever is proposed: what is let through can be imported, and is within the hard limits."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.slicer.advice import limits
from agent.slicer.advice.effects import effects_of, with_changes
from agent.slicer.advice.judging import changes_of, judged
from agent.slicer.advice.limits import Situation
from agent.slicer.advice.rules import Proposed
from agent.slicer.advice.toolbox import proposals_in
from agent.slicer.presets.keys import KEYS, Kind
from agent.slicer.presets.writing import preset_json
from agent.slicer.rules import Change, Facts

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
VALUES = JSON | st.from_regex(r"-?\d{1,4}(\.\d{1,3})? ?(%|mm|mm/s|°C)?", fullmatch=True)
KEY_NAMES = st.sampled_from(sorted(KEYS)) | st.text(max_size=30)
SITUATIONS = st.dictionaries(
    st.sampled_from(
        (
            *("filament_type", "nozzle_temperature_range_low", "nozzle_temperature_range_high"),
            *("nozzle_diameter", "machine_max_speed_x", "extruder_type", "z_offset"),
            *("nozzle_temperature", "filament_max_volumetric_speed", "layer_height"),
        )
    ),
    st.sampled_from(("", "0", "nil", "0.4", "PLA", "-5", "1e9", "99999", "220,230", "a;b")),
)
HIGHEST = {
    "nozzle_temperature": limits.NOZZLE_C,
    "nozzle_temperature_initial_layer": limits.NOZZLE_C,
    "idle_temperature": limits.NOZZLE_C,
    "hot_plate_temp": limits.BED_C,
    "textured_plate_temp_initial_layer": limits.BED_C,
    "chamber_temperature": limits.CHAMBER_C,
    "filament_max_volumetric_speed": limits.FLOW_MM3_S,
    "retraction_length": limits.RETRACTION_MM,
    "filament_flow_ratio": 1.2,
}


@settings(max_examples=100)
@given(KEY_NAMES, VALUES, SITUATIONS)
def test_what_is_let_through_is_written_as_presets_want_it(
    key: str, value: object, known: dict[str, str]
) -> None:
    lines = judged([Proposed(key, value)], Situation(known))

    for change in changes_of(lines):
        kind = KEYS[change.key].kind
        assert kind not in {Kind.TEXT, Kind.GCODE, Kind.POINTS}
        assert not limits.is_hardware(change.key)
        made = preset_json(change.preset_type, "Mine", "Theirs", [change])
        assert made[change.key] == (
            list(change.new) if isinstance(change.new, tuple) else change.new
        )
    assert all(one.why for one in lines if one.verdict != "accepted")


@settings(max_examples=100)
@given(st.sampled_from(sorted(HIGHEST)), st.floats(-1e6, 1e6), SITUATIONS)
def test_no_file_and_no_number_leads_beyond_the_hard_limits(
    key: str, value: float, known: dict[str, str]
) -> None:
    for change in changes_of(judged([Proposed(key, value)], Situation(known))):
        assert all(0 <= float(one) <= HIGHEST[key] for one in change.new)


@given(JSON)
def test_whatever_a_model_hands_over_is_read(given_changes: object) -> None:
    for proposed in proposals_in(given_changes):
        judged([proposed], Situation())


def test_what_the_checks_would_say_is_told_beforehand() -> None:
    facts = Facts(
        "gcode",
        settings={
            "filament_type": "PLA;PETG",
            "nozzle_temperature": "220,240",
            "nozzle_temperature_range_low": "190,220",
            "nozzle_temperature_range_high": "230,260",
        },
    )
    colder = Change("filament", "nozzle_temperature", ("240",), ("180",))

    effects = effects_of(facts, [colder], filament=1)

    assert effects.to_json() == {
        "solved": [],
        "raised": [
            {
                "id": "nozzle-too-cold",
                "severity": "warning",
                "title": "Colder than the filament needs",
            }
        ],
    }
    back = with_changes(facts, [colder], 1)
    assert back.settings["nozzle_temperature"] == "220,180"
    assert effects_of(facts, [], 0).raised == ()
