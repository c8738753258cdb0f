"""Every key that the help lists does what it says."""

from playwright.async_api import expect

from tests.fakes.ollama import FakeOllama

from .panel import Panel
from .program import Program
from .test_conversations import TITLES, fill

LONG = " ".join(f"word{number}" for number in range(400))


async def test_the_help_lists_the_keys_and_goes_with_escape(panel: Panel) -> None:
    await panel.page.get_by_test_id("panel-menu").focus()

    await panel.page.keyboard.press("?")

    dialog = panel.page.get_by_role("dialog", name="Keyboard")
    await expect(dialog).to_be_visible()
    assert [text.strip() for text in await dialog.locator("dt").all_inner_texts()] == [
        *("Enter", "Shift Enter", "Esc", "Alt N", "Ctrl K", "/", "Alt C", "Alt ↑", "Alt ↓", "?"),
    ]
    await panel.page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(panel.page.get_by_test_id("panel-menu")).to_be_focused()


async def test_enter_sends_and_shift_enter_makes_a_line(panel: Panel) -> None:
    await panel.composer.focus()
    await panel.page.keyboard.type("one")
    await panel.page.keyboard.press("Shift+Enter")
    await panel.page.keyboard.type("two")
    await expect(panel.composer).to_have_value("one\ntwo")

    await panel.page.keyboard.press("Enter")

    await expect(panel.questions.locator(".bubble p")).to_have_text("one\ntwo")
    assert [one["content"] for one in (await panel.kept())[:1]] == ["one\ntwo"]


async def test_an_enter_that_ends_a_composition_does_not_send(panel: Panel) -> None:
    await panel.composer.fill("かな")

    await panel.composer.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    await panel.composer.dispatch_event("keydown", {"key": "Enter", "keyCode": 229})

    await expect(panel.composer).to_have_value("かな")
    assert await panel.agent.get("/conversations") == {"items": [], "next_cursor": None}


async def test_escape_stops_the_answer(panel: Panel, fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", text=LONG, pace=20)
    await panel.ask("Why?")
    await expect(panel.text).to_contain_text("word3")
    await expect(panel.composer).to_be_focused()

    await panel.page.keyboard.press("Escape")

    await panel.ended("stopped")


async def test_alt_and_letters_go_to_a_new_chat_and_to_the_composer(panel: Panel) -> None:
    await panel.ask_and_hear("Why?")

    await panel.page.keyboard.press("Alt+n")
    await expect(panel.page.get_by_test_id("first-run")).to_be_visible()
    await expect(panel.composer).to_be_focused()

    await panel.page.get_by_test_id("panel-menu").focus()
    await panel.page.keyboard.press("Alt+c")
    await expect(panel.composer).to_be_focused()


async def test_ctrl_k_and_slash_go_to_the_search(panel: Panel) -> None:
    await panel.page.keyboard.press("Control+k")
    await expect(panel.search).to_be_focused()
    await panel.search.press("Escape")
    await expect(panel.composer).to_be_focused()

    await panel.page.keyboard.press("/")
    await expect(panel.composer).to_have_value("/")
    await panel.page.get_by_test_id("panel-menu").focus()
    await panel.page.keyboard.press("/")

    await expect(panel.search).to_be_focused()
    await expect(panel.search).to_have_value("")


async def test_alt_and_arrows_walk_the_conversations(panel: Panel, agent: Program) -> None:
    await fill(agent, *TITLES)
    await panel.page.reload()
    await expect(panel.rows).to_have_count(3)
    walk = (
        ("ArrowDown", "First layer"),
        ("ArrowDown", "Warping ABS"),
        ("ArrowDown", "Stringing with PETG"),
        ("ArrowUp", "Warping ABS"),
    )

    for key, title in walk:
        await panel.page.keyboard.press(f"Alt+{key}")

        await expect(panel.page.locator("[aria-current=page] .title")).to_have_text(title)
        await expect(panel.page.get_by_role("heading", level=1)).to_have_text(title)


async def test_on_a_narrow_page_the_search_key_opens_the_drawer(panel: Panel) -> None:
    await panel.page.set_viewport_size({"width": 320, "height": 640})
    await expect(panel.page.get_by_role("button", name="Conversations")).to_be_visible()

    await panel.page.keyboard.press("Control+k")
    await expect(panel.search).to_be_focused()
    await panel.page.keyboard.press("Escape")

    await expect(panel.search).to_have_count(0)
    await expect(panel.composer).to_be_focused()


async def test_menus_are_walked_with_arrows_and_give_the_focus_back(panel: Panel) -> None:
    button = panel.page.get_by_test_id("panel-menu")
    await button.press("Enter")
    menu = panel.page.get_by_role("menu")
    await expect(menu.get_by_role("menuitemradio", name="Theme of the system")).to_be_focused()

    await panel.page.keyboard.press("ArrowDown")
    await expect(menu.get_by_role("menuitemradio", name="Light")).to_be_focused()
    await panel.page.keyboard.press("End")
    await expect(menu.get_by_role("menuitem", name="Sign out")).to_be_focused()
    await panel.page.keyboard.press("Escape")

    await expect(menu).to_have_count(0)
    await expect(button).to_be_focused()
