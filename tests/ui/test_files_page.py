"""Files and their reports: dropped, checked, read move by move, searched, thrown away."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.slicing.threemf import members, write_3mf

from .conftest import NewPanel, needs
from .pages import is_sound, opened, sign_in_with
from .panel import Panel
from .program import Program
from .sliced import NAME, drop, good_tower, hot_tower, reading_held, report_of, sent

SLOWLY = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 50_000}


async def test_a_file_dropped_anywhere_is_checked_and_its_report_opens(panel: Panel) -> None:
    await panel.page.get_by_role("link", name="Files").click()
    await expect(panel.page.get_by_test_id("no-files")).to_contain_text("No file has come yet")

    await drop(panel, hot_tower())

    report = panel.page.get_by_test_id("report")
    await expect(panel.page.get_by_role("heading", level=1)).to_have_text(NAME)
    await expect(report.get_by_test_id("facts")).to_contain_text("1 h 2 min")
    finding = report.get_by_test_id("finding").first
    await expect(finding.locator("[data-severity=blocking]")).to_have_text("Blocking")
    await expect(finding.get_by_test_id("evidence")).to_contain_text("Nozzle temperature")
    await expect(finding.get_by_test_id("evidence")).to_contain_text("285 °C")
    await expect(panel.page.get_by_test_id("upload")).to_have_count(0)


@pytest.mark.slow
async def test_in_the_chat_a_dropped_file_is_checked_and_offers_its_report(panel: Panel) -> None:
    await drop(panel, hot_tower())

    upload = panel.page.get_by_test_id("upload")
    await expect(upload).to_contain_text("1 blocking")
    await expect(panel.toast).to_have_count(0)
    await upload.get_by_role("link", name="Open the report").click()

    await expect(panel.page.get_by_role("heading", level=1)).to_have_text(NAME)
    await expect(upload).to_have_count(0)


@pytest.mark.slow
async def test_an_upload_tells_how_far_it_is_and_is_cancelled(panel: Panel, agent: Program) -> None:
    panel.watch.allow_lost_connections()
    await opened(panel, "files")
    network = await panel.page.context.new_cdp_session(panel.page)
    await network.send("Network.emulateNetworkConditions", SLOWLY)
    await drop(panel, hot_tower(layers=3000), "large.gcode")
    upload = panel.page.get_by_test_id("upload")
    await expect(upload).to_contain_text("Sending large.gcode · ")
    await expect(upload.get_by_role("progressbar")).to_be_visible()

    await upload.get_by_role("button", name="Cancel").click()

    await expect(upload).to_have_count(0)
    assert (await agent.get("/slicer/files"))["items"] == []


@pytest.mark.slow
async def test_what_is_no_print_is_refused_in_words(panel: Panel) -> None:
    panel.watch.allow(r"status of 4\d\d")
    await opened(panel, "files")

    await drop(panel, b"\x00\x01" * 500, "broken.gcode")

    upload = panel.page.get_by_test_id("upload")
    await expect(upload).to_have_attribute("data-state", "failed")
    await expect(upload.get_by_role("alert")).to_contain_text("broken.gcode was not taken.")
    await upload.get_by_role("button", name="Take broken.gcode off").click()
    await expect(upload).to_have_count(0)


@pytest.mark.slow
async def test_files_are_chosen_listed_and_thrown_away(
    panel: Panel, agent: Program, tmp_path: Path
) -> None:
    await sent(agent, good_tower(), "good.gcode")
    page = await opened(panel, "files")
    both = [tmp_path / "a.gcode", tmp_path / "b.gcode"]
    for file in both:
        file.write_bytes(hot_tower())
    await page.get_by_test_id("sliced-file").set_input_files(both)

    rows = page.get_by_test_id("file")
    await expect(rows).to_have_count(3)
    await expect(rows.last).to_contain_text("good.gcode")
    await expect(rows.first.locator("[data-severity=blocking]")).to_contain_text("1 blocking")
    await rows.last.get_by_role("link").click()
    await page.get_by_role("img", name="good.gcode").first.evaluate("one => one.decode()")
    await page.get_by_role("button", name="Delete").click()

    await expect(panel.toast).to_contain_text("Deleted good.gcode")
    await expect(rows).to_have_count(2)


@pytest.mark.slow
async def test_settings_are_found_by_the_name_that_the_slicer_shows(
    panel: Panel, agent: Program
) -> None:
    file = await sent(agent, hot_tower())
    report = await report_of(panel, file["id"])
    rows = report.get_by_test_id("settings").locator("tbody tr")
    await expect(rows).to_have_count(12)

    await report.get_by_test_id("setting-search").fill("max volumetric")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("filament_max_volumetric_speed")
    await expect(rows).to_contain_text("12 mm³/s")
    await report.get_by_test_id("setting-search").fill("")
    await report.get_by_label("only what differs").check()

    await expect(rows.filter(has_text="changed")).to_have_count(await rows.count())


@pytest.mark.slow
async def test_findings_are_hidden_and_shown_by_severity(panel: Panel, agent: Program) -> None:
    file = await sent(agent, hot_tower())
    report = await report_of(panel, file["id"])
    findings = report.get_by_test_id("finding")
    before = await findings.count()

    await report.get_by_role("button", name="blocking").click()
    await expect(findings.locator("[data-severity=blocking]")).to_have_count(0)
    await report.get_by_role("button", name="blocking").click()

    await expect(findings).to_have_count(before)


@pytest.mark.slow
async def test_every_move_is_read_and_the_layers_are_walked_by_keyboard(
    panel: Panel, agent: Program
) -> None:
    file = await sent(agent, hot_tower())
    report = await report_of(panel, file["id"])

    await report.get_by_test_id("analyse").click()

    plots = report.get_by_test_id("layer-plot")
    await expect(plots.first).to_be_visible()
    names = await plots.evaluate_all("all => all.map((one) => one.dataset.plot)")
    assert names[:3] == ["flow", "time", "temperature"]
    await expect(plots.first.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("Volumetric flow by height: at most .+mm³/s")
    )
    layer = report.get_by_test_id("layer")
    await layer.focus()
    await panel.page.keyboard.press("ArrowRight")
    await expect(layer).to_have_attribute("aria-valuetext", re.compile(r"^Layer 2 of 30, 0.4\smm$"))
    await expect(report.get_by_test_id("features")).to_contain_text("Outer wall")


@pytest.mark.slow
async def test_who_may_not_see_files_is_told_how_to_get_there(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent)
    await sign_in_with(panel, "chat")

    page = await opened(panel, "files")

    await expect(page.get_by_test_id("not-allowed")).to_contain_text("scope slicer")


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 1280])
async def test_list_and_report_are_sound(agent: Program, new_panel: NewPanel, width: int) -> None:
    file = await sent(agent, hot_tower(), f"{'a_very_long_name' * 8}.gcode")
    panel = await new_panel(
        agent, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    )
    await panel.sign_in()
    await opened(panel, "files")
    await is_sound(panel)

    report = await report_of(panel, file["id"])
    await report.get_by_test_id("advice-from-checks").click()
    await expect(report.get_by_test_id("advice")).to_be_visible()

    await is_sound(panel)


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 1280])
async def test_plots_and_tables_of_the_moves_are_sound(
    agent: Program, new_panel: NewPanel, width: int
) -> None:
    file = await sent(agent, hot_tower())
    panel = await new_panel(agent, viewport={"width": width, "height": 800})
    await panel.sign_in()
    report = await report_of(panel, file["id"])
    await report.get_by_test_id("analyse").click()
    await expect(report.get_by_test_id("layer-plot").first).to_be_visible()

    await is_sound(panel)


@pytest.mark.slow
async def test_an_analysis_is_cancelled(panel: Panel, agent: Program) -> None:
    file = await sent(agent, hot_tower(layers=60_000), "long.gcode")
    report = await report_of(panel, file["id"])
    await report.get_by_test_id("analyse").click()
    await reading_held(agent)

    await report.get_by_role("button", name="Cancel: Reading every move").click()

    await expect(report.get_by_text("Cancelled.", exact=True)).to_be_visible()
    await expect(report.get_by_test_id("analyse")).to_be_visible()


@pytest.mark.slow
async def test_an_analysis_that_others_began_is_watched(panel: Panel, agent: Program) -> None:
    file = await sent(agent, hot_tower(layers=30_000), "long.gcode")
    await agent.post(f"/slicer/files/{file['id']}/analysis", {})

    report = await report_of(panel, file["id"])

    await expect(report.get_by_test_id("layer-plot").first).to_be_visible(timeout=20_000)


@pytest.mark.slow
async def test_a_project_shows_its_plates_and_is_sliced_in_other_ways(
    panel: Panel, agent: Program, tmp_path: Path
) -> None:
    needs(shutil.which("prusa-slicer"), "There is no PrusaSlicer.")
    project = write_3mf(tmp_path / "lamp.3mf", members())
    file = await sent(agent, project.read_bytes(), "lamp.3mf")
    report = await report_of(panel, file["id"])
    await expect(report.get_by_test_id("plate")).to_have_count(2)
    picture = report.get_by_test_id("plate").nth(1).get_by_role("img")
    drawn = "one => one.decode().then(() => one.naturalWidth)"
    assert await picture.evaluate(drawn) > 0

    await report.get_by_label("faster").uncheck()
    await report.get_by_test_id("slice").click()

    table = report.get_by_test_id("variant-table")
    await expect(table).to_be_visible(timeout=25_000)
    rows = table.get_by_test_id("variant")
    assert await rows.evaluate_all("all => all.map((one) => one.dataset.name)") == [
        *("as it is", "stronger")
    ]
    await expect(rows.last.locator("td").first).to_contain_text("+")
    shown = await rows.evaluate_all(
        "all => all.map((one) => one.querySelector('[data-label=Findings]').innerText.trim())"
    )
    assert all(shown), "a cell of findings is empty"
    await panel.page.set_viewport_size({"width": 320, "height": 800})
    await expect(rows.last.locator("[data-label=Weight]")).to_be_visible()
    fits = "one => one.parentElement.scrollWidth <= one.parentElement.clientWidth"
    await panel.page.wait_for_function(fits, arg=await table.element_handle())
    await is_sound(panel)
    await rows.last.get_by_role("link").click()
    await expect(panel.page.get_by_role("heading", level=1)).to_contain_text("stronger")
