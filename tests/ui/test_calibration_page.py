"""Calibrations: from what was measured to a preset, step by step."""

import json
from pathlib import Path

import pytest
from playwright.async_api import expect

from .conftest import NewPanel
from .pages import is_sound, opened
from .panel import Panel
from .program import Program

pytestmark = pytest.mark.slow
WRITE_AND_LEAVE = """() => {
  const field = document.querySelector("[data-testid=pick-preset]");
  field.value = "Generic";
  field.dispatchEvent(new Event("input", { bubbles: true }));
  document.querySelector("[data-page] a[href='#/calibration']").click();
}"""


async def test_a_tower_becomes_a_temperature_and_a_preset(panel: Panel, tmp_path: Path) -> None:
    page = await opened(panel, "calibration")
    await page.get_by_role("link", name="Temperature tower").click()
    await expect(page.get_by_test_id("calibration-form")).to_be_visible()
    await page.get_by_label("Height of the best place").fill("34")
    await page.get_by_test_id("pick-preset").fill("Generic PETG @System")

    await page.get_by_test_id("compute").click()

    result = page.get_by_test_id("calibrated")
    await expect(result.locator("dd").first).to_have_text("215 °C")
    await expect(result).to_contain_text("floor(34 / 10) = 3")
    await expect(result.get_by_test_id("parent-warning")).to_contain_text("not installed")
    async with panel.page.expect_download() as began:
        await result.get_by_test_id("calibrated-download").click()
    saved = tmp_path / "preset.json"
    await (await began.value).save_as(saved)
    preset = json.loads(saved.read_text("utf-8"))
    assert (preset["inherits"], preset["nozzle_temperature"]) == ("Generic PETG @System", ["215"])
    await result.get_by_role("link", name="Next: Max volumetric speed").click()
    await expect(panel.page.get_by_role("heading", level=1)).to_have_text("Max volumetric speed")


async def test_a_form_that_is_left_looks_for_no_preset_any_more(panel: Panel) -> None:
    page = await opened(panel, "calibration/temperature")
    await expect(page.get_by_test_id("pick-preset")).to_be_visible()
    asked: list[str] = []
    panel.page.on("request", lambda request: asked.append(request.url))

    await panel.page.evaluate(WRITE_AND_LEAVE)

    await expect(page.get_by_test_id("calibration-group").first).to_be_visible()
    await panel.page.wait_for_timeout(400)  # longer than it waits for the next letter
    assert [url for url in asked if "/presets" in url] == []


async def test_what_cannot_be_is_told_at_its_field(panel: Panel) -> None:
    panel.watch.allow("status of 422")
    page = await opened(panel, "calibration/temperature")
    await page.get_by_label("Start (bottom)").fill("180")
    await page.get_by_label("End (top)").fill("230")
    await page.get_by_label("Height of the best place").fill("34")

    await page.get_by_test_id("compute").click()

    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_test_id("calibrated")).to_have_count(0)


async def test_tests_that_find_the_same_stand_together(panel: Panel) -> None:
    page = await opened(panel, "calibration")

    groups = page.get_by_test_id("calibration-group").filter(has_text="one of these")
    await expect(groups.get_by_role("heading", level=3)).to_have_text(
        ["3. Pressure advance: one of these", "4. Flow rate: one of these"]
    )
    inside = groups.nth(1).get_by_test_id("calibration")
    assert await inside.evaluate_all("all => all.map((one) => one.dataset.id)") == [
        *("flow-pass-1", "flow-pass-2", "flow-yolo", "flow-yolo-fine")
    ]


async def test_every_test_has_a_form_that_opens(panel: Panel, agent: Program) -> None:
    for one in (await agent.get("/slicer/calibrations"))["items"]:
        page = await opened(panel, f"calibration/{one['id']}")
        await expect(panel.page.get_by_role("heading", level=1)).to_have_text(one["title"])
        await expect(page.get_by_test_id("compute")).to_be_visible()


@pytest.mark.parametrize("width", [320, 1280])
async def test_the_pages_are_sound(agent: Program, new_panel: NewPanel, width: int) -> None:
    panel = await new_panel(agent, viewport={"width": width, "height": 800})
    await panel.sign_in()
    await opened(panel, "calibration")
    await is_sound(panel)

    page = await opened(panel, "calibration/temperature")
    await page.get_by_label("Height of the best place").fill("34")
    await page.get_by_test_id("compute").click()
    await expect(page.get_by_test_id("calibrated")).to_be_visible()

    await is_sound(panel)
