"""What the desktop decides, says and remembers, without a display."""

import json
import socket
import string
import threading
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from ui import failing, menu, rules
from ui.agent_process import Failure
from ui.files import free_name
from ui.icons import png
from ui.kept import Kept
from ui.log_lines import readable
from ui.menu import Acts, Facts
from ui.rules import Notice, Place, Screen, Seen, State
from ui.single import Single, TakenError, ask_forward
from ui.words import DE, EN, Words

ALL = frozenset({"pulls", "held", "updates"})
ONE = Screen(0, 0, 1920, 1080)
LEFT = Screen(-1280, 100, 1280, 1024)


def seen(**more: object) -> Seen:
    usual = {"version": "1.0", "model": "qwen3:4b", "is_working": False, "is_paused": False}
    return Seen(**{**usual, "notify": ALL, **more})  # type: ignore[arg-type] # each has its own


@pytest.mark.parametrize(
    ("now", "is_starting", "state"),
    [
        (None, True, State.STARTING),
        (None, False, State.GONE),
        (seen(), False, State.READY),
        (seen(is_working=True), False, State.WORKING),
        (seen(model=None), False, State.NO_MODEL),
        (seen(is_paused=True, is_working=True), False, State.PAUSED),
        (seen(is_paused=True, held=(("1", "a", "b"),)), False, State.HELD),
    ],
)
def test_the_icon_shows_the_most_pressing(
    now: Seen | None, *, is_starting: bool, state: State
) -> None:
    assert rules.state_of(now, is_starting=is_starting) is state


def test_only_what_is_new_is_told_and_only_what_is_wanted() -> None:
    before = seen(held=(("1", "old", "p"),), pulls={"r": ("m", "running"), "s": ("n", "done")})
    after = seen(
        version="1.1",
        held=(("1", "old", "p"), ("2", "new", "p")),
        pulls={"r": ("m", "done"), "s": ("n", "done"), "t": ("o", "failed"), "u": ("q", "running")},
    )
    silent = seen(version="1.1", held=after.held, pulls=after.pulls, notify=frozenset())

    assert rules.notices(before, after) == [
        Notice("updated", {"version": "1.1"}, "settings"),
        Notice("held", {"file": "new", "printer": "p"}, "held"),
        Notice("pulled", {"model": "m"}, "models"),
        Notice("pull-failed", {"model": "o"}, "models"),
    ]
    assert rules.notices(before, silent) == []
    assert rules.notices(None, after) == []
    assert [one.kind for one in rules.notices(None, after, known_version="1.0")] == ["updated"]


def test_what_the_agent_tells_becomes_what_is_seen() -> None:
    told = {
        "version": "1",
        "model": None,
        "working": True,
        "paused": False,
        "held": [{"id": "7", "name": "a.gcode", "printer": "Bench", "state": "held", "more": 1}],
        "pulls": [{"run_id": "r", "model": "m", "state": "running"}],
        "notify": {"pulls": True, "held": False, "updates": True},
    }

    assert rules.seen(told) == Seen(
        *("1", None, True, False, (("7", "a.gcode", "Bench"),)),
        *({"r": ("m", "running")}, frozenset({"pulls", "updates"})),
    )


@pytest.mark.parametrize(
    ("remembered", "screens", "found"),
    [
        ({}, [ONE], Place()),
        ({"width": 800, "height": 600, "x": 50, "y": 60}, [ONE], Place(800, 600, 50, 60)),
        (
            {"width": 800, "height": 600, "x": -700, "y": 200},
            [ONE, LEFT],
            Place(800, 600, -700, 200),
        ),
        ({"width": 800, "height": 600, "x": -1200, "y": 200}, [ONE], Place(800, 600)),
        ({"width": 800, "height": 600, "x": 1900, "y": 200}, [ONE], Place(800, 600)),
        ({"width": 800, "height": 600, "x": 0, "y": 1070}, [ONE], Place(800, 600)),
        ({"width": 9000, "height": 9000, "x": 0, "y": 0}, [ONE], Place(1920, 1080, 0, 0)),
        ({"width": 10, "height": 10}, [ONE], Place(360, 420)),
        ({"width": "wide", "x": None, "y": 1e308}, [], Place()),
        ({"is_maximized": True}, [ONE], Place(is_maximized=True)),
    ],
)
def test_a_window_is_never_where_nobody_can_grip_it(
    remembered: dict[str, object], screens: list[Screen], found: Place
) -> None:
    assert rules.place(remembered, screens) == found


def test_an_agent_that_crashes_again_and_again_is_left_alone() -> None:
    assert rules.may_restart([], 1000)
    assert rules.may_restart([900, 950], 1000)
    assert not rules.may_restart([900, 950, 990], 1000)
    assert rules.may_restart([100, 950, 990], 1000)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "en_GB.UTF-8", "LANGUAGE": "fr:de:en"}, "de"),
        ({"LANG": "C", "LANGUAGE": "de"}, "en"),
        ({"LANG": "de_AT", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_language_is_that_of_the_system(environment: dict[str, str], language: str) -> None:
    assert rules.language(rules.spoken(environment)) == language


def test_both_languages_say_the_same_things() -> None:
    def blanks(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert DE.keys() == EN.keys()
    assert {name for name in EN if blanks(EN[name]) != blanks(DE[name])} == set()


def test_every_state_and_count_has_a_picture_of_its_own() -> None:
    pictures = {
        png(state, is_dark=is_dark, count=count)
        for state in State
        for is_dark in (False, True)
        for count in ((1, 2, 12) if state is State.HELD else (0,))
    }
    with Image.open(BytesIO(png(State.READY, side=22))) as small:
        size = small.size

    assert len(pictures) == 2 * (len(State) - 1 + 3)
    assert size == (22, 22)


def lines_of(**more: object) -> list[str]:
    def nothing() -> None: ...

    facts = {"now": seen(), "is_starting": False, "has_log": True, "autostart": True, **more}
    shown = menu.look(Words("en"), Acts(*[nothing] * 10), Facts(**facts))  # type: ignore[arg-type] # each has its own
    marks = {None: "", True: " ✓", False: " ☐"}
    return [
        ("" if one.is_enabled else "- ") + one.label + marks[one.is_checked]
        for one in shown.entries
        if one.label
    ]


def test_the_menu_offers_what_can_be_done_now() -> None:
    busy = lines_of(now=seen(held=(("1", "a", "b"), ("2", "c", "d"))))
    gone = lines_of(now=None)
    starting = lines_of(now=None, is_starting=True)

    assert busy == [
        *("- Prints wait for you: 2", "Open", "New question", "Models", "Held prints (2)"),
        *("Pause ☐", "Start with the computer ✓"),
        *("Quit, leave the agent running", "Quit and stop the agent"),
    ]
    assert [line for line in gone if not line.startswith("- ")] == [
        *("Open", "Start the agent", "Show the log", "Quit, leave the agent running"),
    ]
    assert [line for line in starting if not line.startswith("- ")] == [
        *("Open", "Show the log", "Quit, leave the agent running"),
    ]


def test_the_page_of_a_failure_shows_its_words_as_words() -> None:
    page = failing.failed(Words("de"), Failure("<b>kaputt</b>", offers_backup=True), "f00")

    assert "&lt;b&gt;kaputt&lt;/b&gt;" in page
    assert page.count("<button") == 3
    assert "<b>" not in page


def test_an_agent_that_crashed_is_told_as_one_and_the_buttons_come_before_its_words() -> None:
    page = failing.failed(Words("en"), Failure("last words", crashes=4), "f00")

    assert "<h1>The agent crashed 4 times</h1>" in page
    assert page.index("<button") < page.index("last words")


def test_a_line_of_the_log_is_shown_as_a_sentence() -> None:
    line = {"event": "It broke.", "level": "error", "timestamp": "2026-01-02T03:04:05.6Z"}
    traced = {**line, "exception": "Traceback:\n  here\nKeyError: 'x'"}

    assert readable(f"After 3 s. {json.dumps(line)}\n{json.dumps(traced)}\nplain {{x") == (
        "After 3 s. 03:04:05 error: It broke.\n03:04:05 error: It broke.: KeyError: 'x'\nplain {x"
    )


def test_what_is_remembered_survives_and_a_broken_file_is_nothing(tmp_path: Path) -> None:
    Kept(tmp_path).keep(place=Place(800, 600, 1, 2), version="1.0")
    again = Kept(tmp_path)
    (tmp_path / "window.json").write_text('{"place": 5, "version": [')

    assert (again.place["width"], again.version) == (800, "1.0")
    assert (Kept(tmp_path).place, Kept(tmp_path).version) == ({}, "")


def test_a_second_tray_of_a_folder_asks_the_first_one_forward(tmp_path: Path) -> None:
    came = threading.Event()
    with Single(tmp_path, came.set):
        with pytest.raises(TakenError), Single(tmp_path, came.set):
            pass
        heard = ask_forward(tmp_path)
        told = json.loads((tmp_path / "tray.json").read_text())
        (tmp_path / "tray.json").write_text(json.dumps({**told, "secret": "guessed"}))
        believed = ask_forward(tmp_path)
        with socket.create_connection(("127.0.0.1", told["port"]), 20) as line:
            line.sendall(b"forward \xff\xfe")
            odd = line.recv(2)
        (tmp_path / "tray.json").write_text(json.dumps(told))
        heard_again = ask_forward(tmp_path)

    assert (heard, believed, odd, heard_again) == (True, False, b"", True)
    assert came.wait(5)
    assert not ask_forward(tmp_path)


def test_a_download_never_replaces_a_file(tmp_path: Path) -> None:
    for name in ("part.gcode.3mf", "part (2).gcode.3mf", "none"):
        (tmp_path / name).touch()

    assert free_name(tmp_path, "part.gcode.3mf").name == "part (3).gcode.3mf"
    assert free_name(tmp_path, "none").name == "none (2)"
    assert free_name(tmp_path, "new.md").name == "new.md"
