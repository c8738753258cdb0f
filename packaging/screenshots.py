"""Takes the README's pictures: the real agent and page, with the test double of Ollama.

.venv/bin/python packaging/screenshots.py [FOLDER]      (default: docs/pages/images)
"""

import sys
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402 - behind the path
from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from agent.client.sync import Agent  # noqa: E402
from tests.agent.program import OllamaProcess, fake_ollama, program  # noqa: E402
from tests.slicing.gcode import Part, orca  # noqa: E402

CHROMIUM = "/usr/bin/chromium"
MODEL = "qwen3:4b"
TOKENS_PER_SECOND = 48
COLOURS = 160
LARGEST_BYTES = 150_000
EARLIER = (
    "How do I calibrate pressure advance?",
    "Which bed temperature for ASA?",
    "Supports that come off cleanly",
    "Warping in one corner only",
)
SLICED = {
    "filament_max_volumetric_speed": "11",
    "outer_wall_speed": "150",
    "enable_pressure_advance": "0",
}
QUESTION = "Why does my PETG string, and what do I change first?"
ANSWER = """\
PETG strings when it oozes during travel. The usual cause is a nozzle that is too hot, or a spool \
that took up moisture.

1. **Dry the spool**: 65 °C for 6 hours. If the hotend crackles, this is it.
2. **Lower the nozzle temperature** in steps of 5 °C, from 245 °C down to about 230 °C.
3. **Check retraction**: *Length* 0.8 mm on a direct drive, *Retraction speed* 40 mm/s.
4. **Raise** *Travel speed*, so that there is less time to ooze.

| Setting | Strings at | Try |
| --- | ---: | ---: |
| Nozzle | 250 °C | 235 °C |
| Retraction | 0.4 mm | 0.8 mm |
| Travel | 120 mm/s | 250 mm/s |

Change one thing at a time, and print a small tower of two pillars after each.
"""


@dataclass(frozen=True, slots=True)
class View:
    """One picture: how large the window is, in CSS pixels, and how it looks."""

    name: str
    width: int
    height: int
    theme: str
    place: str = "chat"


VIEWS = (
    View("panel-light", 1120, 720, "light"),
    View("panel-dark", 360, 720, "dark"),
    View("report-light", 1120, 900, "light", "report"),
    View("setup-light", 1120, 720, "light", "setup"),
)


def main(folder: Path) -> None:
    """Writes one PNG for each view. Raises where the product does not come up."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as data,
        fake_ollama("--model", MODEL) as ollama,
        program(Path(data, "data"), ollama_url=ollama.url) as one,
        sync_playwright() as play,
    ):
        one.serve()
        browser = play.chromium.launch(executable_path=CHROMIUM)
        with one.client() as agent:
            conversation = _fill(agent, ollama)
            addresses = {"chat": f"#/c/{conversation}"}
            addresses["setup"] = "#/setup"
            addresses["report"] = f"#/files/{_slice(agent)}"
            for view in VIEWS:
                _take(browser, agent, addresses[view.place], view, folder)
        browser.close()


def _fill(agent: Agent, ollama: OllamaProcess) -> str:
    """A few conversations as a user has them; answers the id of the one to show."""
    for question in EARLIER:
        _ask(agent, question)
    ollama.behave(path="/api/chat", text=ANSWER, pace=TOKENS_PER_SECOND)
    return _ask(agent, QUESTION)


def _ask(agent: Agent, question: str) -> str:
    conversation = str(agent.new_conversation(model=MODEL)["id"])
    sent = agent.send(conversation, question)
    *_, last = agent.events(str(sent["run"]["id"]))
    if last.name != "done":
        raise RuntimeError(f"the answer ended with {last.name}: {last.data}")
    return conversation


def _slice(agent: Agent) -> str:
    """A file whose report has something to say, read move by move; answers its id."""
    part = Part(layers=180, edge_mm=40, speed=150)
    sliced = orca(part, settings=SLICED, pictures=((300, 300, "PNG"),)).encode()
    file = agent.json("POST", "/slicer/files", files={"file": ("bracket_PLA.gcode", sliced)})
    run = agent.json("POST", f"/slicer/files/{file['id']}/analysis")
    *_, last = agent.events(str(run["id"]))
    if last.name != "done":
        raise RuntimeError(f"the analysis ended with {last.name}: {last.data}")
    return str(file["id"])


def _take(browser: Browser, agent: Agent, address: str, view: View, folder: Path) -> None:
    context = browser.new_context(
        viewport={"width": view.width, "height": view.height},
        color_scheme="dark" if view.theme == "dark" else "light",
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    page = context.new_page()
    page.goto(agent.ticket())
    page.goto(f"{page.url.split('#')[0]}{address}")
    match view.place:
        case "chat":
            page.get_by_text("Change one thing at a time").wait_for()
        case "report":
            page.get_by_test_id("layer-plot").first.wait_for()
        case _:
            page.locator(f"[data-page={view.place}]").wait_for()
    page.wait_for_load_state("networkidle")
    write(folder / f"{view.name}.png", page.screenshot(animations="disabled"))
    context.close()


def write(file: Path, png: bytes) -> None:
    """With few colours: text and flat surfaces do not show it, and a clone stays small."""
    with Image.open(BytesIO(png)) as picture:
        picture.convert("RGB").quantize(COLOURS).save(file, optimize=True)
    size = file.stat().st_size
    if size > LARGEST_BYTES:
        raise RuntimeError(f"{file.name} has {size} bytes; {LARGEST_BYTES} is the most")
    print(f"{file.name}: {size // 1000} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pages" / "images")
