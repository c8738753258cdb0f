"""Settings: what can be set, where each value comes from, and what a restart puts in force."""

from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from tests.fakes.ollama import FakeOllama

from .conftest import NewPanel, NewProgram
from .pages import is_sound, opened, sign_in_with
from .panel import Panel
from .program import NOBODY, Program

pytestmark = pytest.mark.timeout(120)  # some start a program twice

PATIENCE_MS = 60_000


def group(page: Locator, name: str) -> Locator:
    return page.locator(f"[data-testid=settings-group][data-group={name}]")


async def unfolded(page: Locator, name: str) -> Locator:
    """The group, open."""
    found = group(page, name)
    if await found.get_attribute("open") is None:
        await found.locator("summary").click()
    await expect(found).to_have_attribute("open", "")
    return found


def setting(page: Locator, name: str) -> Locator:
    return page.locator(f"[data-testid=setting][data-name={name}]")


async def typed(field: Locator, text: str) -> None:
    """As somebody types it, leaving with Enter."""
    box = field.get_by_role("textbox")
    await box.fill(text)
    await box.press("Enter")


def may_be_away(panel: Panel) -> None:
    """While the agent starts again, the page's questions go unanswered."""
    panel.watch.allow_lost_connections()
    panel.watch.allow("status of 503")


async def test_what_the_environment_fixes_is_shown_with_the_reason(panel: Panel) -> None:
    page = await opened(panel, "settings")

    await unfolded(page, "network")

    port = setting(page, "port")
    await expect(port.get_by_role("textbox")).to_be_disabled()
    await expect(port.get_by_role("textbox")).to_have_value(str(panel.agent.port))
    await expect(port.get_by_test_id("setting-fixed")).to_contain_text("ORCA_AGENT_PORT")
    await expect(port.get_by_test_id("setting-default")).to_have_count(0)


@pytest.mark.slow
async def test_a_change_waits_for_a_restart_and_counts_after_it(
    new_program: NewProgram, new_panel: NewPanel
) -> None:
    agent = await new_program(NOBODY)
    panel = await new_panel(agent)
    await panel.sign_in()
    may_be_away(panel)
    page = await opened(panel, "settings")
    await unfolded(page, "answers")
    field = setting(page, "waiting_chats")
    before = await field.get_by_role("textbox").input_value()

    await typed(field, "7")
    await expect(field.get_by_test_id("setting-pending")).to_contain_text(f"Until then: {before}")
    await page.get_by_test_id("restart-now").click()

    await expect(page.get_by_test_id("restart-now")).to_have_count(0, timeout=PATIENCE_MS)
    await expect(field.get_by_test_id("setting-pending")).to_have_count(0, timeout=PATIENCE_MS)
    await expect(field.get_by_role("textbox")).to_have_value("7")
    await expect(panel.state).to_contain_text("guide", ignore_case=True)
    known = (await agent.get("/settings"))["items"]
    assert [one["value"] for one in known if one["name"] == "waiting_chats"] == [7]
    assert (agent.data_dir / "agent.toml").read_text("utf-8") == "waiting_chats = 7\n"


@pytest.mark.slow
async def test_a_change_is_taken_back_and_the_default_comes_back(
    new_program: NewProgram, new_panel: NewPanel
) -> None:
    agent = await new_program(NOBODY)
    panel = await new_panel(agent)
    await panel.sign_in()
    page = await opened(panel, "settings")
    await unfolded(page, "images")
    field = setting(page, "image_cache_mb")
    before = await field.get_by_role("textbox").input_value()

    await typed(field, "64")
    await expect(page.get_by_test_id("restart-now")).to_be_visible()
    await panel.page.get_by_test_id("undo").click()
    await expect(field.get_by_role("textbox")).to_have_value(before)
    await expect(page.get_by_test_id("restart-now")).to_have_count(0)

    await typed(field, "65")
    await field.get_by_test_id("setting-default").click()
    await expect(field.get_by_role("textbox")).to_have_value(before)
    await expect(field.get_by_test_id("setting-default")).to_have_count(0)
    assert (agent.data_dir / "agent.toml").read_text("utf-8") == ""


@pytest.mark.slow
async def test_what_cannot_be_taken_is_said_at_the_field_and_changes_nothing(
    panel: Panel, agent: Program
) -> None:
    page = await opened(panel, "settings")
    await unfolded(page, "answers")
    await unfolded(page, "models")
    count, text = setting(page, "waiting_chats"), setting(page, "keep_alive")
    panel.watch.allow("status of 422")

    await typed(count, "-3")
    await expect(count.get_by_test_id("setting-problem")).to_contain_text("from 0 to")
    await typed(count, "several")
    await expect(count.get_by_test_id("setting-problem")).to_contain_text("whole number")
    await typed(text, "a while")
    await expect(text.get_by_test_id("setting-problem")).to_contain_text("It must be")

    await text.get_by_role("textbox").press("Escape")
    await expect(text.get_by_test_id("setting-problem")).to_have_count(0)
    assert not (await agent.get("/settings"))["restart_needed"]


@pytest.mark.slow
async def test_a_search_finds_settings_by_any_of_their_words(panel: Panel) -> None:
    page = await opened(panel, "settings")

    await page.get_by_test_id("settings-search").fill("megabytes answers")

    await expect(page.get_by_test_id("setting")).to_have_count(1)
    await expect(setting(page, "answer_cache_mb")).to_be_visible()
    await page.get_by_test_id("settings-search").fill("no such thing")
    await expect(page.get_by_test_id("nothing-found")).to_be_visible()
    await page.get_by_test_id("settings-search").fill("")
    await page.get_by_test_id("only-changed").check()
    await expect(setting(page, "port")).to_be_visible()
    await expect(setting(page, "keep_alive")).to_have_count(0)


@pytest.mark.slow
async def test_a_restart_waits_until_nothing_runs(
    new_program: NewProgram, new_panel: NewPanel, fake: FakeOllama
) -> None:
    agent = await new_program(fake.url)
    panel = await new_panel(agent)
    await panel.sign_in()
    may_be_away(panel)
    fake.misbehave(path="/api/chat", times=1, delay=60)
    await panel.ask("Why does PETG string?")
    conversation = await panel.conversation_id()
    page = await opened(panel, "settings")
    await unfolded(page, "desktop")
    await setting(page, "notify_pulls").get_by_role("switch").click()

    await page.get_by_test_id("restart-idle").click()
    await expect(page.get_by_test_id("restart-bar")).to_contain_text("once 1 running task")
    async with agent.client() as client:
        live = (await client.get("/runs", params={"state": "running"})).json()["items"]
        for run in live:
            await client.post(f"/runs/{run['id']}/cancel")

    await expect(page.get_by_test_id("restart-bar")).to_have_text("", timeout=PATIENCE_MS)
    await expect(setting(page, "notify_pulls").get_by_role("switch")).not_to_be_checked()
    assert [one["status"] for one in await agent.messages(conversation)] == ["complete", "stopped"]


@pytest.mark.slow
async def test_an_administrators_file_is_named_and_cannot_be_overruled(
    new_program: NewProgram, new_panel: NewPanel, tmp_path: Path
) -> None:
    managed = tmp_path / "managed.toml"
    managed.write_text('log_level = "warning"\n', "utf-8")
    panel = await new_panel(await new_program(NOBODY, managed_file=managed))
    await panel.sign_in()

    page = await opened(panel, "settings")

    await expect(page.get_by_test_id("managed")).to_contain_text(str(managed))
    await unfolded(page, "log")
    await expect(setting(page, "log_level").get_by_role("combobox")).to_be_disabled()
    await expect(setting(page, "log_level")).to_contain_text("Fixed for this computer by")


@pytest.mark.slow
async def test_the_plugin_is_put_where_the_slicer_looks_and_taken_away(
    new_program: NewProgram, new_panel: NewPanel, tmp_path: Path
) -> None:
    folder = tmp_path / "OrcaSlicer"
    (folder / "system").mkdir(parents=True)
    (folder / "OrcaSlicer.conf").write_text("{}", "utf-8")
    panel = await new_panel(await new_program(NOBODY, slicer_data_dirs=folder))
    await panel.sign_in()
    page = await opened(panel, "settings")
    await unfolded(page, "plugin")
    here = page.get_by_test_id("plugin-folder")
    await expect(here).to_contain_text(str(folder))

    await here.get_by_role("button", name="Install").click()
    await expect(here).to_have_attribute("data-state", "current")
    files = [one.name for one in folder.rglob("orca_agents.py")]
    await here.get_by_role("button", name="Remove").click()

    await expect(here).to_have_attribute("data-state", "absent")
    assert (files, list(folder.rglob("orca_agents.py"))) == (["orca_agents.py"], [])


@pytest.mark.slow
async def test_a_program_loses_its_way_in_after_a_question(panel: Panel, agent: Program) -> None:
    made = await agent.post("/tokens", {"name": "A script", "scopes": ["chat"]})
    page = await opened(panel, "settings/access")
    row = page.get_by_test_id("token").filter(has_text="A script")
    await expect(page.get_by_test_id("secrets-in")).to_contain_text("kept here")

    await row.get_by_role("button", name="Take away the access of A script").click()
    await panel.page.get_by_test_id("revoke-confirm").click()

    await expect(row).to_have_count(0)
    assert made["id"] not in [one["id"] for one in (await agent.get("/tokens"))["items"]]


@pytest.mark.slow
async def test_who_may_only_chat_sees_no_settings(agent: Program, new_panel: NewPanel) -> None:
    panel = await new_panel(agent)
    await sign_in_with(panel, "chat")

    page = await opened(panel, "settings")

    await expect(page.get_by_test_id("not-allowed")).to_contain_text("scope admin")


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 1280])
async def test_all_settings_are_sound(agent: Program, new_panel: NewPanel, width: int) -> None:
    panel = await new_panel(agent, viewport={"width": width, "height": 800})
    await panel.sign_in()
    page = await opened(panel, "settings")

    for found in await page.get_by_test_id("settings-group").all():
        await unfolded(page, str(await found.get_attribute("data-group")))
    await expect(page.get_by_test_id("autostart").get_by_role("switch")).to_be_attached()
    await expect(page.get_by_test_id("updates")).to_contain_text("runs here")
    await expect(page.get_by_test_id("token").first).to_be_visible()

    await is_sound(panel)
