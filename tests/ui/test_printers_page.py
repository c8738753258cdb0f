"""Printers: added, looked at, and what is typed into OrcaSlicer to reach them."""

import io

import pytest
from PIL import Image
from playwright.async_api import expect

from tests.fakes.printers import FakeMoonraker, FakeOctoPrint

from .conftest import NewPanel
from .pages import is_sound, opened, sign_in_with
from .panel import Panel
from .program import NOBODY, Program
from .test_held_page import add

pytestmark = pytest.mark.slow


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (0, 150, 136)).save(file, "JPEG")
    return file.getvalue()


async def test_a_printer_is_added_tested_watched_and_removed(panel: Panel, agent: Program) -> None:
    async with FakeOctoPrint() as printer:
        printer.camera, printer.picture = f"{printer.url}/webcam/", jpeg()
        page = await opened(panel, "printers")
        await expect(page.get_by_test_id("no-printers")).to_contain_text("has been added")
        await page.get_by_test_id("add-printer-open").click()
        form = page.get_by_test_id("add-printer")
        await expect(form.get_by_label("Name", exact=True)).to_be_focused()
        await form.get_by_label("Name", exact=True).fill("voron")
        await form.get_by_label("Address").fill(printer.url)
        await form.get_by_label("Key").fill(printer.key)
        await form.get_by_role("button", name="Add", exact=True).click()

        card = page.get_by_test_id("printer")
        await expect(card).to_have_attribute("data-activity", "idle")
        await expect(card.get_by_test_id("temperature")).to_contain_text(["nozzle 215", "bed 60"])
        assert printer.key not in await panel.page.content()
        await card.get_by_role("button", name="Test").click()
        await expect(card.get_by_test_id("tested")).to_contain_text("OctoPrint 1.11.8")
        await card.get_by_role("button", name="Camera").click()
        await expect(card.get_by_test_id("camera")).to_be_visible()
        width = "one => one.decode().then(() => one.naturalWidth)"
        assert await card.get_by_test_id("camera").evaluate(width) == 64
        async with panel.page.expect_response(lambda one: one.request.method == "PATCH"):
            await card.get_by_label("Its prints wait").select_option("always")
        await expect(page.get_by_test_id("printer").get_by_role("combobox")).to_have_value("always")
        assert (await agent.get("/printers/voron"))["hold"] == "always"

        await card.get_by_role("button", name="Remove").click()
        await panel.page.get_by_test_id("remove-confirm").click()
        await expect(card).to_have_count(0)


async def test_a_print_that_goes_on_is_told_with_what_is_left(panel: Panel, agent: Program) -> None:
    async with FakeMoonraker() as printer:
        body = {"name": "voron", "kind": "moonraker", "url": printer.url, "key": printer.key}
        await agent.post("/printers", body)
        printer.keep("cube.gcode", b"G28")
        printer.print_it("cube.gcode")

        page = await opened(panel, "printers")

        card = page.get_by_test_id("printer")
        await expect(card).to_have_attribute("data-activity", "printing")
        await expect(card).to_contain_text("cube.gcode: 25%")
        await expect(card.get_by_role("progressbar")).to_have_attribute("value", "0.25")


async def test_a_printer_that_does_not_answer_is_added_only_if_one_insists(panel: Panel) -> None:
    panel.watch.allow(r"status of 5\d\d")
    page = await opened(panel, "printers")
    await page.get_by_test_id("add-printer-open").click()
    form = page.get_by_test_id("add-printer")
    await form.get_by_label("Name", exact=True).fill("nobody")
    await form.get_by_label("Address").fill(NOBODY)

    await form.get_by_role("button", name="Add", exact=True).click()
    await form.get_by_role("button", name="Add it all the same").click()

    card = page.get_by_test_id("printer")
    await expect(card).to_have_attribute("data-activity", "offline")
    await expect(card.locator(".bad").first).to_be_visible()


async def test_a_key_is_made_shown_once_tried_and_taken_back(panel: Panel, agent: Program) -> None:
    page = await opened(panel, "printers/setup")
    await expect(page).to_contain_text(f"{agent.url}/printhost/default")
    await expect(page).to_contain_text(f"{agent.url}/ui")
    await expect(page.get_by_test_id("try-host")).to_be_disabled()

    await page.get_by_test_id("make-key").click()
    key = (await page.get_by_test_id("new-key").locator("code").inner_text()).strip()
    await page.get_by_test_id("try-host").click()
    await expect(page.get_by_test_id("tried")).to_contain_text("It works")
    await expect(page.get_by_test_id("tried")).to_contain_text("The key was last used")
    scopes = {one["name"]: one["scopes"] for one in (await agent.get("/tokens"))["items"]}
    assert scopes["OrcaSlicer, checks only"] == ["printhost"]
    await panel.page.reload()
    await expect(page.get_by_test_id("make-key")).to_be_visible()
    assert key not in await panel.page.content()

    taking = page.get_by_role("button", name="Take back the key OrcaSlicer, checks only")
    await taking.click()
    await expect(taking).to_have_count(0)


async def test_the_address_of_a_printer_is_its_own(panel: Panel, agent: Program) -> None:
    async with FakeOctoPrint() as printer:
        await add(agent, printer)
        page = await opened(panel, "printers")

        await page.get_by_role("link", name="Use it from OrcaSlicer").click()

        await expect(page).to_contain_text(f"{agent.url}/printhost/voron")
        await page.get_by_label("Files go to").select_option("default")
        await expect(page).to_contain_text(f"{agent.url}/printhost/default")


async def test_who_may_not_make_keys_is_told_how_to_get_there(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent)
    await sign_in_with(panel, "chat", "slicer")

    page = await opened(panel, "printers/setup")

    await expect(page.get_by_test_id("not-allowed")).to_contain_text("scope admin")


@pytest.mark.parametrize("width", [320, 1280])
async def test_the_pages_are_sound(agent: Program, new_panel: NewPanel, width: int) -> None:
    async with FakeOctoPrint() as printer:
        await add(agent, printer)
        panel = await new_panel(agent, viewport={"width": width, "height": 800})
        await panel.sign_in()
        page = await opened(panel, "printers")
        await page.get_by_test_id("add-printer-open").click()
        await expect(page.get_by_test_id("printer")).to_have_attribute("data-activity", "idle")
        await is_sound(panel)

        await opened(panel, "printers/setup")
        await page.get_by_test_id("make-key").click()
        await expect(page.get_by_test_id("new-key")).to_be_visible()
        await is_sound(panel)
