"""The panel in the language of whoever looks at it, and from right to left."""

import gzip
import re

import pytest
from playwright.async_api import Response, expect

from .conftest import NewPanel
from .panel import Panel
from .program import Program

FIRST_PAGE_BYTES = 150_000
ORCA = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 BBL-Slicer/v2.4.0 (dark)"
# What i18next shows of words that are not there, and what a word that was not filled in looks like.
MISSING = re.compile(r"\b[a-z]+(?:\.[a-z-]+)+\b(?<!\.gcode)(?<!\.md)(?<!\.com)|\{\{")
# Addresses, and who wrote a line of the log.
NAMES = re.compile(r"https?://\S+|\bagent(?:\.\w+)+")
TURN = "document.documentElement.dir = 'rtl'"
# A box that sticks out of the page, unless it lies in one that scrolls or hides it.
STICKS_OUT = """() => Array.from(document.querySelectorAll("body *")).filter((one) => {
  const box = one.getBoundingClientRect();
  if (!box.width || (box.left >= -1 && box.right <= innerWidth + 1)) return false;
  for (let up = one; up !== document.body; up = up.parentElement) {
    if (getComputedStyle(up).overflowX !== "visible") return false;
    if (up.matches(".off-screen, svg")) return false;
  }
  return true;
}).map((one) => one.outerHTML.slice(0, 120))"""


async def says(panel: Panel, language: str, new_chat: str) -> None:
    await expect(panel.page.locator("html")).to_have_attribute("lang", language)
    await expect(panel.page.get_by_test_id("new-chat")).to_have_text(new_chat)


async def pages_of(panel: Panel) -> list[str]:
    links = panel.page.get_by_test_id("page-link")
    return [str(await one.get_attribute("href")) for one in await links.all()]


async def turn_to(panel: Panel, page: str) -> None:
    """Opens a page and waits until it is drawn."""
    await panel.page.evaluate("hash => { location.hash = hash }", page)
    shown = panel.page.locator(f"[data-testid=page][data-page='{page.split('/')[1]}']")
    await expect(shown.locator("h2, h3, p, form").first).to_be_visible()
    await expect(shown.locator(".wait")).to_have_count(0)


async def test_whoever_reads_german_is_spoken_to_in_german_until_another_choice(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent, locale="de-AT")
    await panel.sign_in()
    await says(panel, "de", "Neuer Chat")
    await expect(panel.composer).to_have_attribute(
        "placeholder", "Fragen Sie etwas zu einem Druck …"
    )

    await panel.menu("Über Orca Agents")
    await panel.page.get_by_label("Sprache").select_option("English")
    await says(panel, "en", "New chat")
    await panel.page.reload()
    await says(panel, "en", "New chat")


@pytest.mark.slow
async def test_the_slicer_decides_where_nobody_has_chosen(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent, locale="en-US", user_agent=f"{ORCA} BBL-Language/de_DE")
    await panel.sign_in()
    await says(panel, "de", "Neuer Chat")

    await panel.menu("Über Orca Agents")
    choice = panel.page.get_by_test_id("language")
    await expect(choice).to_have_value("")
    await choice.select_option("English")
    await says(panel, "en", "New chat")

    await panel.menu("About")
    await choice.select_option("")
    await says(panel, "de", "Neuer Chat")


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_every_page_has_its_words_in_german(agent: Program, new_panel: NewPanel) -> None:
    panel = await new_panel(agent, locale="de-DE")
    await panel.sign_in()
    pages = await pages_of(panel)
    assert len(pages) >= 10

    for page in pages:
        await turn_to(panel, page)
        text = await panel.page.get_by_test_id("page").inner_text()
        assert MISSING.findall(NAMES.sub("", text)) == [], page


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_from_right_to_left_nothing_sticks_out_of_a_narrow_page(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent, viewport={"width": 320, "height": 640})
    await panel.sign_in()
    await panel.ask_and_hear("Why does it string?")
    await panel.page.evaluate(TURN)

    await panel.fits()
    assert await panel.page.evaluate(STICKS_OUT) == []
    bubble = await panel.questions.locator(".bubble").bounding_box()
    assert bubble is not None
    assert bubble["x"] < 20
    await panel.page.get_by_role("button", name="Conversations").click()
    drawer = panel.page.get_by_role("dialog", name="Conversations")
    box = await drawer.bounding_box()
    assert box is not None
    assert round(box["x"] + box["width"]) == 320
    pages = await pages_of(panel)
    await panel.page.keyboard.press("Escape")

    for page in pages:
        await turn_to(panel, page)
        await panel.fits()
        assert await panel.page.evaluate(STICKS_OUT) == [], page


async def test_the_first_page_is_small(agent: Program, new_panel: NewPanel) -> None:
    panel = await new_panel(agent)
    sizes: dict[str, int] = {}

    async def weigh(response: Response) -> None:
        if response.url.startswith(f"{agent.url}/ui"):
            body = await response.body() if response.status == 200 else b""
            sizes[response.url] = len(gzip.compress(body, 6))

    panel.page.on("response", weigh)
    await panel.sign_in()
    await panel.page.wait_for_load_state("networkidle")

    assert any("chat-" in name for name in sizes), "the words are part of it"
    assert sum(sizes.values()) < FIRST_PAGE_BYTES, sizes
