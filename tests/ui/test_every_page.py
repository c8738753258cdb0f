"""WCAG 2.2 AA on every page: axe, targets, the focus shows, and nothing moves by itself."""

import re

import pytest
from playwright.async_api import expect

from tests.fakes.printers import FakeOctoPrint

from .conftest import NewPanel
from .pages import SCROLLS_SIDEWAYS
from .panel import Panel
from .program import Program
from .sliced import hot_tower, sent_by_slicer
from .tabbing import walked
from .test_accessibility import faults
from .test_held_page import add
from .test_languages import STICKS_OUT

pytestmark = pytest.mark.slow

PAGES = (
    *("files", "files/ID", "held", "printers", "printers/setup", "presets", "calibration"),
    *("diagnosis", "models", "backends", "team", "performance", "runtime", "queue", "storage"),
    *("log", "settings", "setup/server", "setup/end"),
)
MOVING = "document.getAnimations().filter((one) => one.playState === 'running').length"


async def everything(agent: Program, printer: FakeOctoPrint) -> str:
    """Something to see on each page; the id of a sliced file."""
    await add(agent, printer)
    await sent_by_slicer(agent, "voron", hot_tower())
    return str((await agent.get("/slicer/files"))["items"][0]["id"])


async def shown(panel: Panel, name: str) -> None:
    """The page with all that can be unfolded on it unfolded."""
    await panel.page.evaluate("name => { location.hash = `#/${name}` }", name)
    page = panel.page.locator(f"[data-page={name.split('/', maxsplit=1)[0]}]")
    await expect(page.locator("section").first).to_be_visible()
    await expect(page.get_by_text(re.compile(r"^(Looking…|Wird gelesen …)$"))).to_have_count(0)
    await page.evaluate("one => one.querySelectorAll('details').forEach((it) => (it.open = true))")
    await expect(page.get_by_text(re.compile(r"^(Looking…|Wird gelesen …)$"))).to_have_count(0)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("width", "height", "locale"), [(1280, 800, "en-GB"), (320, 640, "de-DE"), (640, 400, "en-GB")]
)
async def test_axe_finds_nothing_and_nothing_is_wider_than_the_page(
    agent: Program, new_panel: NewPanel, width: int, height: int, locale: str
) -> None:
    """640 by 400 is what remains of 1280 by 800 at 200 %."""
    size = {"width": width, "height": height}
    panel = await new_panel(agent, viewport=size, locale=locale)
    found: dict[str, list[str]] = {}
    async with FakeOctoPrint() as printer:
        file_id = await everything(agent, printer)
        await panel.sign_in()

        for name in PAGES:
            await shown(panel, name.replace("ID", file_id))
            told = await faults(panel) if width != 640 else []
            told += [f"sticks out: {one}" for one in await panel.page.evaluate(STICKS_OUT)]
            if await panel.page.evaluate(f"() => {{{SCROLLS_SIDEWAYS}}}"):
                told.append("scrolls sideways")
            if told:
                found[name] = told

    assert found == {}


@pytest.mark.timeout(120)
async def test_what_has_the_focus_shows_wherever_tab_leads(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent, viewport={"width": 1000, "height": 640})
    found: list[str] = []
    async with FakeOctoPrint() as printer:
        file_id = await everything(agent, printer)
        await panel.sign_in()

        for name in PAGES:
            await shown(panel, name.replace("ID", file_id))
            await expect(panel.page.get_by_role("heading", level=1)).to_be_focused()
            found += [f"{name}: {one}" for one in await walked(panel.page)]

    assert found == []


@pytest.mark.timeout(120)
async def test_a_message_never_lies_over_what_has_the_focus(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent, viewport={"width": 1000, "height": 640})
    found: list[str] = []
    async with FakeOctoPrint() as printer:
        await everything(agent, printer)
        await panel.sign_in()
        await expect(panel.page.get_by_test_id("held-count")).to_have_text("1")

        for name in ("printers", "backends", "log", "setup/end"):
            await shown(panel, name)
            await sent_by_slicer(agent, "voron", hot_tower(), f"{name.replace('/', '-')}.gcode")
            await expect(panel.toast.last).to_contain_text(f"{name.replace('/', '-')}.gcode")
            await panel.page.get_by_role("heading", level=1).focus()
            found += [f"{name}: {one}" for one in await walked(panel.page)]
            await panel.toast.last.get_by_role("button", name="Dismiss").click()

    assert found == []


@pytest.mark.timeout(120)
async def test_nothing_moves_by_itself_where_motion_is_not_wanted(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent, reduced_motion="reduce")
    await panel.sign_in()
    moving = []

    for name in PAGES:
        if "ID" in name:
            continue
        await shown(panel, name)
        if await panel.page.evaluate(MOVING):
            moving.append(name)

    assert moving == []


async def test_every_page_says_its_language_and_its_name(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent, locale="de-DE")
    await panel.sign_in()
    titles = []

    for name in ("files", "models", "settings", "setup"):
        await panel.page.evaluate("name => { location.hash = `#/${name}` }", name)
        await expect(panel.page.locator(f"[data-page={name}]")).to_be_visible()
        titles.append(await panel.page.title())

    assert await panel.page.locator("html").get_attribute("lang") == "de"
    assert titles == [
        f"{name} · Orca Agents" for name in ("Dateien", "Modelle", "Einstellungen", "Einrichten")
    ]
