"""Storage: what takes space and goes, and backups from making one to going back to it."""

import io
import zipfile

import pytest
from playwright.async_api import Locator, expect

from .conftest import NewPanel, NewProgram
from .pages import is_sound, opened, sign_in_with
from .panel import Panel
from .program import NOBODY, Program

pytestmark = pytest.mark.timeout(120)  # some start a program twice

PATIENCE_MS = 60_000


async def made(page: Locator) -> Locator:
    """The backup that this makes, in the list."""
    count = await page.get_by_test_id("backup").count()
    await page.get_by_test_id("make").click()
    await expect(page.get_by_test_id("backup")).to_have_count(count + 1, timeout=PATIENCE_MS)
    return page.get_by_test_id("backup").first


@pytest.mark.slow
async def test_what_takes_space_is_named_with_its_size(panel: Panel, agent: Program) -> None:
    page = await opened(panel, "storage")

    await expect(page.get_by_test_id("disk")).to_contain_text("are free on this disk")
    known = (await agent.get("/storage"))["items"]
    await expect(page.get_by_test_id("space")).to_have_count(len(known))
    await expect(page).to_contain_text(str(agent.data_dir))


@pytest.mark.slow
async def test_cleaning_says_what_goes_and_what_was_freed(panel: Panel) -> None:
    page = await opened(panel, "storage")
    row = page.locator("[data-testid=space][data-name=database]")

    await row.get_by_role("button", name="Clean up: Database").click()
    dialog = panel.page.get_by_role("dialog", name="Clean up: Database?")
    await expect(dialog).to_contain_text("leaves the bin for good")
    await dialog.get_by_test_id("clean-confirm").click()

    await expect(panel.toast).to_contain_text("Database:")
    await expect(panel.toast).to_contain_text("freed")


@pytest.mark.slow
async def test_one_goes_back_to_a_backup_and_what_was_deleted_since_is_there_again(
    new_program: NewProgram, new_panel: NewPanel
) -> None:
    agent = await new_program(NOBODY)
    kept = (await agent.post("/conversations", {"title": "Bed levelling"}))["id"]
    panel = await new_panel(agent)
    await panel.sign_in()
    panel.watch.allow_lost_connections()
    panel.watch.allow("status of 503")
    # What is brought back knows nothing of the run that brings it back.
    panel.watch.allow(r"status of 404 .*/runs/[^/]+/events")
    page = await opened(panel, "storage")
    backup = await made(page)
    name = await backup.get_attribute("data-name")
    async with agent.client() as client:
        (await client.delete(f"/conversations/{kept}")).raise_for_status()

    await backup.get_by_role("button", name="Restore").click()
    dialog = panel.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("What is here now stays as a backup of its own")
    await dialog.get_by_test_id("backup-confirm").click()

    await expect(panel.toast.first).to_contain_text("The backup is restored", timeout=PATIENCE_MS)
    await expect(page.get_by_test_id("restoring")).to_have_count(0)
    titles = [one["title"] for one in (await agent.get("/conversations"))["items"]]
    await expect(page.get_by_test_id("backup")).to_have_count(2)
    names = [one["name"] for one in (await agent.get("/backups"))["items"]]
    assert (titles, name in names) == (["Bed levelling"], True)


@pytest.mark.slow
async def test_a_backup_is_fetched_deleted_and_brought_back_from_the_file(
    new_program: NewProgram, new_panel: NewPanel
) -> None:
    agent = await new_program(NOBODY)
    panel = await new_panel(agent)
    await panel.sign_in()
    page = await opened(panel, "storage")
    await expect(page.get_by_test_id("no-backups")).to_be_visible()
    backup = await made(page)
    name = str(await backup.get_attribute("data-name"))

    async with panel.page.expect_download() as coming:
        await backup.get_by_role("link", name=f"Download {name}").click()
    file = await (await coming.value).path()
    await backup.get_by_role("button", name=f"Delete {name}").click()
    await panel.page.get_by_test_id("backup-confirm").click()
    await expect(page.get_by_test_id("no-backups")).to_be_visible()
    await page.get_by_test_id("backup-file").set_input_files(file)

    await expect(page.get_by_test_id("backup")).to_have_count(1)
    assert "agent.db" in " ".join(zipfile.ZipFile(file).namelist())


@pytest.mark.slow
async def test_a_file_that_is_no_backup_is_refused_with_the_reason(
    panel: Panel, agent: Program
) -> None:
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("holiday.txt", "sun")
    page = await opened(panel, "storage")
    panel.watch.allow("status of 4")

    await page.get_by_test_id("backup-file").set_input_files(
        {"name": "holiday.zip", "mimeType": "application/zip", "buffer": other.getvalue()}
    )

    await expect(panel.toast).to_contain_text("Could not take holiday.zip")
    assert "holiday" not in str(await agent.get("/backups"))


@pytest.mark.slow
async def test_who_may_only_chat_sees_no_storage(agent: Program, new_panel: NewPanel) -> None:
    panel = await new_panel(agent)
    await sign_in_with(panel, "chat")

    page = await opened(panel, "storage")

    await expect(page.get_by_test_id("not-allowed")).to_contain_text("scope admin")


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 1280])
async def test_storage_is_sound(new_program: NewProgram, new_panel: NewPanel, width: int) -> None:
    agent = await new_program(NOBODY)
    panel = await new_panel(agent, viewport={"width": width, "height": 800})
    await panel.sign_in()
    page = await opened(panel, "storage")
    backup = await made(page)
    await is_sound(panel)

    await backup.get_by_role("button", name="Restore").click()
    await expect(panel.page.get_by_role("dialog")).to_be_visible()

    await is_sound(panel)
