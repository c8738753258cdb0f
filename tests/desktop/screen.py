"""A display that nobody sees, with a window manager and a tray, and a person's hands on it."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

WIDTH, HEIGHT = 1280, 900
BAR = 28
PROGRAMS = ("Xvfb", "openbox", "trayer", "xdotool", "wmctrl", "import", "convert")
PATIENCE_S = 60.0
Box = tuple[int, int, int, int]  # x, y, width, height


def until(holds: Callable[[], object], what: str, *, at_most_s: float = PATIENCE_S) -> None:
    """Waits for something that other programs do. Raises TimeoutError, which says what."""
    ends_at = time.monotonic() + at_most_s
    while not holds():
        if time.monotonic() > ends_at:
            raise TimeoutError(f"it never came true: {what}")
        time.sleep(0.05)


def missing() -> list[str]:
    """The programs that are not installed here."""
    return [name for name in PROGRAMS if not shutil.which(name)]


@dataclass(frozen=True, slots=True)
class Display:
    """What is on the screen, and what a person does with it."""

    name: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "DISPLAY": self.name, "HOME": str(self.folder)}

    def run(self, *words: str) -> str:
        """What a program prints, for better or worse."""
        done = subprocess.run(
            words,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            timeout=30,
            check=False,
        )
        return done.stdout

    def hand(self, *words: str) -> str:
        """xdotool: the mouse and the keyboard."""
        return self.run("xdotool", *words).strip()

    def click(self, x: int, y: int, *, button: int = 1) -> None:
        self.hand("mousemove", "--sync", str(x), str(y))
        self.hand("click", str(button))

    def windows(self, title: str) -> list[str]:
        """The windows of this title that the window manager has: not those that are hidden."""
        lines = [line.split(None, 3) for line in self.run("wmctrl", "-l").splitlines()]
        return [line[0] for line in lines if line[3:] == [title]]

    def box(self, window: str) -> Box:
        """Where a window is."""
        said = self.hand("getwindowgeometry", "--shell", window)
        found = dict(line.split("=") for line in said.splitlines() if "=" in line)
        return int(found["X"]), int(found["Y"]), int(found["WIDTH"]), int(found["HEIGHT"])

    def parts(self) -> list[Box]:
        """Every window of the program, small ones and menus too, where it is on the screen."""
        found = []
        for line in self.run("xwininfo", "-root", "-tree").splitlines():
            at = re.search(r" (\d+)x(\d+)\+-?\d+\+-?\d+ +\+(-?\d+)\+(-?\d+)", line)
            if at and '"orca-agents")' in line:
                width, height, x, y = map(int, at.groups())
                found.append((x, y, width, height))
        return found

    def icons(self) -> list[Box]:
        """What is embedded in the tray."""
        return [one for one in self.parts() if one[1] < BAR and 8 <= one[2] <= 64 >= one[3] >= 8]

    def menus(self) -> list[Box]:
        """The icon's menu, if it is open: it hangs at the tray, and is neither icon nor window."""
        return [one for one in self.parts() if one[1] <= BAR and 120 < one[2] < 600 > one[3] > 120]

    def icon(self) -> Box:
        """The agent's icon, once it is there."""
        until(self.icons, "an icon is in the tray")
        return self.icons()[0]

    def colours(self, box: Box) -> set[tuple[int, int, int]]:
        """The colours of a part of the screen."""
        x, y, width, height = box
        shot = self.folder / "part.txt"
        self.run("import", "-window", "root", "-crop", f"{width}x{height}+{x}+{y}", f"txt:{shot}")
        triples = re.findall(r"#([0-9A-F]{2})([0-9A-F]{2})([0-9A-F]{2})", shot.read_text("utf-8"))
        return {(int(red, 16), int(green, 16), int(blue, 16)) for red, green, blue in triples}

    def shoot(self, name: str) -> Path:
        """A picture of the whole screen, to be looked at."""
        file = self.folder / f"{name}.png"
        self.run("import", "-window", "root", str(file))
        if folder := os.environ.get("ORCA_SCREENSHOTS"):
            shutil.copy(file, Path(folder, f"{name}.png"))
        return file


@contextmanager
def display(folder: Path, *, has_tray: bool = True) -> Iterator[Display]:
    """A display of its own for as long as the block lasts."""
    with ExitStack() as stack:
        reading, writing = os.pipe()
        size = f"{WIDTH}x{HEIGHT}x24"
        command = ("Xvfb", "-displayfd", str(writing), "-screen", "0", size, "-nolisten", "tcp")
        _started(stack, command, os.environ, keeps=writing)
        os.close(writing)
        with os.fdopen(reading) as told:
            one = Display(f":{told.readline().strip()}", folder)
        _started(stack, ("openbox",), one.environment)
        # A tray that comes before the one who places windows may never be shown.
        manages = "_NET_SUPPORTING_WM_CHECK(WINDOW)"
        until(lambda: manages in one.run("xprop", "-root"), "windows are managed")
        if has_tray:
            place = ("--edge", "top", "--align", "right", "--width", "20", "--height", str(BAR))
            _started(stack, ("trayer", *place), one.environment)
            until(lambda: "panel" in one.run("xwininfo", "-root", "-tree"), "the tray is there")
        yield one


def _started(
    stack: ExitStack, words: tuple[str, ...], environment: Mapping[str, str], *, keeps: int = -1
) -> None:
    process = subprocess.Popen(
        words,
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(keeps,) if keeps >= 0 else (),
    )

    def end() -> None:
        process.terminate()
        process.wait(20)

    stack.callback(end)
