"""Runtime: whose Ollama runs, what can be done with it, and what it writes."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.agent.ollama_program import a_free_port
from tests.fakes.ollama_binary import OllamaProgram

from .conftest import NewPanel, NewProgram
from .pages import is_sound, opened, sign_in_with
from .panel import Panel
from .program import Program


async def test_an_ollama_of_somebody_else_is_named_and_left_alone(panel: Panel) -> None:
    page = await opened(panel, "runtime")

    await expect(page.get_by_test_id("ollama-state")).to_have_text("running, somebody else's")
    await expect(page).to_contain_text("so it neither stops nor restarts it")
    await expect(page.get_by_role("button")).to_have_count(0)
    await expect(page.get_by_test_id("log-empty")).to_contain_text("has no log of it")


@pytest.mark.slow
async def test_without_ollama_the_page_says_how_to_get_it(
    guide_agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(guide_agent, viewport={"width": 320, "height": 640})
    await panel.sign_in()

    page = await opened(panel, "runtime")

    await expect(page.get_by_test_id("ollama-state")).to_have_text("not installed")
    await expect(page.get_by_role("link", name="ollama.com/download")).to_be_visible()
    await is_sound(panel)


@pytest.mark.slow
async def test_who_may_not_look_is_told_so(agent: Program, new_panel: NewPanel) -> None:
    panel = await new_panel(agent)
    await sign_in_with(panel, "chat")

    page = await opened(panel, "runtime")

    await expect(page.get_by_test_id("not-allowed")).to_contain_text("scope models")


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_the_agents_own_ollama_is_stopped_started_and_heard(
    new_program: NewProgram, new_panel: NewPanel, tmp_path: Path
) -> None:
    ollama = OllamaProgram(tmp_path / "bin")
    agent = await new_program(
        f"http://127.0.0.1:{a_free_port()}", manage_ollama="auto", ollama_binary=ollama.path
    )
    panel = await new_panel(agent)
    await panel.sign_in()
    page = await opened(panel, "runtime")
    state = page.get_by_test_id("ollama-state")
    await expect(state).to_have_text("running", timeout=20_000)
    await expect(page).to_contain_text("this agent, which may stop it")
    await expect(page.get_by_test_id("log")).to_contain_text("Listening")
    await is_sound(panel)

    await page.get_by_role("button", name="Stop").click()
    await expect(state).to_have_text("stopped", timeout=20_000)
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(state).to_have_text("running", timeout=20_000)

    assert len(ollama.starts()) == 2
