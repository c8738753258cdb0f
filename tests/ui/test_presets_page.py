"""Presets: what the user changed, all of it, and two side by side."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.slicing.presets import workshop

from .conftest import NewPanel
from .pages import is_sound, opened
from .panel import Panel
from .program import Program, program

pytestmark = pytest.mark.slow

MINE = "filament/My%20PETG"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def slicer_agent(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """On a computer where OrcaSlicer has been used."""
    home: Path = tmp_path_factory.mktemp("home")
    workshop(home / ".config" / "OrcaSlicer")
    async with program(home / "data") as one:
        yield one


async def signed_in(agent: Program, new_panel: NewPanel, width: int = 1280) -> Panel:
    panel = await new_panel(
        agent,
        viewport={"width": width, "height": 800},
        permissions=["clipboard-read", "clipboard-write"],
    )
    await panel.sign_in()
    return panel


async def test_ones_own_presets_are_listed_and_say_what_was_changed(
    slicer_agent: Program, new_panel: NewPanel
) -> None:
    panel = await signed_in(slicer_agent, new_panel)
    page = await opened(panel, "presets")
    rows = page.get_by_test_id("preset")
    await expect(rows).to_have_count(3)
    await page.get_by_test_id("preset-search").fill("petg")
    await expect(rows).to_have_count(1)

    await rows.get_by_role("link").click()

    detail = page.get_by_test_id("preset-detail")
    await expect(detail).to_contain_text("your own")
    await expect(detail.get_by_role("link", name="Acme PETG")).to_be_visible()
    changed = page.get_by_role("region", name="What the preset changes")
    assert await changed.locator("tbody tr").count() > 0
    await page.get_by_role("button", name="Copy what is changed").click()
    await expect(panel.toast).to_contain_text("Copied as Markdown")
    copied: str = await panel.page.evaluate("navigator.clipboard.readText()")
    assert "My PETG" in copied
    assert "|" in copied


async def test_two_presets_stand_side_by_side(slicer_agent: Program, new_panel: NewPanel) -> None:
    panel = await signed_in(slicer_agent, new_panel)
    page = await opened(panel, f"presets/{MINE}")

    # A name that is offered is taken as soon as it stands there whole, so no key follows.
    with_offers = page.locator("datalist option[value='Acme PETG']")
    await page.get_by_test_id("pick-preset").focus()
    await expect(with_offers).to_have_count(1)
    await page.get_by_test_id("pick-preset").fill("Acme PETG")

    table = page.get_by_role("region", name="What two presets have differently")
    heads = ["Setting", "My PETG", "Acme PETG"]
    await expect(table.get_by_role("columnheader")).to_have_text(heads)
    await expect(page.get_by_test_id("compare")).to_contain_text("differ")


async def test_a_setting_of_a_preset_is_found(slicer_agent: Program, new_panel: NewPanel) -> None:
    panel = await signed_in(slicer_agent, new_panel)
    page = await opened(panel, f"presets/{MINE}")

    await page.get_by_label("Search the settings").fill("nozzle temperature")

    await expect(page.get_by_test_id("preset-settings")).to_contain_text("°C")


async def test_a_preset_goes_along_with_a_question(
    slicer_agent: Program, new_panel: NewPanel
) -> None:
    panel = await signed_in(slicer_agent, new_panel)
    page = await opened(panel, f"presets/{MINE}")

    await page.get_by_role("button", name="Ask about it").click()

    await expect(panel.page.get_by_test_id("evidence-bar")).to_contain_text("With My PETG")
    await panel.page.get_by_test_id("evidence-open").click()
    piece = panel.page.locator("[data-testid=piece][data-kind=preset]")
    await expect(piece).to_contain_text("The filament preset My PETG")


async def test_where_there_is_no_slicer_the_page_says_what_to_do(panel: Panel) -> None:
    page = await opened(panel, "presets")

    await expect(page.get_by_test_id("no-presets")).to_contain_text("slicer_data_dirs")


@pytest.mark.parametrize("width", [320, 1280])
async def test_the_pages_are_sound(slicer_agent: Program, new_panel: NewPanel, width: int) -> None:
    panel = await signed_in(slicer_agent, new_panel, width)
    for place in (MINE, f"compare/{MINE}/Acme%20PETG", ""):
        await opened(panel, f"presets/{place}".rstrip("/"))
        await is_sound(panel)
