"""Why another model answered, and names for models, as the console shows them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.hub.asking import Asked, asked_hub

from .conftest import NewDesk
from .desk import MARKS, Desk

pytestmark = MARKS
DEAD = {"name": "dead", "kind": "ollama", "url": "http://127.0.0.1:9"}
LAST = {"provider": "ollama", "model": "qwen3:4b"}
SENTENCE = "qwen3:4b at ollama answers instead. Ollama does not answer at http://127.0.0.1:9."


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def asked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asked]:
    folder: Path = tmp_path_factory.mktemp("fallbacks")
    async with asked_hub(folder / "data", {"ORCA_HUB_DEFAULT_MODEL": "team-code"}) as one:
        await one.ada.post("/providers", json=DEAD)
        candidates = [{"provider": "dead", "model": "qwen3-coder"}, LAST]
        await one.ada.post("/routes", json={"pattern": "team-code", "candidates": candidates})
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def desk(asked: Asked, new_desk: NewDesk) -> Desk:
    """Ada's."""
    one = await new_desk(asked.hub.url)
    await one.sign_in("ada")
    return one


@pytest.fixture
def page(desk: Desk) -> Page:
    return desk.page


async def test_a_sentence_under_the_answer_says_why_another_one_gave_it(
    page: Page, desk: Desk
) -> None:
    await desk.open("chat")
    await page.get_by_test_id("composer").fill("Why does it string?")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-role=assistant]")).to_have_attribute("data-status", "complete")
    told = page.get_by_test_id("fallback")
    await expect(told).to_contain_text(SENTENCE)
    wrong = await desk.faults()
    await page.reload()
    await expect(told).to_contain_text(SENTENCE)
    await desk.open("generate")
    await page.get_by_test_id("generate").locator("textarea").fill("x")
    await page.get_by_test_id("begin").click()
    await expect(page.get_by_test_id("generation")).to_have_attribute("data-state", "done")
    await expect(told).to_contain_text(SENTENCE)
    await desk.open("runs")
    await expect(told.first).to_contain_text(SENTENCE)

    assert wrong == []


async def test_a_name_for_a_server_that_there_is_not_is_told_at_its_field(
    page: Page, desk: Desk
) -> None:
    desk.watch.allow(r"status of 422 .*/api/v1/routes")
    await desk.open("routes")
    await page.get_by_test_id("add-route").click()
    await page.get_by_label("Name or pattern").fill("typo")
    await page.get_by_label("Model 1", exact=True).fill("x")
    server = page.get_by_label("Server of model 1")
    await server.fill("labb")
    await desk.press("Add")
    await expect(page.get_by_role("alert")).to_contain_text("There is no model server called labb.")
    await expect(server).to_have_attribute("aria-invalid", "true")
    await expect(server).to_be_focused()
    await server.fill("ollama")
    await desk.press("Add")
    await expect(page.locator("[data-testid=route][data-pattern=typo]")).to_be_visible()
