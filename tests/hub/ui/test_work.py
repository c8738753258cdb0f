"""People at work in the console: chat, generated code, and the files of both."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.hub.asking import Asked, asked_hub, streamed
from tests.hub.test_conversations_pictures import SEES, images_sent, picture, with_eyes

from .conftest import NewDesk
from .desk import MARKS, Desk

pytestmark = MARKS
KEPT = """() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]
  .filter(key => !["orca.theme", "orca.language"].includes(key))"""
HAND_OVER = """async ([event, data]) => {
  const { buffer } = Uint8Array.from(atob(data), sign => sign.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([buffer], `${event}.png`, { type: "image/png" }));
  const field = document.querySelector("[data-testid=composer]");
  const how = { bubbles: true, cancelable: true };
  field.dispatchEvent(event === "drop"
    ? new DragEvent("drop", { ...how, dataTransfer: files })
    : new ClipboardEvent("paste", { ...how, clipboardData: files }));
}"""
CODE = "A tool.\n\n```python tools/flow.py\nx = 2\n```\n\n```yaml odd.yaml\na: [1\n```\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def asked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asked]:
    folder: Path = tmp_path_factory.mktemp("work")
    async with asked_hub(folder / "data", {}) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def desk(asked: Asked, new_desk: NewDesk) -> AsyncIterator[Desk]:
    """Bob's."""
    one = await new_desk(asked.hub.url)
    await one.sign_in("bob")
    yield one
    asked.near.behave_well()


@pytest.fixture
def page(desk: Desk) -> Page:
    return desk.page


async def test_somebody_asks_renames_finds_and_deletes_a_conversation(
    page: Page, asked: Asked, desk: Desk
) -> None:
    await desk.open("chat")
    asked.near.misbehave(path="/api/chat", text="Dry it like a zeppelin.")
    await page.get_by_test_id("composer").fill("Why does it string?")
    await page.keyboard.press("Enter")
    answer = page.locator("[data-role=assistant]")
    await expect(answer).to_have_attribute("data-status", "complete")
    await expect(answer).to_contain_text("Dry it like a zeppelin.")
    await expect(page.get_by_test_id("chat-title")).to_have_text("Why does it string?")
    wrong = await desk.faults()

    await page.get_by_test_id("chat-menu").click()
    await page.get_by_role("menuitem", name="Rename").click()
    await page.get_by_label("New title").fill("Airships")
    await page.get_by_role("button", name="Rename").click()
    await expect(page.get_by_test_id("chat-title")).to_have_text("Airships")
    await page.get_by_test_id("search").fill("zepp")
    await expect(page.get_by_test_id("conversation")).to_have_count(1)
    await expect(page.get_by_test_id("conversation").locator("mark")).to_have_text("zeppelin")
    await page.reload()
    await expect(page.locator("[data-role=assistant]")).to_contain_text("zeppelin")
    await page.get_by_test_id("chat-menu").click()
    await page.get_by_role("menuitem", name="Delete").click()
    await expect(page.get_by_test_id("conversation")).to_have_count(0)
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_test_id("conversation")).to_have_count(1)

    assert wrong == []


async def test_somebody_stops_an_answer_and_asks_for_another(
    page: Page, asked: Asked, desk: Desk
) -> None:
    await desk.open("chat")
    asked.near.misbehave(path="/api/chat", stall_after=3, times=1)
    await page.get_by_test_id("composer").fill("Go on for ever")
    await page.get_by_test_id("send").click()
    await asked.near.sent(3, path="/api/chat")
    await page.get_by_test_id("stop").click()
    answer = page.locator("[data-role=assistant]")
    await expect(answer).to_have_attribute("data-status", "stopped")
    asked.near.misbehave(path="/api/chat", text="This time it ends.")
    await answer.get_by_role("button", name="Answer again").click()

    await expect(answer).to_contain_text("This time it ends.")
    await expect(page.get_by_test_id("branch-switch")).to_contain_text("2/2")


async def test_a_conversation_is_shared_and_read_by_whom_it_is_shared_with(
    page: Page, asked: Asked, desk: Desk
) -> None:
    await desk.open("chat")
    asked.near.misbehave(path="/api/chat", text="For both of us.")
    await page.get_by_test_id("composer").fill("Look, Ada")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-role=assistant]")).to_have_attribute("data-status", "complete")
    await page.get_by_test_id("chat-menu").click()
    await page.get_by_role("menuitem", name="Share").click()
    field = desk.dialog.get_by_role("combobox", name="Person or group")
    await field.fill("ad")
    ada = desk.dialog.get_by_role("option", name="ada")
    await expect(ada).to_be_visible()
    wrong = await desk.faults()
    await field.press("ArrowDown")
    await expect(ada).to_have_attribute("aria-selected", "true")
    await field.press("Enter")
    await expect(page.get_by_test_id("shares").get_by_role("listitem")).to_have_count(1)
    await expect(page.get_by_test_id("shares")).to_contain_text("ada")
    wrong += await desk.faults()
    there = (await asked.ada.get("/conversations", params={"view": "shared"})).json()["items"]
    await desk.press("Take back from ada")
    await expect(desk.dialog).to_contain_text("Nobody but you.")
    await expect(field).to_be_focused()
    gone = (await asked.ada.get("/conversations", params={"view": "shared"})).json()["items"]

    assert wrong == []
    assert [[one["title"] for one in some] for some in (there, gone)] == [["Look, Ada"], []]


async def test_who_reads_what_another_shares_sees_whose_it_is_and_is_offered_no_change(
    asked: Asked, new_desk: NewDesk
) -> None:
    made = (await asked.bob.post("/conversations", json={"title": "Of Bob"})).json()["id"]
    asked.near.misbehave(path="/api/chat", text="An answer to Bob.")
    await streamed(asked.bob, f"/conversations/{made}/messages", {"content": "What did Bob ask?"})
    subject = (await asked.ada.get("/users/me")).json()["id"]
    await asked.bob.post(
        f"/conversations/{made}/share", json={"kind": "person", "subject": subject}
    )
    desk = await new_desk(asked.hub.url, viewport={"width": 320, "height": 640})
    page = desk.page
    await desk.sign_in("ada")
    await desk.open(f"chat/{made}")
    await expect(page.locator("[data-role=assistant]")).to_contain_text("An answer to Bob.")
    await expect(page.get_by_test_id("shared-by")).to_have_text("Shared by bob")
    await expect(page.get_by_role("article", name="bob, ")).to_contain_text("What did Bob ask?")
    wrong, wide = await desk.faults(), await desk.too_wide()
    offered = [
        await page.get_by_role("button", name=name).count()
        for name in ("Copy", "Edit and ask again", "Answer again")
    ]
    await page.get_by_role("button", name="Conversations", exact=True).click()
    await page.get_by_test_id("view").select_option("shared")
    await expect(page.get_by_test_id("conversation")).to_contain_text("Shared by bob")

    assert (wrong, wide, offered) == ([], None, [2, 0, 0])


async def test_the_menu_in_the_list_holds_what_the_one_above_the_conversation_holds(
    page: Page, asked: Asked, desk: Desk
) -> None:
    made = (await asked.bob.post("/conversations", json={"title": "Two menus"})).json()["id"]
    await desk.open(f"chat/{made}")
    await page.get_by_test_id("chat-menu").click()
    above = await page.get_by_role("menuitem").all_inner_texts()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Actions for Two menus").last.click()
    beside = await page.get_by_role("menuitem").all_inner_texts()
    await page.get_by_role("menuitem", name="Rename").click()
    await page.get_by_label("New title").fill("One menu")
    await desk.press("Rename")
    await expect(page.get_by_test_id("chat-title")).to_have_text("One menu")

    assert beside == above
    assert above == [
        *("Pin", "Archive", "Rename", "Share"),
        *("Export as Markdown", "Export as JSON", "Delete"),
    ]


async def test_whoever_signs_out_leaves_nothing_behind_in_the_browser(
    page: Page, desk: Desk, asked: Asked
) -> None:
    made = (await asked.bob.post("/conversations", json={"title": "Left open"})).json()["id"]
    await desk.open(f"chat/{made}")
    await page.get_by_test_id("composer").fill("Half a thought of bob")
    other = await page.context.new_page()
    await other.goto(f"{asked.hub.url}/#/chat")
    await other.get_by_test_id("composer").fill("Another half")
    await page.get_by_test_id("account-menu").click()
    await page.get_by_role("menuitem", name="Sign out").click()
    await expect(page.get_by_test_id("sign-in")).to_be_visible()
    await expect(other.get_by_test_id("sign-in")).to_be_visible()
    kept = [await one.evaluate(KEPT) for one in (page, other)]
    address = page.url
    await desk.sign_in("ada")
    await desk.open("chat")

    assert kept == [[], []]
    assert address == f"{asked.hub.url}/"
    await expect(page.get_by_test_id("composer")).to_have_value("")


async def test_a_draft_waits_for_its_writer_and_is_shown_to_nobody_else(
    page: Page, desk: Desk, asked: Asked
) -> None:
    await desk.open("chat")
    await page.get_by_test_id("composer").fill("Half a thought of bob")
    await desk.open("artefacts")
    me = (await asked.bob.get("/users/me")).json()["id"]
    begun = await page.evaluate(KEPT)
    await page.context.clear_cookies()
    await page.reload()
    await desk.sign_in("bob")
    await desk.open("chat")
    await expect(page.get_by_test_id("composer")).to_have_value("Half a thought of bob")
    await page.context.clear_cookies()
    await page.reload()
    await desk.sign_in("ada")
    await desk.open("chat")
    await expect(page.get_by_test_id("composer")).to_have_value("")

    assert begun == [f"orca.draft.{me}.new"]
    assert await page.evaluate(KEPT) == []


async def test_somebody_has_code_written_compares_its_versions_and_takes_it_home(
    page: Page, asked: Asked, desk: Desk
) -> None:
    await desk.open("generate")
    asked.near.misbehave(path="/api/chat", text=CODE)
    await page.get_by_label("What shall be written").fill("A tool")
    await page.get_by_test_id("begin").click()
    odd = page.locator("[data-path='odd.yaml']")
    await expect(odd.get_by_test_id("check")).to_have_attribute("data-state", "wrong")
    wrong = await desk.faults()
    asked.near.misbehave(path="/api/chat", text=CODE.replace("x = 2", "x = 3"))
    await page.get_by_test_id("begin").click()
    await expect(page.locator("[data-path='tools/flow.py'] td").nth(2)).to_have_text("2")
    async with page.expect_download() as all_of_them:
        await page.get_by_test_id("download-all").click()
    await page.get_by_role("link", name="tools/flow.py").click()
    await page.get_by_test_id("compare").click()
    await expect(page.get_by_test_id("diff")).to_contain_text("-x = 2")
    await expect(page.get_by_test_id("diff")).to_contain_text("+x = 3")
    wrong += await desk.faults()
    async with page.expect_download() as one:
        await page.get_by_test_id("download").click()

    assert (await all_of_them.value).suggested_filename == "A-tool.zip"
    assert (await one.value).suggested_filename == "flow.py"
    assert wrong == []


async def test_files_are_found_by_where_they_come_from_and_deleted(
    page: Page, asked: Asked, desk: Desk
) -> None:
    body = {"path": "notes/one.json", "content": "{", "title": "Notes of bob"}
    made = (await asked.bob.post("/artefacts", json=body)).json()
    await desk.open("artefacts")
    await page.get_by_role("link", name="Notes of bob", exact=True).click()
    await page.get_by_role("link", name="notes/one.json").click()
    await expect(page.get_by_test_id("findings")).to_contain_text("Line 1")
    await page.get_by_role("link", name="Back to the files").click()
    await page.get_by_role("link", name="All files").click()
    await expect(page.get_by_test_id("set").filter(has_text="Notes of bob")).to_be_visible()
    wrong = await desk.faults()
    await page.get_by_role("button", name="Delete Notes of bob").click()
    await page.get_by_test_id("delete-set-confirm").click()
    await expect(page.get_by_test_id("set").filter(has_text="Notes of bob")).to_have_count(0)

    assert wrong == []
    assert (await asked.bob.get(f"/artefacts/{made['id']}")).status_code == 404


async def test_at_the_width_of_a_telephone_nothing_sticks_out(
    page: Page, asked: Asked, desk: Desk
) -> None:
    body = {"path": f"{'long-' * 12}/{'name' * 12}.json", "content": "[" + "1, " * 200}
    made = (await asked.bob.post("/artefacts", json=body)).json()
    await page.set_viewport_size({"width": 320, "height": 700})
    wide: list[list[int]] = []
    for place in ("chat", "generate", "artefacts"):
        await desk.open(place)
        wide += [found] if (found := await desk.too_wide()) else []
    await page.goto(f"{asked.hub.url}/#/artefacts/{made['set_id']}/{made['id']}")
    await expect(page.get_by_test_id("content")).to_be_visible()
    wide += [found] if (found := await desk.too_wide()) else []

    assert wide == []


async def test_an_answer_without_a_file_says_that_nothing_was_kept(
    page: Page, asked: Asked, desk: Desk
) -> None:
    await desk.open("generate")
    asked.near.misbehave(path="/api/chat", text="I would rather talk about it.")
    await page.get_by_label("What shall be written").fill("A tool")
    await page.get_by_test_id("begin").click()

    await expect(page.get_by_test_id("no-files")).to_contain_text("no file")
    assert await desk.faults() == []


async def test_what_is_being_generated_is_followed_again_after_a_reload(
    page: Page, asked: Asked, desk: Desk
) -> None:
    await desk.open("generate")
    asked.near.misbehave(path="/api/chat", stall_after=3, times=1)
    await page.get_by_label("What shall be written").fill("A tool without end")
    await page.get_by_test_id("begin").click()
    await asked.near.sent(3, path="/api/chat")
    await page.reload()
    await expect(page.get_by_label("What shall be written")).to_have_value("A tool without end")
    await expect(page.get_by_test_id("answer")).not_to_be_empty()
    await page.get_by_test_id("stop").click()
    shown = page.get_by_test_id("generation")
    await expect(shown).to_have_attribute("data-state", "cancelled")
    await page.reload()
    await expect(page.get_by_label("What shall be written")).to_have_value("")


async def test_a_picture_is_attached_dropped_or_pasted_and_sent_to_a_model_that_sees(
    page: Page, asked: Asked, desk: Desk
) -> None:
    await with_eyes(asked)
    await desk.open("chat")
    await page.get_by_test_id("attach-file").set_input_files(
        {"name": "red.png", "mimeType": "image/png", "buffer": picture("red")}
    )
    await expect(page.get_by_test_id("vision-warning")).to_contain_text("cannot see images")
    await expect(page.get_by_test_id("send")).to_be_disabled()
    wrong = await desk.faults()
    await page.get_by_role("button", name=f"Use {SEES}").click()
    for event, colour in (("drop", "blue"), ("paste", "green")):
        data = base64.b64encode(picture(colour)).decode()
        await page.evaluate(HAND_OVER, [event, data])
    await expect(page.get_by_test_id("attachment")).to_have_count(3)
    await expect(page.get_by_test_id("attachment").get_by_role("progressbar")).to_have_count(0)
    asked.near.misbehave(path="/api/chat", text="A red one, a blue one and a green one.")
    await page.get_by_test_id("composer").fill("What is it?")
    await page.get_by_test_id("send").click()
    await expect(page.locator("[data-role=assistant]")).to_contain_text("a green one")
    shown = page.locator("[data-role=user] img")
    await expect(shown).to_have_count(3)
    await expect(shown.first).to_have_js_property("naturalWidth", 40)
    left_out = page.get_by_test_id("images-left-out")
    await expect(left_out).to_have_count(0)
    await page.get_by_test_id("model").select_option("")
    await expect(left_out).to_contain_text("those of this conversation are left out")
    wrong += await desk.faults()

    assert images_sent(asked) == [0, 3]
    assert wrong == []


async def test_an_export_is_taken_in_and_not_doubled(page: Page, asked: Asked, desk: Desk) -> None:
    made = (await asked.bob.post("/conversations", json={"title": "Takes a trip"})).json()["id"]
    export = await asked.bob.get(f"/conversations/{made}/export")
    ada = await asked.hub.signed_in("ada")
    await desk.open("account")
    await page.context.clear_cookies()
    await page.reload()
    await desk.sign_in("ada")
    await desk.open("chat")
    for content, words in (
        (export.content, "1 new"),
        (export.content, "1 as before"),
        (b"no JSON", "not JSON"),
    ):
        await page.get_by_test_id("import-file").set_input_files(
            {"name": "trip.json", "mimeType": "application/json", "buffer": content}
        )
        await desk.told(words)
    mine = (await ada.get("/conversations", params={"q": "trip"})).json()["items"]

    assert [one["title"] for one in mine] == ["Takes a trip"]
    assert await desk.faults() == []


async def test_a_name_that_was_refused_and_a_coarse_difference_say_so(
    page: Page, asked: Asked, desk: Desk
) -> None:
    await desk.open("generate")
    asked.near.misbehave(path="/api/chat", text="```yaml ../../etc/evil.yaml\na: 1\n```\n")
    await page.get_by_label("What shall be written").fill("Settings")
    await page.get_by_test_id("begin").click()
    row = page.locator("[data-path='file-1.yaml']")
    await expect(row.get_by_test_id("refused-path")).to_contain_text("../../etc/evil.yaml")
    wrong = await desk.faults()
    await row.get_by_role("link").click()
    await expect(page.get_by_test_id("refused-path")).to_be_visible()
    lines = [f"{number}\n" for number in range(20_000)]
    body = {"path": "moved.txt", "content": "".join(lines)}
    made = (await asked.bob.post("/artefacts", json=body)).json()
    moved = {"content": "".join(lines[::2] + lines[1::2])}
    await asked.bob.post(f"/artefacts/{made['id']}/versions", json=moved)
    await page.goto(f"{asked.hub.url}/#/artefacts/{made['set_id']}/{made['id']}")
    await page.get_by_test_id("compare").click()
    await expect(page.get_by_test_id("coarse")).to_be_visible()

    assert wrong == []


async def test_an_administrator_sees_that_somebody_asked_and_not_what(
    asked: Asked, new_desk: NewDesk
) -> None:
    asked.near.misbehave(path="/api/chat", text="It is between us.")
    body = {"messages": [{"role": "user", "content": "A secret of bob"}]}
    run_id = (await asked.bob.post("/ai/chat", json=body)).json()["run_id"]
    await asked.bob.get(f"/runs/{run_id}/events")
    one = await new_desk(asked.hub.url)
    await one.sign_in("ada")

    runs = await one.open("runs")
    await one.page.get_by_label("State").select_option("done")

    await expect(one.page.get_by_test_id("run").first).to_contain_text("answered")
    assert "secret" not in await runs.inner_text()
    assert await one.faults() == []
