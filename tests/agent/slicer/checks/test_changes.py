"""A change never makes a value worse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.slicer.checks.checking import check
from agent.slicer.rules import Change, Finding
from agent.slicer.values import number
from tests.agent.slicer.checks.sane import MATERIALS, facts

SANE = facts().settings
NUMBERS = sorted(key for key, value in SANE.items() if number(value) is not None)
FACTORS = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8, 0.9, 1.1, 1.3, 1.7, 2.5, 4.0, 12.0])
# 0 stands for what another setting says, which is no small value.
BY_DEFAULT = ("_acceleration", "line_width", "_speed")
# What is taken away in one place is given in another.
INSTEAD = {"wall_loops", "fan_max_speed", "fan_min_speed"}


@st.composite
def odd_settings(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    kind = draw(st.sampled_from(sorted(MATERIALS)))
    own = facts(filament=kind).settings
    changed = draw(st.dictionaries(st.sampled_from(NUMBERS), FACTORS, min_size=1, max_size=8))
    odd = {}
    for key, factor in changed.items():
        value = own[key]
        times = (number(value) or 1.0) * factor
        odd[key] = f"{times:.3f}".rstrip("0").rstrip(".") + "%" * value.endswith("%")
    return kind, odd


@given(odd_settings())
def test_at_least_never_lowers_and_at_most_never_raises(odd: tuple[str, dict[str, str]]) -> None:
    kind, settings = odd

    for finding in check(facts(settings, filament=kind)):
        for change in finding.changes:
            for old, new in moved(change):
                least, most = limits(finding, change.key)
                assert not (least and new < old), (finding.id, change)
                assert not (most and new > old), (finding.id, change)


def limits(finding: Finding, key: str) -> tuple[bool, bool]:
    """Whether this key should be at least, or at most, something: by itself, or as all others."""
    own = [one.limit for one in finding.evidence if one.key == key and one.limit]
    told = own or [one.limit for one in finding.evidence if one.limit]
    is_least = bool(told) and all(one.startswith("at least") for one in told)
    is_most = bool(told) and all(one.startswith("at most") for one in told)
    return is_least, is_most and key not in INSTEAD


def moved(change: Change) -> list[tuple[float, float]]:
    """Old and new, where both are numbers."""
    if change.old is None or (change.old == "0" and change.key.endswith(BY_DEFAULT)):
        return []
    old = change.old if isinstance(change.old, tuple) else (change.old,)
    new = change.new if isinstance(change.new, tuple) else (change.new,)
    pairs = ((number(a), number(b)) for a, b in zip(old, new, strict=True))
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def changes(settings: dict[str, str], *, of: str = "PLA") -> dict[str, str | tuple[str, ...]]:
    found = check(facts(settings, filament=of))
    return {one.key: one.new for finding in found for one in finding.changes}


def test_a_cold_first_layer_leaves_a_good_bed_alone() -> None:
    settings = {"hot_plate_temp": "100", "hot_plate_temp_initial_layer": "60"}

    assert changes(settings, of="ABS") == {"hot_plate_temp_initial_layer": ("100",)}


def test_a_first_layer_is_not_made_as_hot_as_a_bed_that_is_too_hot() -> None:
    settings = {"hot_plate_temp": "100", "hot_plate_temp_initial_layer": "60"}

    assert changes(settings) == {"hot_plate_temp": ("65",)}


@pytest.mark.parametrize(
    ("settings", "new"),
    [
        ({"sparse_infill_density": "80%", "wall_loops": "6"}, {"sparse_infill_density": "35%"}),
        (
            {"travel_speed": "200", "outer_wall_speed": "300", "inner_wall_speed": "300"},
            {"travel_speed": "300"},
        ),
        ({"print_flow_ratio": "1.3"}, {"print_flow_ratio": "1"}),
    ],
)
def test_what_is_good_is_left_alone(settings: dict[str, str], new: dict[str, str]) -> None:
    found = changes(settings)

    assert {key: found[key] for key in settings if key in found} == new


def test_an_extruder_set_otherwise_keeps_its_value() -> None:
    settings = {"extruder_type": "Bowden,Direct Drive", "retraction_length": "0.5,6"}

    assert changes(settings)["retraction_length"] == ("4", "6")
