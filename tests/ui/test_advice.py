"""Advice: lines that are picked, presets that are saved, evidence that is switched off."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from tests.fakes.ollama import FakeOllama

from .conftest import NewPanel
from .panel import Panel
from .program import Program
from .sliced import NAME, hot_tower, report_of, sent
from .test_accessibility import faults

pytestmark = pytest.mark.slow


async def asked_about(panel: Panel, agent: Program) -> Locator:
    """A new chat that a report began; answers the bar above the words."""
    file = await sent(agent, hot_tower())
    report = await report_of(panel, file["id"])
    await report.get_by_role("button", name="Ask about this file").click()
    bar = panel.page.get_by_test_id("evidence-bar")
    await expect(bar).to_contain_text(f"With {NAME}")
    await expect(bar).to_contain_text("tokens")
    return bar


async def test_the_fixes_of_the_checks_become_a_preset_of_the_lines_that_were_picked(
    panel: Panel, agent: Program, tmp_path: Path
) -> None:
    file = await sent(agent, hot_tower())
    report = await report_of(panel, file["id"])
    await report.get_by_test_id("advice-from-checks").click()
    advice = report.get_by_test_id("advice")
    lines = advice.get_by_test_id("advice-line")
    nozzle = advice.locator("[data-key=nozzle_temperature]")
    await expect(nozzle).to_contain_text("285 °C → 230 °C")
    await expect(nozzle.get_by_role("checkbox")).to_be_checked()

    for line in await lines.all():
        if await line.get_attribute("data-key") != "nozzle_temperature":
            await line.get_by_role("checkbox").uncheck()
            await expect(line.get_by_role("checkbox")).not_to_be_checked()
            await expect(line.get_by_role("checkbox")).to_be_enabled()
    button = advice.get_by_test_id("advice-download")
    await expect(button).to_have_count(1)
    async with panel.page.expect_download() as began:
        await button.click()
    saved = tmp_path / "preset.json"
    await (await began.value).save_as(saved)

    preset = json.loads(saved.read_text("utf-8"))
    assert (preset["type"], preset["inherits"]) == ("filament", "Generic PLA @System")
    assert preset["nozzle_temperature"] == ["230"]
    assert "nozzle_temperature_initial_layer" not in preset
    await expect(advice.get_by_role("listitem").filter(has_text="Import Configs")).to_be_visible()
    await advice.get_by_role("button", name="Better").click()
    await expect(advice.locator("[aria-pressed=true]")).to_have_text("Better")
    (kept,) = (await agent.get("/slicer/advice"))["items"]
    assert kept["outcome"]["result"] == "better"


async def test_a_piece_that_is_switched_off_is_not_sent_and_the_rest_can_be_read(
    panel: Panel, agent: Program, fake: FakeOllama
) -> None:
    await asked_about(panel, agent)
    await panel.page.get_by_test_id("evidence-open").click()
    await panel.page.locator("[data-testid=piece][data-kind=findings] input").uncheck()

    await panel.ask_and_hear("What would you change?")

    evidence = panel.answer.get_by_role("group", name="Evidence sent:")
    await expect(evidence).to_contain_text(f"The file {NAME}")
    await expect(evidence).not_to_contain_text("What the checks found")
    asked = json.dumps([one.body for one in fake.requests if one.path == "/api/chat"])
    assert NAME in asked
    assert "Hotter than the filament takes" not in asked
    await evidence.get_by_test_id("what-was-sent").click()
    shown = panel.page.get_by_test_id("sent")
    await expect(shown.get_by_text(f"The file {NAME}")).to_be_visible()
    await expect(shown).not_to_contain_text("What the checks found")
    await panel.page.keyboard.press("Escape")
    await expect(panel.page.get_by_test_id("evidence-bar")).to_contain_text(f"With {NAME}")


async def test_evidence_that_is_taken_off_stays_off(
    panel: Panel, agent: Program, fake: FakeOllama
) -> None:
    bar = await asked_about(panel, agent)

    await bar.get_by_role("button", name="Send nothing of").click()
    await expect(bar).to_have_count(0)
    await panel.ask_and_hear("Why does it string?")

    assert NAME not in json.dumps([one.body for one in fake.requests if one.path == "/api/chat"])
    (question, _answer) = await panel.kept()
    assert not (question["context"] or {}).get("file_id")


async def test_what_was_switched_off_is_still_off_after_a_reload(
    panel: Panel, agent: Program
) -> None:
    await asked_about(panel, agent)
    await panel.page.get_by_test_id("evidence-open").click()
    box = panel.page.locator("[data-testid=piece][data-kind=settings] input")
    await box.uncheck()

    await panel.page.reload()

    await panel.page.get_by_test_id("evidence-open").click()
    await expect(box).not_to_be_checked()


@pytest.mark.parametrize("width", [320, 1280])
async def test_the_evidence_is_sound(agent: Program, new_panel: NewPanel, width: int) -> None:
    panel = await new_panel(
        agent, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    )
    await panel.sign_in()
    await asked_about(panel, agent)
    await panel.page.get_by_test_id("evidence-open").click()
    await expect(panel.page.get_by_test_id("piece").first).to_be_visible()
    await panel.fits()
    await panel.ask_and_hear("Why?")
    await panel.answer.get_by_test_id("what-was-sent").click()
    await expect(panel.page.get_by_test_id("sent")).to_be_visible()
    await panel.page.get_by_test_id("sent").locator("summary").first.click()

    await panel.fits()
    assert await faults(panel) == []


async def test_without_a_model_the_fixes_of_the_checks_are_offered_in_the_answer(
    guide_agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(guide_agent)
    await panel.sign_in()
    await asked_about(panel, guide_agent)

    await panel.ask_and_hear("What would you change?")

    tool = panel.answer.locator("[data-testid=tool][data-name=propose_changes]")
    await expect(tool).to_contain_text("Proposed changes, which were checked")
    await expect(tool.locator("[data-key=nozzle_temperature]")).to_contain_text("285 °C → 230 °C")
    await expect(tool.get_by_test_id("advice-download").first).to_be_visible()
    assert await faults(panel) == []
    await panel.page.reload()
    await expect(tool.locator("[data-key=nozzle_temperature]")).to_be_visible()
