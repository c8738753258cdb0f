"""The list: search, pin, archive, rename, delete, export, import; and very many of them."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.fakes.ollama import FakeOllama

from .conftest import NewPanel, NewProgram
from .panel import Panel
from .program import Program
from .test_accessibility import faults

GONE = "This conversation is not there any more"
TITLES = ("Stringing with PETG", "Warping ABS", "First layer")


async def fill(agent: Program, *titles: str) -> list[str]:
    """Conversations with these titles, oldest first; their ids."""
    return [(await agent.post("/conversations", {"title": title}))["id"] for title in titles]


async def shown(panel: Panel) -> list[str]:
    return [text.strip() for text in await panel.rows.locator(".title").all_inner_texts()]


async def test_search_marks_what_it_found_and_a_hit_leads_to_its_message(
    panel: Panel, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="Raise the chamber temperature.", times=1)
    await panel.ask_and_hear("My ABS warps")
    await panel.page.get_by_role("button", name="New chat").click()
    await expect(panel.answers).to_have_count(0)
    await panel.ask_and_hear("Something else entirely")

    await panel.search.fill("abs")

    await expect(panel.rows).to_have_count(1)
    await expect(panel.rows.locator("mark").first).to_have_text("ABS")
    await panel.search.fill("chamber")
    await expect(panel.rows.locator(".snippet mark")).to_have_text("chamber")
    await panel.rows.locator("a").click()
    await expect(panel.questions.locator(".bubble")).to_have_text("My ABS warps")
    answer_id = await panel.answer.get_attribute("data-id")
    assert panel.page.url.endswith(f"?m={answer_id}")


@pytest.mark.slow
async def test_search_that_finds_nothing_says_so_and_escape_shows_all_again(
    panel: Panel, agent: Program
) -> None:
    await fill(agent, *TITLES)
    await panel.page.reload()
    await expect(panel.rows).to_have_count(3)

    await panel.search.fill("zebra")
    await expect(panel.page.get_by_text("Nothing found for “zebra”.")).to_be_visible()
    await panel.search.press("Escape")

    await expect(panel.search).to_have_value("")
    await expect(panel.rows).to_have_count(3)


@pytest.mark.slow
async def test_what_was_found_is_opened_by_keyboard_alone(panel: Panel, agent: Program) -> None:
    await fill(agent, *TITLES)
    await panel.page.keyboard.press("Control+k")
    await expect(panel.search).to_be_focused()

    await panel.page.keyboard.type("warp")
    await expect(panel.rows).to_have_count(1)
    await panel.page.keyboard.press("Tab")
    await panel.page.keyboard.press("Enter")

    await expect(panel.page.get_by_role("heading", level=1)).to_have_text("Warping ABS")


@pytest.mark.slow
async def test_a_pinned_conversation_stays_on_top(panel: Panel, agent: Program) -> None:
    await fill(agent, *TITLES)
    await panel.page.reload()
    await expect(panel.rows).to_have_count(3)

    await panel.row_menu(panel.rows.filter(has_text="Stringing"), "Pin")

    await expect(panel.rows.first).to_contain_text("Stringing")
    await panel.page.reload()
    await expect(panel.rows).to_have_count(3)
    assert await shown(panel) == ["Stringing with PETG", "First layer", "Warping ABS"]
    await panel.row_menu(panel.rows.first, "Unpin")
    await expect(panel.rows.first).not_to_contain_text("Pinned")


@pytest.mark.slow
async def test_an_archived_conversation_is_out_of_the_way_and_comes_back(
    panel: Panel, agent: Program
) -> None:
    await fill(agent, *TITLES)
    await panel.page.reload()
    await panel.row_menu(panel.rows.filter(has_text="Warping"), "Archive")
    await expect(panel.rows).to_have_count(2)
    await expect(panel.toast).to_contain_text("Archived “Warping ABS”")
    await panel.page.get_by_test_id("undo").click()
    await expect(panel.rows).to_have_count(3)
    await panel.row_menu(panel.rows.filter(has_text="Warping"), "Archive")
    await expect(panel.rows).to_have_count(2)

    await panel.page.get_by_role("button", name="Archived").click()
    await expect(panel.page.get_by_role("heading", name="Archived")).to_be_visible()
    await expect(panel.rows).to_have_count(1)
    assert await shown(panel) == ["Warping ABS"]
    await panel.row_menu(panel.rows.first, "Bring back")
    await expect(panel.page.get_by_text("Nothing archived.")).to_be_visible()
    await panel.page.get_by_role("button", name="Back to all").click()

    await expect(panel.rows).to_have_count(3)
    await panel.page.get_by_role("button", name="Archived").click()
    await panel.page.keyboard.press("Alt+n")
    await expect(panel.page.get_by_role("heading", name="Archived")).to_have_count(0)
    await expect(panel.rows).to_have_count(3)


@pytest.mark.slow
async def test_a_conversation_is_renamed_in_place(panel: Panel, agent: Program) -> None:
    [one] = await fill(agent, "Old name")
    await panel.page.reload()
    await panel.row_menu(panel.rows.first, "Rename")
    field = panel.page.get_by_label("New title")
    await expect(field).to_be_focused()

    await field.fill("New <b>name</b>")
    await field.press("Enter")

    await expect(panel.rows.locator(".title")).to_have_text("New <b>name</b>")
    assert (await agent.get(f"/conversations/{one}"))["title"] == "New <b>name</b>"
    await panel.row_menu(panel.rows.first, "Rename")
    await field.fill("Never mind")
    await field.press("Escape")
    await expect(panel.rows.locator(".title")).to_have_text("New <b>name</b>")


async def test_a_deleted_conversation_comes_back_with_undo(panel: Panel) -> None:
    await panel.ask_and_hear("Keep me")
    await panel.row_menu(panel.rows.first, "Delete")
    await expect(panel.rows).to_have_count(0)
    await expect(panel.page.get_by_test_id("first-run")).to_be_visible()
    await expect(panel.toast).to_contain_text("Deleted “Keep me”")

    await panel.page.get_by_test_id("undo").click()

    await expect(panel.rows).to_have_count(1)
    await expect(panel.questions.locator(".bubble")).to_have_text("Keep me")


@pytest.mark.slow
async def test_deleting_takes_back_the_offer_to_undo_what_came_before(
    panel: Panel, agent: Program
) -> None:
    await fill(agent, *TITLES)
    await panel.page.reload()
    await panel.row_menu(panel.rows.filter(has_text="Stringing"), "Archive")
    await panel.row_menu(panel.rows.filter(has_text="Warping"), "Archive")
    await expect(panel.toast).to_have_count(2)
    await panel.page.get_by_role("button", name="Archived").click()

    await panel.row_menu(panel.rows.filter(has_text="Warping"), "Delete")

    await expect(panel.toast.last).to_contain_text("Deleted “Warping ABS”")
    await expect(panel.toast).to_have_count(2)
    await expect(panel.toast.first).to_contain_text("Archived “Stringing with PETG”")
    await panel.toast.last.get_by_test_id("undo").click()
    await expect(panel.page.get_by_role("heading", level=1)).to_have_text("Warping ABS")


async def test_what_others_do_to_the_open_conversation_is_seen_on_coming_back(
    panel: Panel, agent: Program
) -> None:
    await panel.ask_and_hear("Asked here")
    (conversation,) = (await agent.get("/conversations"))["items"]
    here = f"/conversations/{conversation['id']}"

    await agent.post(f"{here}/messages", {"content": "Asked elsewhere"})
    await come_back(panel)
    await expect(panel.questions.locator(".bubble")).to_have_text(["Asked here", "Asked elsewhere"])
    await panel.ended("complete")
    await panel.composer.fill("Half a question")
    async with agent.client() as client:
        (await client.delete(here)).raise_for_status()
    panel.watch.allow("status of 404")
    await come_back(panel)

    await expect(panel.page.get_by_role("alert")).to_contain_text(GONE)
    await expect(panel.questions).to_have_count(0)
    await expect(panel.composer).to_have_value("Half a question")


@pytest.mark.slow
@pytest.mark.parametrize("way", ["an address", "deleted elsewhere"])
async def test_what_was_written_for_a_conversation_that_is_gone_goes_into_a_new_chat(
    panel: Panel, agent: Program, way: str
) -> None:
    panel.watch.allow("status of 404")
    await panel.composer.fill("Begun before.")
    if way == "an address":
        await panel.open("nope")
        await panel.composer.fill("Half a question")
    else:
        [one] = await fill(agent, "Deleted elsewhere")
        await panel.open(one)
        await panel.composer.fill("Half a question")
        async with agent.client() as client:
            (await client.delete(f"/conversations/{one}")).raise_for_status()
        await panel.composer.press("Enter")
        await expect(panel.toast).to_contain_text("Not sent, the text is kept")

    gone = panel.page.get_by_role("alert").filter(has_text=GONE)
    await expect(gone).to_contain_text("What you have written goes along into a new chat.")
    await expect(panel.page.get_by_role("heading", level=1)).to_have_text("Not there any more")
    await expect(panel.composer).to_have_value("Half a question")
    await expect(panel.send_button).to_be_disabled()
    assert await faults(panel) == []
    await gone.get_by_role("button", name="New chat").click()

    await expect(panel.page.get_by_role("heading", level=1)).to_have_text("New chat")
    await expect(panel.composer).to_have_value("Begun before.\n\nHalf a question")
    await panel.composer.press("Enter")
    await panel.ended("complete")
    await expect(panel.questions.locator(".bubble")).to_contain_text("Half a question")


async def come_back(panel: Panel) -> None:
    """From another window."""
    await panel.page.evaluate("window.dispatchEvent(new Event('focus'))")


@pytest.mark.slow
async def test_a_conversation_goes_out_as_files_and_in_again(
    panel: Panel, agent: Program, tmp_path: Path
) -> None:
    await panel.ask_and_hear("Take me along")
    for entry, suffix in (("Export as Markdown", ".md"), ("Export as JSON", ".json")):
        async with panel.page.expect_download() as loading:
            await panel.menu(entry)
        file = await loading.value
        assert file.suggested_filename == f"Take me along{suffix}"
        await file.save_as(tmp_path / f"chat{suffix}")
    assert "Take me along" in (tmp_path / "chat.md").read_text("utf-8")
    await panel.page.get_by_role("button", name="New chat").click()
    await agent.forget_everything()
    await panel.page.reload()
    await expect(panel.rows).to_have_count(0)

    await panel.page.get_by_test_id("import-file").set_input_files(tmp_path / "chat.json")

    await expect(panel.toast).to_contain_text("Imported")
    await expect(panel.rows).to_have_count(1)
    await panel.rows.locator("a").click()
    await expect(panel.questions.locator(".bubble")).to_have_text("Take me along")


@pytest.mark.slow
async def test_a_file_that_is_no_export_is_refused_in_words(panel: Panel) -> None:
    panel.watch.allow(r"status of 4\d\d")
    field = panel.page.get_by_test_id("import-file")

    await field.set_input_files({"name": "a.json", "mimeType": "text/json", "buffer": b"no json"})
    await expect(panel.toast).to_contain_text("Could not import “a.json”")
    await expect(panel.toast).to_contain_text("The file is not JSON.")
    await expect(panel.toast).to_have_class(re.compile(r"\berror\b"))
    await field.set_input_files({"name": "b.json", "mimeType": "text/json", "buffer": b'{"a":1}'})

    await expect(panel.toast.last).to_contain_text("Could not import “b.json”")
    await panel.menu("Sign out")
    await expect(panel.page.get_by_test_id("sign-in")).to_be_visible()
    await expect(panel.toast).to_have_count(0)


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_ten_thousand_conversations_scroll_to_the_last(
    new_program: NewProgram, new_panel: NewPanel
) -> None:
    agent = await new_program()
    await agent.post(
        "/conversations/import", {"conversations": [_exported(n) for n in range(10_000)]}
    )
    panel = await new_panel(agent)
    await panel.sign_in()
    await expect(panel.rows.first).to_contain_text("Conversation 9999")

    viewport = panel.page.get_by_role("navigation", name="Conversation list")
    for _ in range(6):
        count = await viewport.evaluate("list => list.scrollHeight")
        await viewport.evaluate("list => list.scrollTo(0, list.scrollHeight)")
        await expect(viewport).not_to_have_js_property("scrollHeight", count)

    assert await panel.rows.count() < 60
    await panel.search.fill("Conversation 4711")
    await expect(panel.rows).to_have_count(1)
    await panel.rows.locator("a").click()
    await expect(panel.page.get_by_role("heading", level=1)).to_have_text("Conversation 4711")


def _exported(number: int) -> dict[str, object]:
    stamp = f"2026-01-{number // 1440 + 1:02}T{number // 60 % 24:02}:{number % 60:02}:00.000000Z"
    return {
        "format": "orca-agents.conversation",
        "version": 1,
        "conversation": {
            "id": f"01900000-0000-7000-8000-{number:012}",
            "title": f"Conversation {number}",
            "created_at": stamp,
            "updated_at": stamp,
        },
        "messages": [],
    }
