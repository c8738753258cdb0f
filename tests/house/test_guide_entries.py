"""Every entry of the print guide is sound: its head, its links, its length, its examples."""

import math
import re

import pytest

from agent.guide.documents import REF_PREFIX, TOPICS, Entry
from agent.guide.service import Guide

ENTRIES = Guide.open().entries
AT_LEAST = {"defects": 30, "materials": 18, "calibration": 14, "settings": 22, "safety": 8}
WORDS = range(120, 351)
# Each test of the slicer's calibration menu: its entry, its formula there, where it ends.
TESTS = {
    "calibrate-temperature": ("T = start − 5 · floor(z / 10)", "nozzle_temperature"),
    "calibrate-flow": ("new = old · (100 + modifier) / 100", "filament_flow_ratio"),
    "calibrate-flow-yolo": ("new = old ± modifier", "filament_flow_ratio"),
    "calibrate-pressure-advance": ("PA = start + floor(z) · step", "pressure_advance"),
    "calibrate-retraction": (
        "length = start + floor(max(0, z − 0.4)) · step",
        "filament_retraction_length",
    ),
    "calibrate-max-flow": ("speed = start + height · step", "filament_max_volumetric_speed"),
    "calibrate-vfa": ("speed = start + floor(z / 5) · step", "outer_wall_speed"),
    "calibrate-cornering": (
        "value = start + (end − start) · z / height",
        "machine_max_junction_deviation",
    ),
    "calibrate-input-shaping": ("f = start + (end − start) · z / height", "input_shaping_freq_y"),
    "calibrate-tolerance": ("(wanted width − measured width) / 2", "xy_hole_compensation"),
}
# The worked examples: what stands in the entry, and what the formula gives.
EXAMPLES = [
    ("calibrate-temperature", "215 °C", 230 - 5 * math.floor(34 / 10)),
    ("calibrate-flow", "1.029", 0.98 * 105 / 100),
    ("calibrate-flow", "0.967", round(1.029 * 94 / 100, 3)),
    ("calibrate-flow-yolo", "0.96", 0.98 - 0.02),
    ("calibrate-pressure-advance", "0.042", 0 + math.floor(21.6) * 0.002),
    ("calibrate-pressure-advance", "0.42", 0 + math.floor(21.6) * 0.02),
    ("calibrate-retraction", "0.6 mm", 0 + math.floor(6.8 - 0.4) * 0.1),
    ("calibrate-retraction", "3.4 mm", 1 + math.floor(12.6 - 0.4) * 0.2),
    ("calibrate-max-flow", "17 mm³/s", 5 + 24 * 0.5),
    ("calibrate-max-flow", "14.4 mm³/s", round(17 * 0.85 - 0.05, 1)),
    ("calibrate-max-flow", "171 mm/s", math.floor(14.4 / (0.42 * 0.2))),
    ("calibrate-vfa", "120 mm/s", 40 + math.floor(42 / 5) * 10),
    ("calibrate-cornering", "0.07", 0.01 + 0.24 * 15 / 60),
    ("calibrate-input-shaping", "46.7 Hz", round(15 + 95 * 20 / 60, 1)),
    ("calibrate-tolerance", "+0.08 mm", (6.00 - 5.84) / 2),
    ("calibrate-extruder", "97.4", round(93.0 * 100 / 95.5, 1)),
    ("calibrate-extruder", "21.66", round(22.68 * 95.5 / 100, 2)),
    ("calibrate-shrinkage", "99.4 %", 139.16 / 140 * 100),
    ("belts-and-frame", "0.32°", round((141.8 - 141.0) / 141.4 * 57.3, 2)),
]


def by_slug(slug: str) -> Entry:
    return next(entry for entry in ENTRIES if entry.ref == REF_PREFIX + slug)


def test_every_topic_has_entries_enough() -> None:
    counts = {topic: sum(e.topic == topic for e in ENTRIES) for topic in TOPICS}

    assert {topic for topic, count in counts.items() if count < AT_LEAST[topic]} == set()
    assert len(ENTRIES) >= 90


def test_refs_and_titles_are_unique() -> None:
    assert len({entry.ref for entry in ENTRIES}) == len(ENTRIES)
    assert len({entry.title for entry in ENTRIES}) == len(ENTRIES)


def test_every_link_leads_to_another_entry() -> None:
    refs = {entry.ref for entry in ENTRIES}

    broken = [(e.ref, see) for e in ENTRIES for see in e.see if see not in refs or see == e.ref]

    assert broken == []
    assert [entry.ref for entry in ENTRIES if len(entry.see) < 2] == []


def test_every_entry_is_neither_a_note_nor_an_essay() -> None:
    lengths = {entry.ref: len(entry.text.split()) for entry in ENTRIES}

    assert {ref: count for ref, count in lengths.items() if count not in WORDS} == {}


def test_heads_are_written_alike() -> None:
    refs = [e.ref for e in ENTRIES if not re.fullmatch(r"guide/[a-z0-9]+(-[a-z0-9]+)*", e.ref)]
    tags = [(e.ref, t) for e in ENTRIES for t in e.tags if t != t.lower() or '"' in t]
    keys = [(e.ref, k) for e in ENTRIES for k in e.keys if not re.fullmatch(r"[A-Za-z0-9_]+", k)]
    titles = [e.title for e in ENTRIES if not e.title[0].isupper() or e.title.endswith(".")]

    assert (refs, tags, keys, titles) == ([], [], [], [])
    assert [entry.ref for entry in ENTRIES if len(entry.tags) < 4] == []


def test_settings_entries_name_the_settings_that_they_are_about() -> None:
    without = [entry.ref for entry in ENTRIES if entry.topic == "settings" and not entry.keys]

    assert without == []


def test_defects_say_why_what_to_try_and_when_it_is_cured() -> None:
    parts = ("**Why:**", "**Try, in order**", "**It worked when**")

    lacking = [
        e.ref for e in ENTRIES if e.topic == "defects" if not all(p in e.text for p in parts)
    ]

    assert lacking == []


def test_entries_hold_no_links_out_and_no_html() -> None:
    assert [e.ref for e in ENTRIES if re.search(r"https?://|</?[a-z]+>|^# ", e.text, re.M)] == []


@pytest.mark.parametrize("slug", TESTS)
def test_every_calibration_test_has_its_formula_an_example_and_its_key(slug: str) -> None:
    entry = by_slug(slug)
    formula, key = TESTS[slug]

    assert formula in entry.text
    assert "**Example:**" in entry.text
    assert key in entry.keys
    assert f"`{key}`" in entry.text


@pytest.mark.parametrize(("slug", "shown", "result"), EXAMPLES)
def test_a_worked_example_is_what_its_formula_gives(slug: str, shown: str, result: float) -> None:
    number = re.sub(r"[^\d.]", "", shown.replace("mm³/s", ""))

    assert shown in by_slug(slug).text
    assert float(number) == pytest.approx(result)


def test_the_order_of_calibration_names_every_key_of_the_filament_tests() -> None:
    text = by_slug("calibration-order").text
    keys = [
        "nozzle_temperature",
        "filament_max_volumetric_speed",
        "pressure_advance",
        "filament_flow_ratio",
        "retraction_length",
    ]

    places = [text.index(f"`{key}`") for key in keys]

    assert places == sorted(places)
