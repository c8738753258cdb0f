"""Who may see the panel: links that work once, and codes that somebody confirms."""

import asyncio
import re
import sys

import pytest
from playwright.async_api import expect

from .conftest import NewPanel
from .panel import Panel
from .program import ROOT, Program

pytestmark = pytest.mark.slow


async def begin_pairing(panel: Panel, name: str) -> str:
    """Shows a code on a page that knows nothing; answers the code."""
    await panel.page.goto(f"{panel.agent.url}/ui")
    await panel.page.get_by_label("Name of this page").fill(name)
    await panel.page.get_by_role("button", name="Show a code").click()
    code = panel.page.get_by_test_id("pairing-code")
    await expect(code).to_have_text(re.compile(r"^\s*\d{3}\s*\d{3}\s*$"))
    return re.sub(r"\D", "", await code.inner_text())


async def test_a_page_that_nobody_let_in_shows_no_data_and_how_to_get_in(
    panel: Panel, agent: Program, new_panel: NewPanel
) -> None:
    await panel.ask_and_hear("A secret question")
    stranger = await new_panel(agent)

    await stranger.page.goto(f"{agent.url}/ui#/c/{await panel.conversation_id()}")

    page = stranger.page.get_by_test_id("sign-in")
    await expect(page.locator("code").first).to_have_text("orca-agent url")
    await expect(stranger.page.locator("body")).not_to_contain_text("A secret question")
    await expect(stranger.composer).to_have_count(0)


async def test_a_code_confirmed_elsewhere_signs_the_page_in(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent)
    code = await begin_pairing(panel, "Device tab")
    [waiting] = (await agent.get("/pairing"))["items"]

    await agent.post(f"/pairing/{waiting['id']}/confirm", {"code": code})

    await expect(panel.composer).to_be_visible()
    await expect(panel.state).to_contain_text("Ready")


async def test_a_code_is_confirmed_in_an_open_panel(
    panel: Panel, agent: Program, new_panel: NewPanel
) -> None:
    stranger = await new_panel(agent)
    code = await begin_pairing(stranger, "Workshop tablet")
    notice = panel.page.get_by_test_id("pairing-notice")
    await expect(notice).to_contain_text("“Workshop tablet” wants to sign in.", timeout=20_000)
    panel.watch.allow("status of 403")

    await notice.get_by_role("textbox").fill("000000" if code != "000000" else "111111")
    await notice.get_by_role("button", name="Let in").click()
    await expect(notice.get_by_role("alert")).not_to_be_empty()
    await notice.get_by_role("textbox").fill(f"{code[:3]} {code[3:]}")
    await notice.get_by_role("button", name="Let in").click()

    await expect(notice).to_have_count(0)
    await expect(stranger.composer).to_be_visible()


async def test_a_refused_page_is_told(panel: Panel, agent: Program, new_panel: NewPanel) -> None:
    stranger = await new_panel(agent)
    await begin_pairing(stranger, "Unknown")

    notice = panel.page.get_by_test_id("pairing-notice")
    await notice.get_by_role("button", name="Refuse").click(timeout=20_000)

    await expect(stranger.page.get_by_test_id("sign-in")).to_contain_text("The code was refused.")
    await expect(stranger.page.get_by_role("button", name="Show a code")).to_be_visible()


async def test_a_link_works_once(agent: Program, new_panel: NewPanel) -> None:
    link = await agent.link()
    first, second = await new_panel(agent), await new_panel(agent)
    second.watch.allow("status of 410")

    await first.page.goto(link)
    answer = await second.page.goto(link)

    await expect(first.composer).to_be_visible()
    assert answer is not None
    assert answer.status == 410
    await expect(second.page.locator("body")).to_contain_text("orca-agent url")
    assert await second.page.context.cookies() == []


async def test_the_session_is_kept_over_reloads_and_is_out_of_reach_of_scripts(
    panel: Panel,
) -> None:
    await panel.page.reload()

    await expect(panel.composer).to_be_visible()
    assert await panel.page.evaluate("document.cookie") == ""
    [cookie] = await panel.page.context.cookies()
    assert {name: cookie.get(name) for name in ("name", "httpOnly", "sameSite", "path")} == {
        "name": f"orca_agent_{panel.agent.port}",
        "httpOnly": True,
        "sameSite": "Strict",
        "path": "/",
    }


async def test_signing_out_leaves_nothing_on_the_page(panel: Panel) -> None:
    await panel.ask_and_hear("A secret question")

    await panel.menu("Sign out")

    await expect(panel.page.get_by_test_id("sign-in")).to_be_visible()
    await expect(panel.page.locator("body")).not_to_contain_text("A secret question")
    await panel.page.reload()
    await expect(panel.page.get_by_test_id("sign-in")).to_be_visible()


async def test_the_command_that_the_page_shows_prints_a_link_that_works(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent)
    await panel.page.goto(f"{agent.url}/ui")
    command = await panel.page.get_by_test_id("sign-in").locator("code").first.inner_text()
    assert command.split()[0] == "orca-agent"

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent", *command.split()[1:]),
        cwd=ROOT,
        env={"ORCA_AGENT_DATA_DIR": str(agent.data_dir), "HOME": str(agent.data_dir)},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()

    await panel.page.goto(printed.decode().split()[-1])
    await expect(panel.composer).to_be_visible()
