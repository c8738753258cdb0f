"""What a backup says of itself, which ones stay, and when the next is due."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.keeping.rules import (
    Manifest,
    Member,
    Stored,
    holds,
    is_due,
    latest,
    name_for,
    next_serial,
    read,
    surplus,
    written,
)

NOW = datetime(2026, 1, 31, 9, 5, tzinfo=UTC)
HASH = "ab" * 32
MANIFEST = Manifest(
    "1.0",
    "0009",
    "2026-01-31T09:05:00.000000Z",
    "asked",
    1,
    {"agent.db": Member(10, HASH), f"images/ab/{HASH}": Member(3, HASH)},
)


def stored(serial: int, made: datetime, *, name: str = "", automatic: bool = True) -> Stored:
    """A backup in the folder."""
    about = replace(
        MANIFEST,
        serial=serial,
        created_at=made.isoformat(),
        reason="automatic" if automatic else "asked",
    )
    return Stored(name or f"orca-agents-20260131-{serial:06}.zip", 100, about)


def test_what_is_written_is_read_again() -> None:
    assert read(written(MANIFEST)) == MANIFEST
    assert json.loads(written(MANIFEST))["holds"] == ["database", "images"]
    assert holds(["slicer/x", "agent.toml"]) == ["settings", "files"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": "something"}, "was not made by Orca Agents"),
        ({"format_version": 2}, "was made by a newer version"),
        ({"members": {}}, "damaged"),
        ({"members": {"agent.db": {"size_bytes": -1, "sha256": HASH}}}, "damaged"),
        ({"members": {"agent.db": {"size_bytes": True, "sha256": HASH}}}, "damaged"),
        ({"members": {"agent.db": {"size_bytes": 1, "sha256": "x"}}}, "damaged"),
        ({"members": {"agent.toml": {"size_bytes": 1, "sha256": HASH}}}, "damaged"),
        ({"created_at": "yesterday"}, "damaged"),
        ({"created_at": "2026-01-31T09:05:00"}, "damaged"),
        ({"serial": "1"}, "damaged"),
        ({"reason": "stolen"}, "damaged"),
        ({"version": "x" * 101}, "damaged"),
    ],
)
def test_a_list_of_contents_that_lies_is_refused(change: dict[str, object], why: str) -> None:
    said = {**json.loads(written(MANIFEST)), **change}

    with pytest.raises(ValueError, match=why):
        read(json.dumps(said).encode())


@pytest.mark.parametrize(
    "name",
    [
        "../agent.db",
        "/etc/passwd",
        "token",
        "secrets.json",
        "agent.db-wal",
        "images/../../x",
        "images/cd/" + HASH,
        "slicer/a.gcode",
        "slicer/01990000-0000-7000-8000-000000000000.exe",
        "agent.db\n",
        "AGENT.DB",
        "images\\ab\\" + HASH,
    ],
)
def test_nothing_else_than_data_has_a_place_in_a_backup(name: str) -> None:
    said = json.loads(written(MANIFEST))
    said["members"][name] = {"size_bytes": 1, "sha256": HASH}

    with pytest.raises(ValueError, match="damaged"):
        read(json.dumps(said).encode())


def test_the_oldest_automatic_ones_go_by_their_number_whatever_the_clock_said() -> None:
    years = timedelta(days=365)
    found = [
        stored(1, NOW + 70 * years),  # made while the clock was in the future
        stored(2, NOW - timedelta(days=7)),
        stored(3, NOW - 50 * years),  # and while it was in the past
        stored(4, NOW, automatic=False),
        stored(9, NOW, name="orca-agents-20260131-000009-uploaded.zip"),
        Stored("orca-agents-20260131-000005.zip", 5, None),
    ]

    assert surplus(found, 2) == ["orca-agents-20260131-000001.zip"]
    assert surplus(found, 1) == [
        "orca-agents-20260131-000002.zip",
        "orca-agents-20260131-000001.zip",
    ]
    assert surplus(found, 0) == surplus(found, 1)
    assert next_serial(found) == 5


def test_the_next_one_is_due_by_the_calendar_and_not_put_off_by_a_wrong_clock() -> None:
    week = [stored(1, NOW - timedelta(days=7))]
    day = [stored(1, NOW - timedelta(days=1))]
    future = [stored(1, NOW + timedelta(days=3000))]
    asked = [stored(1, NOW, automatic=False)]

    due = [is_due(found, 7, NOW) for found in ([], week, day, future, asked)]

    assert due == [True, True, False, True, True]
    assert not is_due([], 0, NOW)


def test_the_latest_is_the_newest_one_that_can_be_read() -> None:
    today, future = stored(5, NOW), stored(4, NOW + timedelta(days=3000))
    broken = Stored("orca-agents-20990131-000000.zip", 5, None)

    assert latest([stored(1, NOW - timedelta(days=1)), broken, today, future], NOW) == today
    assert latest([future, broken], NOW) == future
    assert latest([broken], NOW) is None


def test_what_a_restore_put_aside_is_the_latest_only_where_there_is_no_other() -> None:
    asked = stored(1, NOW - timedelta(days=300))
    about = replace(MANIFEST, serial=2, reason="before-restore")
    aside = Stored("orca-agents-20260131-090500-before-restore.zip", 100, about)

    assert latest([asked, aside], NOW) == asked
    assert latest([aside], NOW) == aside


def test_two_backups_of_one_second_have_two_names() -> None:
    first = name_for(NOW, "asked", [])

    assert first == "orca-agents-20260131-090500.zip"
    assert name_for(NOW, "automatic", [first]) == "orca-agents-20260131-090500-2.zip"
    assert name_for(NOW, "before-restore", []) == "orca-agents-20260131-090500-before-restore.zip"
