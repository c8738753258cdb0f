"""Diagnosis: a photo for a model that sees, questions with pictures for everybody."""

import json

import pytest
from playwright.async_api import FilePayload, expect

from tests.fakes.ollama import FakeOllama

from .conftest import SEEING, NewPanel
from .pages import is_sound, opened
from .panel import Panel
from .program import Program
from .test_images import picture

pytestmark = pytest.mark.slow

PHOTO = FilePayload(name="print.png", mimeType="image/png", buffer=picture())
SEEN = {
    "seen": "Thin threads between two pillars.",
    "defect": "stringing",
    "confidence": 0.8,
    "causes": [{"cause": "The filament is wet", "why": "The threads have bubbles."}],
    "first_steps": ["Dry the spool."],
}


async def test_questions_lead_to_defects_of_the_guide_by_keyboard(panel: Panel) -> None:
    page = await opened(panel, "diagnosis")
    questions = page.get_by_test_id("questionnaire")
    answer = questions.get_by_test_id("answer")
    drawn = "one => one.decode().then(() => one.naturalWidth)"
    assert await answer.first.locator("img").evaluate(drawn) > 0

    await answer.filter(has_text="At the bed").press("Enter")
    await expect(questions.get_by_role("heading", level=3)).to_be_focused()
    await answer.filter(has_text="Corners rise").press("Enter")

    defect = questions.get_by_test_id("defect").first
    await expect(defect).to_contain_text("Warping")
    await expect(defect).to_contain_text("probable")
    await defect.get_by_role("button", name="In the print guide").click()
    await expect(panel.page.get_by_test_id("guide-passage")).to_contain_text("Warping")
    await panel.page.keyboard.press("Escape")
    await questions.get_by_role("button", name="Back").click()
    await expect(answer.filter(has_text="Corners rise")).to_be_visible()


async def test_a_model_that_sees_says_what_it_sees_and_how_sure_it_is(
    panel: Panel, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text=json.dumps(SEEN))
    page = await opened(panel, "diagnosis")
    await page.get_by_test_id("photo-file").set_input_files(PHOTO)

    await page.get_by_test_id("diagnose").click()

    told = page.get_by_test_id("diagnosis")
    await expect(told).to_have_attribute("data-provider", "model")
    await expect(told).to_contain_text(f"{SEEING} says, and may be wrong")
    await expect(told).to_contain_text("Stringing")
    await expect(told).to_contain_text("sure to 80%")
    await expect(told).to_contain_text("Dry the spool.")


async def test_a_model_that_takes_too_long_is_not_waited_for(
    panel: Panel, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", delay=20)
    page = await opened(panel, "diagnosis")
    await page.get_by_test_id("photo-file").set_input_files(PHOTO)
    await page.get_by_test_id("diagnose").click()
    await expect(page.get_by_test_id("progress")).to_contain_text("The model looks at the photo")

    await page.get_by_role("button", name="Cancel").click()

    await expect(page.get_by_test_id("progress")).to_have_count(0)
    await expect(page.get_by_test_id("diagnose")).to_be_enabled()
    fake.behave_well()


async def test_without_a_model_a_photo_leads_to_the_questions(
    guide_agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(guide_agent)
    await panel.sign_in()
    page = await opened(panel, "diagnosis")
    await expect(page.get_by_test_id("no-sight")).to_contain_text("No model here sees pictures")
    await page.get_by_test_id("photo-file").set_input_files(PHOTO)
    await page.get_by_test_id("diagnose").click()

    told = page.get_by_test_id("diagnosis")
    await expect(told).to_have_attribute("data-provider", "questionnaire")
    await told.get_by_role("link", name="Answer a few questions").click()

    await expect(page.get_by_role("heading", name="By questions")).to_be_focused()


@pytest.mark.parametrize("width", [320, 1280])
async def test_the_page_is_sound(agent: Program, new_panel: NewPanel, width: int) -> None:
    panel = await new_panel(agent, viewport={"width": width, "height": 800})
    await panel.sign_in()
    page = await opened(panel, "diagnosis")
    await page.get_by_test_id("photo-file").set_input_files(PHOTO)
    await is_sound(panel)

    answer = page.get_by_test_id("answer")
    await answer.filter(has_text="At the bed").click()
    await answer.filter(has_text="Corners rise").click()
    await expect(page.get_by_test_id("defect").first).to_be_visible()

    await is_sound(panel)
