"""The way to the pages and back without a pointer."""

import pytest
from playwright.async_api import Locator, expect

from tests.fakes.ollama import FakeOllama

from .panel import Panel
from .program import Program
from .test_models_page import NEW, offer


async def test_a_model_is_pulled_and_cancelled_with_keys_alone(
    panel: Panel, fake: FakeOllama
) -> None:
    keyboard = panel.page.keyboard
    offer(fake, seconds=60)
    await panel.page.get_by_role("button", name="Archived").focus()
    await keyboard.press("Tab")
    await expect(panel.page.get_by_role("link", name="Models")).to_be_focused()

    await keyboard.press("Enter")
    heading = panel.page.get_by_role("heading", level=1, name="Models")
    await expect(heading).to_be_focused()
    name = panel.page.get_by_test_id("pull-name")
    await expect(name).to_be_visible()
    for _ in range(4):  # back to the chat, the menu, the page itself
        await keyboard.press("Tab")
    await expect(name).to_be_focused()
    await keyboard.type(NEW)
    await keyboard.press("Enter")
    cancel = panel.page.get_by_test_id("pull").get_by_role("button", name="Cancel")
    await expect(cancel).to_be_visible()
    await keyboard.press("Tab")
    await expect(cancel).to_be_focused()
    await keyboard.press("Enter")
    await expect(panel.page.get_by_test_id("pull")).to_have_attribute("data-state", "cancelled")

    await keyboard.press("Alt+c")
    await expect(panel.composer).to_be_focused()


@pytest.mark.slow
async def test_at_320_pixels_the_pages_are_in_the_drawer(panel: Panel) -> None:
    await panel.page.set_viewport_size({"width": 320, "height": 640})
    await panel.page.get_by_role("button", name="Conversations").press("Enter")
    link = panel.page.get_by_test_id("page-link").filter(has_text="Runtime")

    await link.press("Enter")

    await expect(panel.page.get_by_role("dialog")).to_have_count(0)
    await expect(panel.page.get_by_role("heading", level=1)).to_have_text("Runtime")
    await panel.page.get_by_role("button", name="Back to the chat").press("Enter")
    await expect(panel.page.get_by_test_id("first-run")).to_be_visible()


@pytest.mark.slow
async def test_a_chat_goes_on_behind_a_page_and_is_there_again(
    panel: Panel, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="word " * 120, pace=20)
    await panel.ask("Tell me everything")
    where = panel.page.url
    await panel.page.get_by_role("link", name="Performance").click()
    await expect(panel.page.get_by_test_id("queue").first).to_contain_text("1 of 4 running")
    await panel.page.keyboard.press("Escape")

    await panel.page.get_by_role("button", name="Back to the chat").click()

    await expect(panel.page).to_have_url(where)
    await panel.ended("complete")


async def tab_to(panel: Panel, wanted: Locator, key: str = "Tab") -> None:
    """By the key alone, as one does who has no pointer."""
    await expect(wanted).to_be_visible()
    for _ in range(120):
        if await wanted.evaluate("one => one === document.activeElement"):
            return
        await panel.page.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {wanted}")


async def go_to(panel: Panel, name: str) -> Locator:
    """From the list of pages, which stands before everything else."""
    await tab_to(panel, panel.page.get_by_role("link", name=name, exact=True), "Shift+Tab")
    await panel.page.keyboard.press("Enter")
    heading = panel.page.get_by_role("heading", level=1, name=name, exact=True)
    await expect(heading).to_be_focused()
    return panel.page.get_by_test_id("page")


@pytest.mark.slow
@pytest.mark.timeout(90)
async def test_with_keys_alone_through_question_settings_printer_and_storage(
    panel: Panel, agent: Program
) -> None:
    keyboard = panel.page.keyboard
    await expect(panel.composer).to_be_focused()
    await keyboard.type("Why does it string?")
    await keyboard.press("Enter")
    await panel.ended("complete")
    await tab_to(panel, panel.answer.get_by_role("button", name="Answer again"), "Shift+Tab")
    await keyboard.press("Enter")
    await expect(panel.answer.get_by_test_id("branch-switch")).to_contain_text("2/2")
    await panel.ended("complete")

    page = await go_to(panel, "Settings")
    await tab_to(panel, page.get_by_test_id("settings-search"))
    await keyboard.type("notify_held")
    switch = page.locator("[data-testid=setting][data-name=notify_held] input").first
    await tab_to(panel, switch)
    await keyboard.press("Space")
    await expect(panel.toast).to_be_visible()
    await tab_to(panel, panel.toast.get_by_role("button", name="Undo"))
    await keyboard.press("Enter")
    await expect(switch).to_be_checked()

    page = await go_to(panel, "Storage")
    clean = page.get_by_role("button", name="Clean up: Database", exact=True)
    await tab_to(panel, clean)
    await keyboard.press("Enter")
    dialog = panel.page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    assert await dialog.evaluate("one => one.contains(document.activeElement)")
    await keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(clean).to_be_focused()

    page = await go_to(panel, "Printers")
    await tab_to(panel, page.get_by_test_id("add-printer-open"))
    await keyboard.press("Enter")
    form = page.get_by_test_id("add-printer")
    await expect(form.get_by_label("Name", exact=True)).to_be_focused()
    await tab_to(panel, form.get_by_role("button", name="Cancel"))
    await keyboard.press("Enter")
    await expect(page.get_by_test_id("add-printer-open")).to_be_focused()
    await keyboard.press("Alt+c")
    await expect(panel.composer).to_be_focused()
    await expect(panel.answers).to_have_count(1)
