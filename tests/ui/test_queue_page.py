"""Queue: what waits, what goes on, and how it is ended."""

import pytest
from playwright.async_api import expect

from tests.fakes.ollama import FakeOllama

from .conftest import NewPanel
from .pages import is_sound, opened
from .panel import Panel
from .program import Program

pytestmark = pytest.mark.slow


async def test_an_answer_that_is_being_written_shows_and_is_ended_here(
    panel: Panel, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", times=1, delay=60)
    await panel.ask("Why does PETG string?")
    page = await opened(panel, "queue")
    run = page.locator("[data-testid=run][data-kind=chat]")
    await expect(run).to_have_attribute("data-state", "running")
    await expect(page.locator("[data-queue=text]")).to_contain_text("1 of")

    await run.get_by_role("button", name="Cancel: Answer").click()

    await expect(page.get_by_test_id("no-work")).to_be_visible()


@pytest.mark.parametrize("width", [320, 1280])
async def test_the_queue_is_sound(
    agent: Program, new_panel: NewPanel, fake: FakeOllama, width: int
) -> None:
    panel = await new_panel(agent, viewport={"width": width, "height": 800})
    await panel.sign_in()
    fake.misbehave(path="/api/chat", times=1, delay=60)
    await panel.ask("Why does PETG string?")
    page = await opened(panel, "queue")
    await expect(page.get_by_test_id("run")).to_be_visible()

    await is_sound(panel)
    await page.get_by_test_id("run").get_by_role("button").click()
    await expect(page.get_by_test_id("no-work")).to_be_visible()
