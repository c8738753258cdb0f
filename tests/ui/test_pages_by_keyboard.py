"""The way to the pages and back without a pointer."""

import pytest
from playwright.async_api import expect

from tests.fakes.ollama import FakeOllama

from .panel import Panel
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
    fake.misbehave(path="/api/chat", text="word " * 60, pace=20)
    await panel.ask("Tell me everything")
    where = panel.page.url
    await panel.page.get_by_role("link", name="Performance").click()
    await expect(panel.page.get_by_test_id("queue").first).to_contain_text("1 of 4 running")
    await panel.page.keyboard.press("Escape")

    await panel.page.get_by_role("button", name="Back to the chat").click()

    await expect(panel.page).to_have_url(where)
    await panel.ended("complete")
