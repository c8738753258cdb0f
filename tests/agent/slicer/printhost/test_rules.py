"""When a file for a printer waits for a click, and which files stay."""

import pytest

from agent.slicer.files.rules import NAME_BYTES, Kept, safe_name, surplus, without_secrets
from agent.slicer.printhost.rules import Hold, JobState, Reason, Target, first_state, held_because
from agent.slicer.rules import Finding, Severity

INFO, WARNING, BLOCKING = (
    Finding(severity.value, severity, "", (), "", "") for severity in Severity
)


@pytest.mark.parametrize(
    ("findings", "hold", "reason"),
    [
        ((), "never", None),
        ((BLOCKING,), "never", None),
        ((INFO, WARNING), "blocking", None),
        ((WARNING, BLOCKING), "blocking", "blocking"),
        ((), "always", "setting"),
        ((BLOCKING,), "always", "blocking"),
    ],
)
def test_a_file_is_held_by_what_was_found_or_by_the_setting(
    findings: tuple[Finding, ...], hold: Hold, reason: Reason | None
) -> None:
    assert held_because(findings, hold) == reason


def test_where_there_is_no_printer_nothing_waits_for_one() -> None:
    none, mk4 = Target("default", "none", hold="never"), Target("mk4", "MK4")
    states = [
        first_state(none, None, is_read=False),
        first_state(none, "blocking", is_read=True),
        first_state(mk4, None, is_read=True),
        first_state(mk4, "setting", is_read=True),
    ]

    received = JobState.RECEIVED
    assert states == [received, received, JobState.WAITING, JobState.HELD]


def test_moves_are_read_first_unless_nothing_is_ever_held() -> None:
    careful, trusting = Target("mk4", "MK4", hold="always"), Target("mk4", "MK4", hold="never")

    assert first_state(careful, None, is_read=False) is JobState.CHECKING
    assert first_state(trusting, None, is_read=False) is JobState.WAITING
    reasons = [
        held_because((), "blocking", is_read=False),
        held_because((BLOCKING,), "blocking", is_read=False),
        held_because((), "never", is_read=False),
    ]
    assert reasons == ["unchecked", "blocking", None]


def test_the_oldest_go_but_none_that_is_needed_and_never_the_newest() -> None:
    files = [Kept(name, 10) for name in "edcba"]

    by_number = surplus(files, {"a"}, most_files=2, most_bytes=1000)
    by_size = surplus(files, {"b"}, most_files=100, most_bytes=25)
    nothing_fits = surplus(files, (), most_files=1, most_bytes=1)

    assert (by_number, by_size) == (["c", "b"], ["c", "a"])
    assert nothing_fits == ["d", "c", "b", "a"]


def test_a_long_name_keeps_its_ending() -> None:
    long = safe_name("ä" * 300 + ".gcode.3mf", "3mf")

    assert long.endswith("ä.gcode.3mf")
    assert NAME_BYTES - 1 <= len(long.encode()) <= NAME_BYTES
    assert len(safe_name("x" * 300, "gcode").encode()) == NAME_BYTES


def test_how_a_printer_is_reached_is_not_kept() -> None:
    settings = {"print_host": "x", "printhost_apikey": "x", "print_settings_id": "fine"}

    assert without_secrets(settings) == {"print_settings_id": "fine"}
