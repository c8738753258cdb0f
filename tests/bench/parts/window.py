"""From the start of the tray to its window with the panel drawn in it, while the agent runs."""

import asyncio
import time
from pathlib import Path

from tests.bench.connection import BenchError
from tests.bench.processes import Fake
from tests.bench.report import Row, watching
from tests.bench.targets import median
from tests.desktop.running import PYTHON, Tray, tray
from tests.desktop.screen import display, missing, until

REACH_S = 2.0


async def measure(fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """On a display that nobody sees, drawn by the processor."""
    if lacking := missing() + ([] if PYTHON.exists() else ["the environment of the window"]):
        raise BenchError(f"not here: {', '.join(lacking)}")
    return await asyncio.to_thread(_measure, fake, folder, 3 if quick else 7)


def _measure(fake: Fake, folder: Path, repeats: int) -> list[Row]:
    shown, drawn = [], []
    home = folder / "window"
    home.mkdir()
    with (
        display(folder, has_tray=False) as screen,
        tray(screen, home, ollama_url=fake.url) as one,
        watching(fake.process) as others,
    ):
        _start(one)  # which starts the agent, and reads everything from the disk once
        for _ in range(repeats):
            visible_s, drawn_s = _start(one)
            shown.append(visible_s)
            drawn.append(drawn_s)
    facts = {"visible": median(shown), "drawn": median(drawn), "slowest": max(drawn)}
    return [
        Row(
            "window with the panel drawn",
            "the agent runs",
            f"{facts['drawn']:.2f} s (visible after {facts['visible']:.2f} s)",
            reach=f"< {REACH_S:g} s",
            is_reached=facts["drawn"] < REACH_S,
            facts=facts,
            others=others.cores,
        )
    ]


def _start(one: Tray) -> tuple[float, float]:
    """Seconds until the window is visible, and until the panel stands in it."""
    began = time.perf_counter()
    one.begin("--no-tray")
    until(one.is_open, "the window is open")
    visible_s = time.perf_counter() - began
    until(lambda: one.page.has("New chat"), "the panel is drawn")
    drawn_s = time.perf_counter() - began
    one.display.run("wmctrl", "-i", "-c", one.window())
    one.wait()
    return visible_s, drawn_s
