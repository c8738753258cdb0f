"""The first run: offered once, gone through in steps, each of which can wait."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Locator, expect

from tests.fakes.ollama import FakeOllama
from tests.fakes.printers import FakeOctoPrint
from tests.slicing.presets import workshop

from .conftest import CHAT, NewPanel, NewProgram
from .pages import is_sound, opened
from .panel import Panel
from .program import Program

STEPS = ("server", "model", "slicer", "printer", "computer", "end")
MB = 1 << 20


def step(panel: Panel, name: str) -> Locator:
    return panel.page.locator(f"[data-testid=setup-step][data-step={name}]")


async def at(panel: Panel, name: str) -> None:
    await expect(step(panel, name)).to_have_attribute("aria-current", "step")


async def test_the_set_up_is_offered_gone_through_and_ends_with_a_question(
    guide_agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(guide_agent)
    await panel.sign_in()
    await panel.page.get_by_test_id("setup-offer").get_by_role("button", name="Set up").click()
    onward = panel.page.get_by_test_id("setup-next")

    for name in STEPS[:-1]:
        await at(panel, name)
        await expect(onward).to_have_text("Do this later")
        await onward.click()

    await at(panel, "end")
    await expect(panel.page.get_by_test_id("setup-summary").locator(".value")).to_have_text(
        [
            "None: the print guide answers",
            "None yet",
            "No folder found",
            "None: files are checked and kept here",
            "No",
        ]
    )
    await panel.page.get_by_test_id("setup-ask").click()
    await expect(panel.composer).to_be_focused()
    await expect(panel.page.get_by_test_id("first-run")).to_be_visible()
    await expect(panel.page.get_by_test_id("setup-offer")).to_have_count(0)


@pytest.mark.slow
async def test_it_goes_on_where_it_was_left_and_comes_back_from_the_menu(panel: Panel) -> None:
    await panel.menu("Set up")
    await at(panel, "server")
    await expect(step(panel, "server")).to_have_attribute("data-met", "true")
    await panel.page.get_by_test_id("setup-next").click()
    await panel.page.get_by_test_id("setup-next").click()
    await at(panel, "slicer")

    await panel.page.get_by_role("button", name="Back to the chat").click()
    await expect(panel.page.get_by_test_id("setup-offer")).to_be_visible()
    await panel.page.reload()
    await panel.menu("Set up")

    await at(panel, "slicer")
    await panel.page.get_by_test_id("setup-back").click()
    await at(panel, "model")
    await panel.page.go_back()
    await at(panel, "slicer")


@pytest.mark.slow
async def test_what_is_put_aside_is_not_offered_again(panel: Panel) -> None:
    offer = panel.page.get_by_test_id("setup-offer")
    await offer.get_by_role("button", name="Not now").click()
    await expect(offer).to_have_count(0)
    await expect(panel.composer).to_be_focused()

    await panel.page.reload()

    await expect(panel.page.get_by_test_id("first-run")).to_be_visible()
    await expect(offer).to_have_count(0)


@pytest.mark.slow
async def test_an_ollama_elsewhere_is_tried_and_connected(
    new_program: NewProgram, new_panel: NewPanel
) -> None:
    async with FakeOllama(models=()) as fake:
        fake.add_model(CHAT)
        panel = await new_panel(await new_program())
        panel.watch.allow("status of (409|50)")
        await panel.sign_in()
        page = await opened(panel, "setup/server")
        await expect(page.get_by_test_id("setup-servers")).to_contain_text("No model server")
        await page.get_by_label("On another computer of mine").check()
        form = page.get_by_test_id("add-backend")
        await expect(form.get_by_label("Name", exact=True)).to_have_value("workshop")
        await form.get_by_label("Address").fill("http://127.0.0.1:9")
        await form.get_by_role("button", name="Add", exact=True).click()
        await expect(form.get_by_role("alert")).to_be_visible()

        await form.get_by_label("Address").fill(fake.url)
        await form.get_by_role("button", name="Add", exact=True).click()

        await expect(step(panel, "server")).to_have_attribute("data-met", "true")
        await expect(step(panel, "model")).to_have_attribute("data-met", "true")
        await expect(page.get_by_test_id("setup-next")).to_have_text("Continue")


@pytest.mark.slow
async def test_a_company_is_offered_with_a_word_on_where_questions_go(panel: Panel) -> None:
    page = await opened(panel, "setup/server")

    await page.get_by_label("At a company, with a key").check()

    way = page.get_by_test_id("setup-way")
    await expect(way.get_by_role("note").first).to_contain_text("go to that company’s computers")
    await expect(way.get_by_label("Key", exact=True)).to_have_attribute("type", "password")


@pytest.mark.slow
async def test_a_model_for_this_computer_is_pulled_cancelled_and_gone_on_with(
    new_program: NewProgram, new_panel: NewPanel
) -> None:
    async with FakeOllama(models=()) as fake:
        agent = await new_program(fake.url)
        name = (await agent.get("/model-profiles"))["models"]["text"][0]
        layers = [("ab" * 32, 400 * MB), ("cd" * 32, 500)]
        fake.add_pullable(name, layers=layers, seconds=30)
        panel = await new_panel(agent)
        await panel.sign_in()
        page = await opened(panel, "setup/model")
        await expect(page.get_by_test_id("setup-free")).to_contain_text("GB")
        await page.get_by_role("button", name=f"Pull {name}", exact=True).click()
        pull = page.get_by_test_id("pull")
        await expect(pull.get_by_test_id("pull-words")).to_contain_text("left")
        await pull.get_by_role("button", name="Cancel").click()
        await expect(pull).to_have_attribute("data-state", "cancelled")
        await expect(step(panel, "model")).to_have_attribute("data-met", "false")

        fake.add_pullable(name, layers=layers, seconds=0.2)
        await pull.get_by_role("button", name="Resume").click()

        await expect(page.get_by_test_id("pull")).to_have_attribute("data-state", "done")
        await expect(step(panel, "model")).to_have_attribute("data-met", "true")
        await expect(page.get_by_test_id("setup-models")).to_contain_text(name)


@pytest.mark.slow
async def test_a_folder_in_an_unusual_place_is_read_after_the_restart(
    new_program: NewProgram, new_panel: NewPanel, tmp_path: Path
) -> None:
    folder = workshop(tmp_path / "Meine Profile")
    panel = await new_panel(await new_program())
    panel.watch.allow_lost_connections()
    panel.watch.allow("status of 50")
    await panel.sign_in()
    page = await opened(panel, "setup/slicer")
    await expect(page.get_by_test_id("setup-no-folder")).to_be_visible()

    await page.get_by_text("Another folder").click()
    await page.get_by_test_id("setup-path").fill(str(folder.root))
    await page.get_by_test_id("setup-path").press("Enter")
    await page.get_by_test_id("restart-now").click()

    await expect(page.get_by_test_id("setup-folder")).to_contain_text(
        str(folder.root), timeout=25_000
    )
    await expect(step(panel, "slicer")).to_have_attribute("data-met", "true")


@pytest.mark.slow
async def test_a_printer_is_connected_and_stands_in_the_summary(panel: Panel) -> None:
    async with FakeOctoPrint() as printer:
        page = await opened(panel, "setup/printer")
        form = page.get_by_test_id("add-printer")
        await form.get_by_label("Name", exact=True).fill("voron")
        await form.get_by_label("Address").fill(printer.url)
        await form.get_by_label("Key").fill(printer.key)
        await form.get_by_role("button", name="Add", exact=True).click()
        await expect(page.get_by_test_id("printer")).to_have_attribute("data-name", "voron")

        await step(panel, "end").click()

        summary = page.get_by_test_id("setup-summary")
        await expect(summary.locator("[data-step=printer] .value")).to_have_text("voron")
        await expect(summary.locator("[data-step=model] .value")).to_contain_text(CHAT)
        await summary.get_by_role("link", name="Change: Printers").click()
        await at(panel, "printer")


@pytest.mark.slow
async def test_with_keys_alone_one_comes_through_the_set_up(
    guide_agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(guide_agent)
    await panel.sign_in()
    keyboard = panel.page.keyboard
    await panel.page.get_by_role("button", name="Set up").focus()
    await keyboard.press("Enter")
    await expect(panel.page.get_by_role("heading", level=1, name="Set up")).to_be_focused()
    await expect(panel.page.get_by_test_id("setup-way")).to_have_attribute("data-way", "here")

    await press_until(panel, "Tab", panel.page.get_by_role("radio", name="On this computer"))
    for way in ("network", "cloud", "none"):
        await keyboard.press("ArrowDown")
        await expect(panel.page.get_by_test_id("setup-way")).to_have_attribute("data-way", way)
        assert await panel.page.evaluate("document.activeElement.type") == "radio"
    for name in STEPS[1:]:
        await press_until(panel, "Tab", panel.page.get_by_test_id("setup-next"))
        await keyboard.press("Enter")
        await at(panel, name)
        await expect(panel.page.get_by_role("heading", level=1, name="Set up")).to_be_focused()
    await press_until(panel, "Tab", panel.page.get_by_test_id("setup-ask"))
    await keyboard.press("Enter")

    await expect(panel.composer).to_be_focused()


async def press_until(panel: Panel, key: str, wanted: Locator) -> None:
    await expect(wanted).to_be_visible()
    for _ in range(60):
        if await wanted.evaluate("one => one === document.activeElement"):
            return
        await panel.page.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {wanted}")


Kind = Literal["en-GB", "de-DE"]


@pytest.mark.slow
@pytest.mark.timeout(90)
@pytest.mark.parametrize(("width", "locale"), [(1280, "en-GB"), (320, "de-DE")])
async def test_every_step_is_sound(
    agent: Program, new_panel: NewPanel, width: int, locale: Kind
) -> None:
    panel = await new_panel(agent, viewport={"width": width, "height": 720}, locale=locale)
    await panel.sign_in()

    for name in STEPS:
        page = await opened(panel, f"setup/{name}")
        await at(panel, name)
        if name == "server":
            for way in ("network", "cloud", "none"):
                await page.locator(f"input[type=radio][value={way}]").check()
                await is_sound(panel)
        await is_sound(panel)
