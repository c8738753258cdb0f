"""axe-core finds nothing, in the light and in the dark."""

from collections.abc import Awaitable, Callable
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.fakes.ollama import FakeOllama

from .conftest import SEEING, NewPanel
from .panel import Panel
from .program import Program
from .test_images import attach, is_attached

pytestmark = pytest.mark.slow

# Of WCAG 2.2, and off where nobody asks for it.
RULES = {"rules": {"target-size": {"enabled": True}}}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


async def faults(panel: Panel) -> list[str]:
    """What is wrong in the light and in the dark, each with where."""
    found = []
    for scheme in SCHEMES:
        await panel.page.emulate_media(color_scheme=scheme)
        await expect(panel.page.locator(f"html[data-theme={scheme}]")).to_have_count(1)
        results = await Axe().run(panel.page, options=RULES)
        found += [
            f"{scheme} {one['id']}: {node['html']} {node['failureSummary']}"
            for one in results.response["violations"]
            for node in one["nodes"]
        ]
    return found


async def sign_in_page(panel: Panel, fake: FakeOllama) -> None:
    await panel.page.goto(f"{panel.agent.url}/ui")
    await panel.page.get_by_role("button", name="Show a code").click()
    await expect(panel.page.get_by_test_id("pairing-code")).to_be_visible()


async def first_run(panel: Panel, fake: FakeOllama) -> None:
    await panel.sign_in()
    await expect(panel.page.get_by_test_id("first-run")).to_be_visible()


async def chat_with_everything(panel: Panel, fake: FakeOllama) -> None:
    await panel.sign_in()
    fake.misbehave(path="/api/chat", times=1, thinking="First this, then that.")
    await panel.pick(SEEING)
    await attach(panel, "button")
    await is_attached(panel)
    await panel.ask_and_hear("Why does PETG string?")
    await panel.answer.get_by_test_id("thinking").locator("summary").click()
    await panel.answer.get_by_role("button", name="Answer again").click()
    await expect(panel.answer.get_by_test_id("branch-switch")).to_contain_text("2/2")
    await panel.ended("complete")
    fake.misbehave(path="/api/chat", times=1, text="Some words and then nothing", die_after=3)
    await panel.ask("And then?")
    await panel.ended("failed")
    await expect(panel.text).to_have_text("Some words and")
    await attach(panel, "button")
    await is_attached(panel)


async def growing_answer(panel: Panel, fake: FakeOllama) -> None:
    await panel.sign_in()
    fake.misbehave(path="/api/chat", times=1, text="word " * 400, pace=20)
    await panel.ask("Why?")
    await expect(panel.text).to_contain_text("word")


async def search(panel: Panel, fake: FakeOllama) -> None:
    await panel.sign_in()
    await panel.ask_and_hear("Why does PETG string?")
    await panel.search.fill("PETG")
    await expect(panel.rows.locator("mark").first).to_be_visible()


async def help_dialog(panel: Panel, fake: FakeOllama) -> None:
    await panel.sign_in()
    await panel.menu("Keyboard")
    await expect(panel.page.get_by_role("dialog", name="Keyboard")).to_be_visible()


async def guide_sheet(panel: Panel, fake: FakeOllama) -> None:
    await panel.sign_in()
    await panel.ask_and_hear("Why does PETG string?")
    await panel.answer.get_by_test_id("source-chip").first.click()
    await expect(panel.page.get_by_test_id("guide-passage").locator(".markdown")).to_be_visible()


async def open_menus(panel: Panel, fake: FakeOllama) -> None:
    await panel.sign_in()
    await panel.page.get_by_test_id("model-picker").click()
    await expect(panel.page.get_by_role("listbox", name="Model")).to_be_focused()


async def drawer(panel: Panel, fake: FakeOllama) -> None:
    await panel.page.set_viewport_size({"width": 320, "height": 640})
    await panel.sign_in()
    await panel.ask_and_hear("Why?")
    await panel.page.get_by_role("button", name="Conversations").click()
    await expect(panel.rows).to_have_count(1)


State = Callable[[Panel, FakeOllama], Awaitable[None]]


@pytest.mark.parametrize(
    "state",
    [
        sign_in_page,
        first_run,
        chat_with_everything,
        growing_answer,
        search,
        help_dialog,
        guide_sheet,
        open_menus,
        drawer,
    ],
)
async def test_axe_finds_nothing(
    agent: Program, new_panel: NewPanel, fake: FakeOllama, state: State
) -> None:
    panel = await new_panel(agent)
    await state(panel, fake)

    assert await faults(panel) == []


async def test_axe_finds_nothing_without_a_model(guide_agent: Program, new_panel: NewPanel) -> None:
    panel = await new_panel(guide_agent)
    await panel.sign_in()
    await expect(panel.page.get_by_role("heading", name="No model is connected")).to_be_visible()

    assert await faults(panel) == []


async def test_axe_would_find_something(guide_agent: Program, new_panel: NewPanel) -> None:
    panel = await new_panel(guide_agent)
    await panel.sign_in()

    await panel.page.evaluate("document.body.append(document.createElement('button'))")

    assert any("button-name" in fault for fault in await faults(panel))
