"""What the window does where something is missing or broken, and what people drop onto it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.program import NOBODY, ROOT
from tests.slicing.gcode import Part, orca
from ui.rules import RESTARTS

from .running import PYTHON, Tray, tray
from .screen import Display, display, missing, until

LACKING = missing() + ([] if PYTHON.exists() else ["the environment of the window"])
slow = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(bool(LACKING) and os.environ.get("CI") != "true", reason=str(LACKING)),
]


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Display]:
    """Without a tray."""
    with display(tmp_path_factory.mktemp("screen"), has_tray=False) as one:
        yield one


def asked(python: Path, tmp_path: Path, **more: str) -> tuple[int, str]:
    """Exit code and complaint of a start that cannot be."""
    done = subprocess.run(
        (python, "-m", "agent", "tray"),
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "ORCA_AGENT_DATA_DIR": str(tmp_path / "data"),
            "ORCA_AGENT_OLLAMA_URL": NOBODY,
            "ORCA_AGENT_PORT": "0",
            **more,
        },
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path) -> None:
    code, said = asked(Path(sys.executable), tmp_path, DISPLAY=":98765")

    assert code == 1
    assert said.startswith("The window is not installed beside this Python. `make tray` in the")
    assert not (tmp_path / "data" / "agent.db").exists()


def test_without_a_display_make_fetches_no_window(tmp_path: Path) -> None:
    folder = tmp_path / "packaging"
    folder.mkdir()
    for file in ("bootstrap.py", "environment.py", "pages.py"):  # no locks: nothing to fetch
        shutil.copy(ROOT / "packaging" / file, folder)

    done = subprocess.run(
        (sys.executable, folder / "bootstrap.py", "tray", "--no-tray"),
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )

    said = "orca: There is no display here. `make run` prints a link for a browser.\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, said, "")


class TestWindow:
    pytestmark = slow

    def test_without_a_display_it_says_so_in_a_sentence(self, tmp_path: Path) -> None:
        none = asked(PYTHON, tmp_path)
        wrong = asked(PYTHON, tmp_path, DISPLAY=":98765")

        assert none[0] == 1
        assert none[1].startswith("There is no display here.")
        assert wrong[0] == 1
        assert wrong[1] == (
            "The window cannot open: the display :98765 does not answer. `orca-agent serve` "
            "prints a link for a browser.\n"
        )
        assert not (tmp_path / "data" / "logs").exists()  # no agent was started for it

    def test_one_that_begins_hidden_shows_the_window_where_there_is_no_tray(
        self, screen: Display, tmp_path: Path
    ) -> None:
        with tray(screen, tmp_path / "home") as one:
            one.begin("--hidden")
            one.ready()
            screen.run("wmctrl", "-i", "-c", one.window())

            assert one.wait() == 0

    def test_where_there_is_no_tray_closing_the_window_ends_the_program_alone(
        self, screen: Display, tmp_path: Path
    ) -> None:
        with tray(screen, tmp_path / "home") as one:
            one.settings["LANG"] = "de_DE.UTF-8"
            one.begin("--no-tray")
            one.window()
            until(lambda: one.page.has("Neuer Chat") or one.page.has("Neue"), "it speaks German")
            screen.shoot("tray-german")
            screen.run("wmctrl", "-i", "-c", one.window())
            code = one.wait()

            assert code == 0
            assert one.agent_pid()
            assert one.page.addresses() == []

    def test_what_is_dropped_is_read(self, screen: Display, tmp_path: Path) -> None:
        file = tmp_path / "bracket.gcode"
        file.write_text(orca(Part()))
        with tray(screen, tmp_path / "home") as one:
            one.settings["QTWEBENGINE_REMOTE_DEBUGGING"] = ""  # which keeps drops for itself
            one.begin()
            one.window()
            command = (PYTHON, "-m", "tests.desktop.drag_source", file)
            source = subprocess.Popen(command, cwd=ROOT, env=one.environment)
            try:
                until(lambda: screen.windows("drag source"), "there is something to drag")
                until(lambda: dragged(one), "the file was taken in")
            finally:
                source.kill()
                source.wait(20)

            assert files(one) == ["bracket.gcode"]

    def test_an_agent_that_does_not_start_says_why_and_can_be_tried_again(
        self, screen: Display, tmp_path: Path
    ) -> None:
        with tray(screen, tmp_path / "home") as one:
            one.data_dir.mkdir(parents=True, mode=0o700)
            (one.data_dir / "agent.toml").write_text("guide = 'perhaps'\n")
            one.begin()
            until(lambda: shown(one, "The agent does not start"), "the failure is shown")
            screen.shoot("tray-failed")
            told = one.page.says("document.body.innerText", address=OWN)
            (one.data_dir / "agent.toml").unlink()
            click(one, "Start it")
            one.ready()

            assert "guide" in told

    def test_an_agent_that_crashes_again_and_again_is_told_and_started_at_a_click(
        self, screen: Display, tmp_path: Path
    ) -> None:
        with tray(screen, tmp_path / "home") as one:
            one.begin("--no-tray")
            one.ready()
            for _ in range(RESTARTS):
                killed = one.agent_pid()
                one.stop_agent()
                until(lambda: one.agent_pid() not in {0, killed}, "it is started again")  # noqa: B023 - asked at once
                until(lambda: session(one) == 200, "the page goes on")
            one.stop_agent()
            until(lambda: shown(one, "The agent crashed 4 times"), "the crashes are told")
            screen.shoot("tray-crashed")
            told = one.page.says("document.body.innerText", address=OWN)
            click(one, "Start it")
            one.ready()

            assert '"event"' not in told

    def test_an_agent_that_was_told_to_end_is_started_from_the_page(
        self, screen: Display, tmp_path: Path
    ) -> None:
        with tray(screen, tmp_path / "home") as one:
            one.begin("--no-tray")
            one.ready()
            with one.agent() as agent:
                agent.call("POST", "/stop")
            until(lambda: one.page.has("Start the agent"), "the page offers to start it")
            screen.shoot("tray-stopped")
            one.page.click("Start the agent")
            until(one.agent_pid, "there is an agent")
            until(lambda: session(one) == 200, "the page goes on")

            until(lambda: not one.page.has("Start the agent"), "the line is gone")
            assert not (one.home / "opened").exists()  # it is no address for a browser

    def test_a_damaged_database_is_kept_and_the_backup_offered(
        self, screen: Display, tmp_path: Path
    ) -> None:
        with tray(screen, tmp_path / "home") as one:
            one.begin("--no-tray")
            one.ready()
            with one.agent() as agent:
                kept = agent.new_conversation(title="Kept")["id"]
                run = agent.json("POST", "/backup", json={})
                agent.follow(run["id"]).result()
            screen.run("wmctrl", "-i", "-c", one.window())
            one.wait()
            one.stop_agent()
            for name in ("agent.db-wal", "agent.db-shm"):
                (one.data_dir / name).unlink(missing_ok=True)
            (one.data_dir / "agent.db").write_bytes(b"not a database " * 1000)
            one.begin("--no-tray")
            until(lambda: shown(one, "Go back to the newest backup"), "the backup is offered")
            screen.shoot("tray-damaged")
            click(one, "Go back to the newest backup")
            one.ready()
            with one.agent() as agent:
                found = agent.conversation(kept)["id"]

            assert found == kept


OWN = ":"  # of the window itself: no address of the agent


def dragged(one: Tray) -> list[str]:
    """Takes the file into the window, as often as it takes: the panel may not be drawn yet. The
    page answers each move after it came, so that there must be several."""
    moves = [
        word
        for step in range(1, 31)
        for word in ("mousemove", str(100 + step * 15), str(120 + step * 10), "sleep", "0.1")
    ]
    grip = ("mousemove", "--sync", "40", "90", "mousedown", "1")
    one.display.hand(*grip, *moves, "mouseup", "1", "sleep", "1")
    return files(one)


def files(one: Tray) -> list[str]:
    with one.agent() as agent:
        return [str(each["name"]) for each in agent.items("/slicer/files")]


def session(one: Tray) -> object:
    """Whether the page is signed in, as a status."""
    script = "fetch('/api/v1/session').then((one) => one.status).catch(() => 0)"
    return one.page.says(script)


def shown(one: Tray, text: str) -> bool:
    return text in (one.page.says("document.body.innerText", address=OWN) or "")


def click(one: Tray, text: str) -> None:
    ready = "Object.keys(window.pywebview?.api ?? {}).length"
    until(lambda: one.page.says(ready, address=OWN), "the buttons do something")
    script = (
        f"[...document.querySelectorAll('button')].find((b) => b.innerText === {text!r}).click()"
    )
    one.page.says(script, address=OWN)
