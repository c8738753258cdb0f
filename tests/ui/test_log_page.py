"""Log and report: what the agent writes, as it comes, and what may be given away."""

import pytest
from playwright.async_api import expect

from .conftest import NewPanel
from .pages import is_sound, opened, sign_in_with
from .panel import Panel
from .program import Program

SECRET_WORDS = "Zirbenholzspäne im Getriebe"


@pytest.mark.slow
async def test_a_line_shows_as_soon_as_it_is_written(panel: Panel, agent: Program) -> None:
    page = await opened(panel, "log")
    await page.get_by_test_id("log-search").fill("/api/v1/conversations")
    await page.get_by_test_id("log-requests").check()

    await agent.post("/conversations", {"title": "Stringing"})

    line = page.get_by_test_id("log-line").filter(has_text="/api/v1/conversations")
    await expect(line.first).to_contain_text("status 201")


@pytest.mark.slow
async def test_levels_and_words_narrow_the_log(panel: Panel, agent: Program) -> None:
    async with agent.client() as client:
        client.headers["Authorization"] = "Bearer nonsense"
        assert (await client.get("/models")).status_code == 401
    page = await opened(panel, "log")
    lines = page.get_by_test_id("log-line")
    await expect(lines.first).to_be_visible()

    await page.get_by_test_id("log-level").select_option("error")
    await expect(page.locator("[data-testid=log-line][data-level=info]")).to_have_count(0)
    await page.get_by_test_id("log-level").select_option("debug")
    await page.get_by_test_id("log-search").fill("no line has these words")

    await expect(page.get_by_test_id("log-empty")).to_be_visible()


@pytest.mark.slow
async def test_the_report_is_read_before_it_is_copied_and_tells_of_no_conversation(
    panel: Panel, agent: Program
) -> None:
    await panel.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await agent.post("/conversations", {"title": SECRET_WORDS})
    page = await opened(panel, "log")

    await page.get_by_test_id("support-report").click()
    text = panel.page.get_by_test_id("report-text")
    await expect(text).to_contain_text("report for support")
    await is_sound(panel)
    await panel.page.get_by_test_id("copy-report").click()

    await expect(panel.page.get_by_test_id("report")).to_contain_text("Copied")
    copied = await panel.page.evaluate("navigator.clipboard.readText()")
    assert copied == await text.text_content()
    assert "Zirbenholz" not in copied


@pytest.mark.slow
async def test_the_lines_shown_are_copied_as_a_log_reads(panel: Panel) -> None:
    await panel.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = await opened(panel, "log")
    await page.get_by_test_id("log-live").uncheck()
    shown = await page.get_by_test_id("log-line").count()

    await page.get_by_test_id("copy-log").click()

    await expect(panel.toast).to_contain_text("copied")
    copied = (await panel.page.evaluate("navigator.clipboard.readText()")).splitlines()
    assert len(copied) >= shown
    assert copied[0][:20] <= copied[-1][:20]


@pytest.mark.slow
async def test_who_may_only_chat_reads_no_log(agent: Program, new_panel: NewPanel) -> None:
    panel = await new_panel(agent)
    await sign_in_with(panel, "chat")

    page = await opened(panel, "log")

    await expect(page.get_by_test_id("not-allowed")).to_contain_text("scope admin")


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 1280])
async def test_the_log_is_sound(agent: Program, new_panel: NewPanel, width: int) -> None:
    panel = await new_panel(agent, viewport={"width": width, "height": 800})
    await panel.sign_in()
    page = await opened(panel, "log")
    await page.get_by_test_id("log-requests").check()
    await expect(page.get_by_test_id("log-line").first).to_be_visible()

    await is_sound(panel)
