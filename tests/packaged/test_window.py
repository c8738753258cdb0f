"""The package with a window (`--kind desktop`), on a display that nobody sees."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desktop import screen
from tests.desktop.running import TITLE, Tray

PAINTED = 100  # colours: a white window has a handful

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Packaged(Tray):
    """The tray of a program that was built."""

    program: Path

    def begin(self, *words: str) -> "subprocess.Popen[bytes]":
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        with (self.home / "said").open("ab") as said:
            self.process = subprocess.Popen(
                (self.program, "tray", *words),
                cwd=self.home,
                env={k: v for k, v in self.environment.items() if k != "PYTHONPATH"},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        return self.process


@pytest.fixture(scope="module")
def program(packages: Path) -> Path:
    built = packages / "desktop" / "orca-agents" / "orca-agent"
    if not built.exists():
        pytest.skip("the package with a window is not built")
    if lacking := screen.missing():
        pytest.skip(f"there is no display to be seen: {', '.join(lacking)}")
    return built


@pytest.fixture
def tray(program: Path, tmp_path: Path) -> Iterator[Packaged]:
    home = tmp_path / "Jörg's home"
    home.mkdir()
    with screen.display(tmp_path) as display:
        one = Packaged(display, home)
        one.program = program
        try:
            yield one
        finally:
            one.end()
            one.stop_agent()


def test_the_window_shows_the_page_of_an_agent_that_it_started(tray: Packaged) -> None:
    tray.begin()
    tray.ready()
    box = tray.display.box(tray.window())
    screen.until(lambda: len(tray.display.colours(box)) > PAINTED, "the page can be seen")

    pid = tray.agent_pid()
    program = Path(f"/proc/{pid}/exe").readlink()
    surroundings = Path(f"/proc/{pid}/environ").read_bytes()
    tray.display.shoot("packaged-window")

    assert tray.display.windows(TITLE) != []
    assert tray.display.icons() != []
    assert program == tray.program.resolve()
    assert os.fsencode(str(tray.home)) in surroundings
