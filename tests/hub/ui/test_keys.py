"""The keys of conversations in the console: those of the panel."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.hub.asking import Asked, asked_hub

from .conftest import NewDesk
from .desk import MARKS, Desk

pytestmark = MARKS
LONG = " ".join(f"word{number}" for number in range(400))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def asked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asked]:
    folder: Path = tmp_path_factory.mktemp("keys")
    async with asked_hub(folder / "data", {}) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def desk(asked: Asked, new_desk: NewDesk) -> AsyncIterator[Desk]:
    """Bob's chat."""
    one = await new_desk(asked.hub.url)
    await one.sign_in("bob")
    await one.open("chat")
    yield one
    asked.near.behave_well()


async def test_escape_stops_the_answer(desk: Desk, asked: Asked) -> None:
    asked.near.misbehave(path="/api/chat", text=LONG, pace=20)
    await desk.page.get_by_test_id("composer").fill("Why?")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.get_by_text("word3", exact=False).first).to_be_visible()

    await desk.page.keyboard.press("Escape")

    await expect(desk.page.get_by_text("Stopped.").first).to_be_visible()


async def test_the_keys_of_the_panel_search_open_and_begin_conversations(
    desk: Desk, asked: Asked
) -> None:
    for title in ("first", "second"):
        await asked.bob.post("/conversations", json={"title": title})
    page, press = desk.page, desk.page.keyboard.press
    await page.reload()
    rows, composer = page.get_by_test_id("conversation"), page.get_by_test_id("composer")
    await expect(rows.nth(1)).to_contain_text("first")

    await press("Control+k")
    await expect(page.get_by_test_id("search")).to_be_focused()
    await press("Alt+c")
    await expect(composer).to_be_focused()
    for _ in range(2):
        await press("Alt+ArrowDown")
        await expect(page.locator("[data-testid=conversation][aria-current]")).to_have_count(1)
    await expect(page.get_by_test_id("chat-title")).to_have_text("first")
    await press("Alt+ArrowUp")
    await expect(page.get_by_test_id("chat-title")).to_have_text("second")
    await press("Alt+n")
    await expect(page.get_by_test_id("chat-title")).to_have_text("New chat")
    await page.get_by_test_id("new-chat").focus()
    await press("?")
    await expect(desk.dialog.locator("dt")).to_have_count(10)
    assert await desk.faults() == []
    await press("Escape")
    await expect(page.get_by_test_id("new-chat")).to_be_focused()


async def test_after_a_deletion_the_focus_is_on_the_next_conversation(
    desk: Desk, asked: Asked
) -> None:
    for one in (await asked.bob.get("/conversations")).json()["items"]:
        await asked.bob.delete(f"/conversations/{one['id']}")
    for title in ("below", "above"):
        await asked.bob.post("/conversations", json={"title": title})
    page = desk.page
    await page.reload()
    rows = page.get_by_test_id("conversation")
    await expect(rows).to_have_count(2)

    for expected in (rows.filter(has_text="below"), page.get_by_test_id("new-chat")):
        await page.get_by_test_id("conversation-menu").first.focus()
        for key in ("Enter", "End", "Enter"):
            await page.keyboard.press(key)
        await expect(expected).to_be_focused()


async def test_a_name_of_blanks_is_told_beside_its_field(desk: Desk) -> None:
    page = await desk.open("account")
    field = page.get_by_label("Name that others see")
    await field.fill("   ")
    await page.get_by_test_id("profile").get_by_role("button", name="Save").click()

    assert await field.evaluate("field => field.validationMessage") == (
        "Write a name that others see."
    )
