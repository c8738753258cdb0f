"""Backends: added after they were tried, tested, removed."""

import pytest
from playwright.async_api import Locator, expect

from tests.fakes.ollama import FakeOllama

from .conftest import CHAT, NewPanel
from .pages import is_sound, opened, sign_in_with
from .panel import Panel
from .program import NOBODY, Program

pytestmark = pytest.mark.slow

KEY = "a-secret-key-of-the-workshop"


async def fill_in(page: Locator, name: str, url: str, key: str = "") -> Locator:
    await page.get_by_test_id("add-backend-open").click()
    form = page.get_by_test_id("add-backend")
    await expect(form.get_by_label("Name", exact=True)).to_be_focused()
    await form.get_by_label("Name", exact=True).fill(name)
    await form.get_by_label("Address", exact=True).fill(url)
    await form.get_by_label("Key", exact=True).fill(key)
    return form


async def remove(panel: Panel, card: Locator) -> None:
    await card.get_by_role("button", name="Remove").click()
    await panel.page.get_by_test_id("remove-confirm").click()
    await expect(card).to_have_count(0)


async def test_a_server_is_added_tested_and_removed(panel: Panel, agent: Program) -> None:
    async with FakeOllama(models=[]) as workshop:
        workshop.add_model("workshop:7b")
        page = await opened(panel, "backends")
        await expect(page).to_contain_text("http://10.60.4.77:11434 and http://10.60.4.78:11434")

        form = await fill_in(page, "workshop", workshop.url, KEY)
        await expect(form.get_by_label("Key", exact=True)).to_have_attribute("type", "password")
        await expect(form).to_contain_text("No page gets it back.")
        await form.get_by_role("button", name="Add", exact=True).click()

        card = page.locator("[data-backend=workshop]")
        await expect(card).to_have_attribute("data-state", "up")
        await expect(card).to_contain_text("kept in the")
        await expect(page.get_by_test_id("add-backend-open")).to_be_focused()
        assert KEY not in await panel.page.content()
        await card.get_by_role("button", name="Test").click()
        await expect(card.get_by_test_id("tested")).to_contain_text("It answers, with workshop:7b")
        models = await opened(panel, "models")
        shown = models.locator("[data-model='workshop:7b'][data-backend=workshop]")
        await expect(shown).to_contain_text("on workshop")

        page = await opened(panel, "backends")
        await remove(panel, page.locator("[data-backend=workshop]"))
    assert [one["id"] for one in (await agent.get("/backends"))["items"]] == ["local"]


async def test_a_server_that_does_not_answer_is_added_only_if_one_insists(
    panel: Panel, agent: Program
) -> None:
    panel.watch.allow(r"status of 5\d\d")
    page = await opened(panel, "backends")
    form = await fill_in(page, "nobody", NOBODY)

    await form.get_by_role("button", name="Add", exact=True).click()
    await expect(form.get_by_role("alert")).to_contain_text("does not answer")
    await form.get_by_role("button", name="Add it all the same").click()

    card = page.locator("[data-backend=nobody]")
    await expect(card).to_have_attribute("data-state", "down")
    await remove(panel, card)


async def test_a_wrong_address_is_told_at_its_field(panel: Panel) -> None:
    panel.watch.allow("status of 422")
    page = await opened(panel, "backends")
    form = await fill_in(page, "wrong", "ftp://10.60.4.77", KEY)

    await form.get_by_role("button", name="Add", exact=True).click()

    await expect(form.get_by_role("alert")).to_be_visible()
    await expect(form.get_by_label("Address", exact=True)).to_have_value("ftp://10.60.4.77")
    told = form.locator("[id$=url-help]")
    await expect(told).to_have_class("small bad")
    await form.get_by_label("Address", exact=True).fill("http://10.60.4.77:11434")
    await expect(form).to_contain_text("the key travels in clear text")
    await form.get_by_role("button", name="Cancel").click()
    await expect(form).to_have_count(0)


async def test_the_configured_one_is_shown_and_cannot_be_removed(panel: Panel) -> None:
    page = await opened(panel, "backends")

    card = page.get_by_test_id("backend")
    await expect(card).to_have_count(1)
    await expect(card).to_contain_text("from the settings (ORCA_AGENT_OLLAMA_URL)")
    await card.get_by_role("button", name="Test").click()
    await expect(card.get_by_test_id("tested")).to_contain_text(CHAT)
    await expect(card.get_by_role("button")).to_have_count(1)


async def test_who_may_not_see_them_is_told_how_to_get_there(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent)
    await sign_in_with(panel, "chat", "models")

    page = await opened(panel, "backends")

    await expect(page.get_by_test_id("not-allowed")).to_contain_text("scope admin")


@pytest.mark.parametrize("width", [pytest.param(320), pytest.param(1280, marks=pytest.mark.slow)])
async def test_the_page_is_sound(agent: Program, new_panel: NewPanel, width: int) -> None:
    panel = await new_panel(agent, viewport={"width": width, "height": 800})
    await panel.sign_in()
    page = await opened(panel, "backends")
    form = await fill_in(page, "workshop", "http://10.60.4.77:11434", KEY)
    await form.locator("summary").click()

    await is_sound(panel)
