"""Every check finds what it is for, and nothing where all is well."""

import re
from dataclasses import replace

import pytest

from agent.slicer.checks.checking import CHECKS, check
from agent.slicer.presets.keys import find_key
from agent.slicer.rules import Change, Facts, Finding, Severity
from tests.agent.slicer.checks.case import Case
from tests.agent.slicer.checks.file_cases import FILE_CASES
from tests.agent.slicer.checks.machine_cases import MACHINE_CASES
from tests.agent.slicer.checks.process_cases import PROCESS_CASES
from tests.agent.slicer.checks.sane import ANALYSIS, MATERIALS, facts, layers, several

CASES = (*MACHINE_CASES, *PROCESS_CASES, *FILE_CASES)
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


def found(case: Case) -> dict[str, Finding]:
    return {one.id: one for one in check(case.wrong, case.wrong_analysis, spool_g=case.spool_g)}


@each_case
def test_a_check_finds_what_it_is_for_and_no_other_does(case: Case) -> None:
    findings = found(case)

    assert set(findings) == {case.id} | case.also
    assert findings[case.id].severity == case.severity
    if case.evidence:
        assert case.evidence in findings[case.id].evidence


@each_case
def test_a_file_beside_it_is_left_in_peace(case: Case) -> None:
    findings = check(case.right, case.right_analysis, spool_g=case.spool_g)

    assert {one.id for one in findings} == case.also_right


@each_case
def test_a_finding_says_with_numbers_what_is_wrong_and_what_to_do(case: Case) -> None:
    finding = found(case)[case.id]

    assert finding.evidence
    assert all(one.key and one.value for one in finding.evidence)
    for sentence in (finding.explanation, finding.fix):
        assert re.fullmatch(r"[A-Z{].*\S\.", sentence, re.DOTALL), sentence
        assert "  " not in sentence
    assert finding.title == next(one.title for one in CHECKS if one.id == case.id)


@each_case
def test_changes_are_lines_that_the_slicer_knows(case: Case) -> None:
    for change in found(case)[case.id].changes:
        key = find_key(change.key, change.preset_type)
        assert key is not None, change
        assert isinstance(change.new, tuple) is isinstance(change.old or change.new, tuple)
        assert change.reason.endswith(".")


@each_case
def test_a_change_that_is_made_ends_the_finding(case: Case) -> None:
    finding = found(case)[case.id]
    if not finding.changes or case.wrong_analysis is not None:
        return

    changed = applied(case.wrong, finding.changes)

    assert case.id not in {one.id for one in check(changed, spool_g=case.spool_g)}


def applied(file: Facts, changes: tuple[Change, ...]) -> Facts:
    """The file with these lines in place; of a single filament, as a preset would have them."""
    new = {one.key: ",".join(one.new) if isinstance(one.new, tuple) else one.new for one in changes}
    return replace(file, settings={**file.settings, **new})


def test_every_check_has_a_case() -> None:
    assert {one.id for one in CHECKS} - {case.id for case in CASES} == set()


def test_checks_are_many_and_named_apart() -> None:
    assert len(CHECKS) >= 40
    assert len({one.id for one in CHECKS}) == len(CHECKS)
    assert len({one.title for one in CHECKS}) == len(CHECKS)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", one.id) for one in CHECKS)


@pytest.mark.parametrize("kind", MATERIALS)
def test_a_sane_file_of_each_material_yields_no_warning(kind: str) -> None:
    file = facts(filament=kind)
    nozzle, bed = (
        float(file.settings[key])
        for key in ("nozzle_temperature_initial_layer", "hot_plate_temp_initial_layer")
    )
    slow = layers(nozzle_c=(nozzle,), bed_c=(bed,), max_flow_mm3_s=(3.0,) * 100)

    findings = check(file, replace(ANALYSIS, layers=slow), spool_g=500)

    assert [one for one in findings if one.severity is not Severity.INFO] == []


def test_a_file_that_says_nothing_is_asked_nothing() -> None:
    silent = Facts(kind="gcode")

    assert [one.id for one in check(silent, ANALYSIS)] == ["settings-absent"]


@pytest.mark.parametrize(
    "value", ["", "nil", "?", "1e999", "-", '"', "0x", ";;;", "5,,", "%", "1" * 400]
)
def test_settings_that_are_no_values_end_no_check(value: str) -> None:
    broken = dict.fromkeys(facts().settings, value)

    check(replace(facts(), settings=broken), ANALYSIS, spool_g=1)


def test_each_setting_may_be_missing_alone() -> None:
    whole = facts()

    for key in whole.settings:
        rest = {name: value for name, value in whole.settings.items() if name != key}
        findings = check(replace(whole, settings=rest), ANALYSIS)
        assert [one.id for one in findings if one.severity is not Severity.INFO] == [], key


def test_the_worst_comes_first() -> None:
    file = facts({"printable_height": "10", "seam_position": "random", "wall_loops": "1"})

    findings = check(file)

    assert [(one.id, one.severity) for one in findings] == [
        ("too-tall", Severity.BLOCKING),
        ("wall-single", Severity.WARNING),
        ("seam-random", Severity.INFO),
    ]


def test_a_change_names_the_filament_that_it_is_for() -> None:
    file = several("PLA", "PETG", changed={"filament_flow_ratio": "0.98,1.3"})

    (finding,) = check(file)

    assert finding.changes == (
        Change(
            "filament",
            "filament_flow_ratio",
            ("1.3",),
            ("0.98",),
            "A usual start to calibrate from.",
            1,
        ),
    )
