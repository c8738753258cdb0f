"""Team: signing in to a hub in the browser and by a code, what it allows, and signing out."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from agent.runfile import read_token
from tests.agent.team.teaming import a_hub, let_in, until
from tests.fakes.ollama import FakeOllama
from tests.hub.serving import PASSWORD
from tests.serving import http

from .conftest import NewPanel, NewProgram
from .pages import is_sound, opened, sign_in_with
from .program import NOBODY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


async def test_one_signs_in_by_the_page_sees_what_holds_and_signs_out(
    new_program: NewProgram, new_panel: NewPanel, tmp_path: Path
) -> None:
    async with FakeOllama(models=["short"]) as far, a_hub(tmp_path / "hub", far) as hub:
        agent = await new_program(NOBODY)
        panel = await new_panel(agent)
        await panel.sign_in()
        page = await opened(panel, "team")
        await is_sound(panel)
        await page.get_by_label("Address of the hub").fill(hub.url)
        await page.get_by_label("Name of this computer").fill("pi")
        await page.get_by_test_id("team-browser").click()
        await expect(page.get_by_test_id("team-waiting")).to_contain_text("Say yes there")
        await is_sound(panel)
        said = await agent.get("/team")
        await let_in(await hub.signed_in("bob"), said["login"]["address"])
        card = page.get_by_test_id("team")
        await expect(card).to_contain_text("bob")
        await expect(card.get_by_test_id("team-models")).to_contain_text("short")
        await expect(card.get_by_test_id("team-policy")).to_contain_text("Text may leave")
        await is_sound(panel)
        await card.get_by_test_id("team-leave").click()
        await panel.page.get_by_test_id("team-leave-confirm").click()
        await expect(page.get_by_test_id("team-sign-in")).to_be_visible()
        bob = await hub.signed_in("bob")
        machines = (await bob.get("/machines")).json()["items"]

    assert machines == []


async def test_a_code_is_typed_into_the_console_and_lets_the_agent_in(
    new_program: NewProgram, new_panel: NewPanel, tmp_path: Path
) -> None:
    async with a_hub(tmp_path / "hub") as hub:
        agent = await new_program(NOBODY)
        panel = await new_panel(agent)
        await panel.sign_in()
        page = await opened(panel, "team")
        await page.get_by_label("Address of the hub").fill(hub.url)
        await page.get_by_test_id("team-device").click()
        code = await page.get_by_test_id("team-code").inner_text()
        bob = await hub.signed_in("bob")
        answer = {"user_code": code, "allow": True}
        allowed = await bob.post("/auth/device/approve", json=answer)
        await expect(page.get_by_test_id("team")).to_contain_text("bob")

    assert allowed.status_code == 204


async def test_the_agent_signs_in_by_chromium_and_the_pages_of_the_hub(
    new_program: NewProgram, browser: Browser, tmp_path: Path
) -> None:
    async with a_hub(tmp_path / "hub") as hub, await browser.new_context() as context:
        agent = await new_program(NOBODY)
        begun = await agent.post("/team/login", {"url": hub.url, "machine_name": "pi"})
        page = await context.new_page()
        await page.goto(begun["login"]["address"])
        await page.locator("input[autocomplete=username]").fill("bob")
        await page.locator("input[autocomplete=current-password]").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("connect-words")).to_contain_text("pi")
        await page.get_by_test_id("connect-allow").click()
        await expect(page.get_by_role("heading")).to_have_text("This computer was let in")
        headers = {"Authorization": f"Bearer {read_token(agent.data_dir)}"}
        async with http(base_url=agent.url, headers=headers) as client:
            said = await until(client, lambda one: one["state"] != "waiting")

    assert (said["state"], said["machine"]["name"]) == ("on", "pi")


async def test_an_address_that_cannot_be_is_told_in_words(
    new_program: NewProgram, new_panel: NewPanel
) -> None:
    agent = await new_program(NOBODY)
    panel = await new_panel(agent)
    await panel.sign_in()
    panel.watch.allow("status of 422")
    page = await opened(panel, "team")
    await page.get_by_label("Address of the hub").fill("http://hub.example.org")
    await page.get_by_test_id("team-browser").click()

    await expect(page.get_by_test_id("team-problem")).to_contain_text("begins with https://")


async def test_whoever_may_not_change_the_agent_sees_no_team(
    new_program: NewProgram, new_panel: NewPanel
) -> None:
    agent = await new_program(NOBODY)
    panel = await new_panel(agent)
    await sign_in_with(panel, "chat")
    page = await opened(panel, "team")

    await expect(page.get_by_test_id("not-allowed")).to_be_visible()
