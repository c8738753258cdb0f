"""A fresh machine: no Ollama yet, then one, then none again."""

import pytest
from playwright.async_api import Route, expect

from tests.fakes.ollama import FakeOllama

from .conftest import CHAT, SEEING, NewPanel, NewProgram, equip
from .panel import Panel
from .program import Program
from .test_accessibility import faults

SECONDS = 15_000  # the page asks every 2.5 s, the agent looks every few


async def test_without_ollama_the_page_says_so_and_what_to_do(
    guide_agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(guide_agent)

    await panel.sign_in()

    first = panel.page.get_by_test_id("first-run")
    await expect(first.get_by_role("heading", name="No model is connected")).to_be_visible()
    await expect(first).to_contain_text(
        "Until one is connected, the built-in guide answers with its passages."
    )
    await expect(first.locator("code")).to_contain_text(
        ["curl -fsSL https://ollama.com/install.sh | sh", "ollama serve", "ollama pull "]
    )
    await expect(panel.state).to_have_text("Guide only: no Ollama")
    await first.get_by_role("button", name="Windows").click()
    await expect(first.locator("code").first).to_have_text("winget install Ollama.Ollama")


async def test_without_ollama_the_guide_answers_with_sources_that_open(
    guide_agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(guide_agent)
    await panel.sign_in()

    await panel.page.get_by_role("button", name="Why does my PETG string").click()
    await panel.ended("complete")

    await expect(panel.answer).to_have_attribute("data-provider", "guide")
    await expect(panel.answer.get_by_role("heading", level=2).first).to_have_text("Built-in guide")
    await expect(panel.answer).to_contain_text("no model is connected", ignore_case=True)
    sources = panel.answer.get_by_role("group", name="From the print guide:")
    await expect(sources).to_be_visible()
    chip = panel.answer.get_by_test_id("source-chip").first
    title = (await chip.inner_text()).strip()
    await chip.click()
    passage = panel.page.get_by_test_id("guide-passage")
    await expect(passage.get_by_role("heading", level=2)).to_have_text(title)
    await expect(passage.locator(".markdown")).not_to_be_empty()
    await passage.get_by_role("button", name="Close the passage").click()
    await expect(passage).to_have_count(0)
    await chip.click()
    await panel.page.keyboard.press("Escape")
    await expect(passage).to_have_count(0)
    await chip.click()
    await expect(passage).to_be_visible()
    await panel.page.get_by_test_id("new-chat").click()
    await expect(passage).to_have_count(0)


@pytest.mark.slow
async def test_an_ollama_that_comes_and_goes_is_shown_without_a_reload(
    new_program: NewProgram, new_panel: NewPanel
) -> None:
    fake = FakeOllama(models=())
    fake.add_model(CHAT)
    await fake.start()
    await fake.stop()
    panel = await new_panel(await new_program(fake.url))
    await panel.sign_in()
    await expect(panel.state).to_have_text("Guide only: no Ollama")
    await panel.page.evaluate("window.notReloaded = true")

    await fake.start()
    await expect(panel.state).to_have_text(f"Ready · {CHAT}", timeout=SECONDS)
    await expect(panel.page.get_by_test_id("first-run")).to_contain_text(f"{CHAT} answers")
    await panel.ask_and_hear("Are you there?")
    await expect(panel.answer).to_have_attribute("data-provider", "ollama")

    await fake.stop()
    await expect(panel.state).to_have_text("Guide only: no Ollama", timeout=SECONDS)
    assert await panel.page.evaluate("window.notReloaded") is True


@pytest.mark.slow
async def test_ollama_without_a_model_is_told_from_no_ollama(
    new_program: NewProgram, new_panel: NewPanel
) -> None:
    async with FakeOllama(models=()) as fake:
        panel = await new_panel(await new_program(fake.url))
        await panel.sign_in()

        await expect(panel.state).to_have_text("Guide only: no model installed")
        await expect(
            panel.page.get_by_role("heading", name="Ollama runs, but no model is installed")
        ).to_be_visible()

        fake.add_model(CHAT)
        await expect(panel.state).to_have_text(f"Ready · {CHAT}", timeout=SECONDS)


@pytest.mark.slow
async def test_a_chosen_model_that_vanished_is_said_to_be_missing(
    new_program: NewProgram, new_panel: NewPanel
) -> None:
    async with FakeOllama(models=()) as fake:
        equip(fake)
        panel = await new_panel(await new_program(fake.url))
        await panel.sign_in()
        await panel.pick(CHAT)
        await panel.ask_and_hear("Are you there?")

        fake.remove_model(CHAT)
        await expect(panel.state).to_contain_text(f"Model missing · {CHAT}", timeout=SECONDS)
        assert await faults(panel) == []
        await panel.state.get_by_role("button", name="Choose another").click()
        await expect(panel.page.get_by_role("listbox", name="Model")).to_be_focused()
        await panel.page.keyboard.press("Escape")
        await panel.page.get_by_test_id("new-chat").click()
        first = panel.page.get_by_test_id("first-run")
        told = f"{CHAT} is not there. Choose another model below the message."
        await expect(first).to_contain_text(told)
        await expect(first).not_to_contain_text("answers, from Ollama")
        fake.remove_model(SEEING)
        await expect(first).to_contain_text("no model is installed", timeout=SECONDS)
        await expect(panel.state).to_contain_text(f"Model missing · {CHAT}")

        fake.add_model(CHAT)
        await expect(panel.state).to_have_text(f"Ready · {CHAT}", timeout=SECONDS)
        await expect(first).to_contain_text(f"{CHAT} answers, from Ollama on this machine.")


@pytest.mark.slow
async def test_a_model_that_was_named_and_never_there_is_said_to_be_missing(
    agent: Program, new_panel: NewPanel
) -> None:
    never = await agent.post("/conversations", {"model": "nomodel"})
    spelt = await agent.post("/conversations", {"model": CHAT.upper()})
    panel = await new_panel(agent, locale="de-DE", viewport={"width": 320, "height": 640})
    await panel.sign_in()

    await panel.open(never["id"])
    await expect(panel.state).to_contain_text("Modell fehlt · nomodel")
    await expect(panel.page.get_by_test_id("first-run")).to_contain_text(
        "nomodel gibt es hier nicht"
    )
    await panel.fits()
    await panel.state.get_by_role("button", name="Wählen").click()
    await panel.page.locator(f"[data-testid=model-option][data-model='{CHAT}']").click()
    await expect(panel.state).to_have_text(f"Bereit · {CHAT}")

    await panel.open(spelt["id"])
    await expect(panel.state).to_have_text(f"Bereit · {CHAT.upper()}")


async def test_an_ollama_on_another_machine_is_named(panel: Panel) -> None:
    async def elsewhere(route: Route) -> None:
        reply = await route.fetch()
        body = await reply.json()
        body["ollama"]["url"] = "http://10.0.0.5:11434"
        await route.fulfill(response=reply, json=body)

    first = panel.page.get_by_test_id("first-run")
    await expect(first).to_contain_text("Everything you write stays on this machine.")
    await panel.page.route("**/health/ready", elsewhere)

    told = "Questions go to the Ollama at 10.0.0.5:11434; everything else stays on this machine."
    await expect(first).to_contain_text(told)
    await expect(first).to_contain_text(f"{CHAT} answers, from the Ollama at 10.0.0.5:11434.")
    await panel.menu("About")
    await expect(panel.page.get_by_role("dialog")).to_contain_text(told)
    await panel.page.unroute_all(behavior="wait")


@pytest.mark.slow
async def test_a_team_whose_models_answer_is_named_though_there_is_no_ollama(panel: Panel) -> None:
    hub = {
        "url": "https://hub.example.org",
        "account": "bob",
        "state": "on",
        "is_up": True,
        "problem": None,
        "models_count": 1,
    }

    async def team(route: Route) -> None:
        reply = await route.fetch()
        body = await reply.json()
        body["ollama"] |= {"state": "down", "detail": "It does not answer."}
        body["default_model"] = None if hub["problem"] else body["default_model"]
        body["models_count"] = 0
        body["others"] = [{"name": "team", "url": "https://hub.example.org", "state": "up"}]
        body["team"] = hub
        await route.fulfill(response=reply, json=body)

    await panel.page.route("**/health/ready", team)

    await expect(panel.state).to_have_text(f"Ready · {CHAT}")
    first = panel.page.get_by_test_id("first-run")
    told = "Questions go to the hub of your team at hub.example.org; everything else stays"
    await expect(first).to_contain_text(told)
    await expect(first).to_contain_text(f"{CHAT} answers.")
    hub |= {"problem": "The hub does not answer.", "is_up": False}
    await expect(panel.state).to_have_text("Guide only: no hub")
    await expect(first.get_by_test_id("hub-away")).to_contain_text("The hub does not answer.")
    await expect(first.get_by_text("Install Ollama")).to_have_count(0)
    await panel.page.unroute_all(behavior="wait")
