"""Stop, answer again, edit, and the branches that come of it; thinking, and what one waits for."""

import re

import pytest
from playwright.async_api import Locator, expect

from tests.fakes.ollama import FakeOllama

from .conftest import CHAT, SEEING, NewPanel, NewProgram
from .panel import Panel
from .test_accessibility import faults

LONG = " ".join(f"word{number}" for number in range(400))
LOADING = re.compile(rf"Loading model {re.escape(CHAT)} into memory… [1-9]\d* s")


async def versions(turn: Locator) -> str:
    return (await turn.get_by_test_id("branch-switch").inner_text()).strip()


@pytest.mark.parametrize("way", ["button", "Escape"])
async def test_stop_reaches_the_model_and_keeps_the_text(
    panel: Panel, fake: FakeOllama, way: str
) -> None:
    fake.misbehave(path="/api/chat", text=LONG, pace=20)
    await panel.ask("Tell me everything")
    await expect(panel.text).to_contain_text("word5")

    if way == "button":
        await panel.stop.click()
    else:
        await panel.page.keyboard.press("Escape")

    [departure] = await fake.client_left()
    assert departure.seen.path == "/api/chat"
    await panel.ended("stopped")
    shown = (await panel.text.inner_text()).strip()
    assert LONG.startswith(shown)
    assert [one["content"] for one in (await panel.kept())[1:]] == [shown]
    await expect(panel.answer.get_by_role("note")).to_contain_text("Stopped.")
    await expect(panel.send_button).to_be_visible()


async def test_answering_again_makes_a_version_beside_the_first(
    panel: Panel, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text="The first answer.", times=1)
    await panel.ask_and_hear("Why?")
    fake.misbehave(path="/api/chat", text="The second answer.", times=1)

    await panel.answer.get_by_role("button", name="Answer again").click()

    await expect(panel.text).to_have_text("The second answer.")
    await panel.ended("complete")
    assert await versions(panel.answer) == "2/2"
    await panel.answer.get_by_role("button", name="Previous version").click()
    await expect(panel.text).to_have_text("The first answer.")
    await expect(panel.questions).to_have_count(1)
    await expect(panel.answers).to_have_count(1)


@pytest.mark.slow
async def test_a_branch_that_was_chosen_survives_a_reload(panel: Panel, fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", text="The first answer.", times=1)
    await panel.ask_and_hear("Why?")
    fake.misbehave(path="/api/chat", text="The second answer.", times=1)
    await panel.answer.get_by_role("button", name="Answer again").click()
    await expect(panel.text).to_have_text("The second answer.")
    await panel.ended("complete")
    async with panel.page.expect_response(lambda one: one.request.method == "PATCH"):
        await panel.answer.get_by_role("button", name="Previous version").click()

    await panel.page.reload()

    await expect(panel.text).to_have_text("The first answer.")
    assert await versions(panel.answer) == "1/2"


async def test_an_edited_question_begins_a_branch_with_its_own_answers(
    panel: Panel, fake: FakeOllama
) -> None:
    for text in ("About PLA.", "More on PLA."):
        fake.misbehave(path="/api/chat", text=text, times=1)
        await panel.ask_and_hear("And PLA?")
    fake.misbehave(path="/api/chat", text="About ABS.", times=1)

    question = panel.questions.first
    await question.hover()
    await question.get_by_role("button", name="Edit and ask again").click()
    await question.get_by_label("Edit the message").fill("And ABS?")
    await question.get_by_role("button", name="Send as new branch").click()

    await expect(panel.text).to_have_text("About ABS.")
    await panel.ended("complete")
    await expect(panel.questions).to_have_count(1)
    assert await versions(panel.questions.first) == "2/2"
    roots = [one["content"] for one in await panel.kept() if one["parent_id"] is None]
    assert roots == ["And PLA?", "And ABS?"]
    await panel.questions.first.get_by_role("button", name="Previous version").click()
    await expect(panel.questions).to_have_count(2)
    await expect(panel.text).to_have_text("More on PLA.")


async def leave_no_room(panel: Panel) -> None:
    """Makes the page as high as the messages need; growing, they then have to scroll."""
    await panel.page.set_viewport_size({"width": 1280, "height": 1000})
    spare: int = await panel.page.get_by_role("region", name="Messages").evaluate(
        "region => region.clientHeight - region.firstElementChild.offsetHeight"
    )
    await panel.page.set_viewport_size({"width": 1280, "height": 1000 - spare})


@pytest.mark.slow
async def test_an_edit_is_left_with_escape_and_changes_nothing(panel: Panel) -> None:
    await panel.ask_and_hear("And PLA?")
    await leave_no_room(panel)
    await panel.questions.get_by_role("button", name="Edit and ask again").click()
    field = panel.questions.get_by_label("Edit the message")
    await expect(field).to_be_focused()
    await expect(field).to_be_in_viewport(ratio=1)
    await field.fill("Something else")

    await field.press("Escape")

    await expect(panel.questions.locator(".bubble")).to_have_text("And PLA?")
    assert len(await panel.kept()) == 2


@pytest.mark.slow
async def test_thoughts_are_folded_until_one_looks(panel: Panel, fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", thinking="First this, then that.", text="Dry it.")

    await panel.ask_and_hear("Why?")

    thinking = panel.answer.get_by_test_id("thinking")
    await expect(thinking.locator("summary")).to_have_text("Thoughts")
    await expect(thinking).not_to_contain_text("First this")
    await thinking.locator("summary").click()
    await expect(thinking).to_contain_text("First this, then that.")
    await expect(panel.text).to_have_text("Dry it.")


@pytest.mark.slow
async def test_while_a_model_thinks_that_is_said_once(panel: Panel, fake: FakeOllama) -> None:
    fake.misbehave(path="/api/chat", times=1, thinking="First this. " * 400, pace=20)

    await panel.ask("Why?")

    await expect(panel.answer.get_by_test_id("wait")).to_have_text("Thinking…")
    await expect(panel.answer.get_by_test_id("thinking").locator("summary")).to_have_text(
        "Thoughts"
    )
    await expect(panel.answer.get_by_text("Thinking…")).to_have_count(1)
    await panel.stop.click()
    await panel.ended("stopped")


@pytest.mark.slow
async def test_a_model_on_its_way_into_memory_is_shown_and_can_be_cancelled(
    new_program: NewProgram, new_panel: NewPanel
) -> None:
    async with FakeOllama(models=()) as fake:
        fake.add_model(CHAT)
        fake.misbehave(load_seconds=60)
        panel = await new_panel(await new_program(fake.url))
        await panel.sign_in()

        await panel.ask("Why?")

        wait = panel.page.get_by_test_id("wait")
        await expect(wait).to_contain_text(LOADING)
        await expect(panel.answer.get_by_role("button")).to_have_count(0)
        await panel.stop.click()
        await panel.ended("stopped")
        await fake.client_left()


@pytest.mark.slow
async def test_a_question_in_line_shows_its_place(
    new_program: NewProgram, new_panel: NewPanel, fake: FakeOllama
) -> None:
    panel = await new_panel(await new_program(fake.url, concurrent_chats=1))
    fake.misbehave(path="/api/chat", text=LONG, stall_after=1)
    await panel.sign_in()
    for question in ("First", "Second", "Third"):
        await panel.page.get_by_role("button", name="New chat").click()
        await expect(panel.page.get_by_test_id("first-run")).to_be_visible()
        await panel.ask(question)

    wait = panel.page.get_by_test_id("wait")
    await expect(wait).to_contain_text("Waiting in line, 1 ahead of you")
    await panel.rows.filter(has_text="Second").click()
    await expect(wait).to_contain_text("Next in line")
    await panel.stop.click()
    await panel.ended("stopped")
    await panel.rows.filter(has_text="Third").click()
    await expect(wait).to_contain_text("Next in line")


@pytest.mark.slow
async def test_a_model_that_fails_is_told_in_words_with_another_try(
    panel: Panel, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", times=1, text=LONG, die_after=5)

    await panel.ask("Why?")

    await panel.ended("failed")
    await expect(panel.text).to_have_text("word0 word1 word2 word3 word4")
    await panel.answer.get_by_role("button", name="Try again").click()
    await panel.ended("complete")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("thoughts", "words"),
    [("", "The model said nothing."), ("Hm. Let me see.", "It thought, and said nothing.")],
)
async def test_a_model_that_says_nothing_is_told_of_with_another_try(
    panel: Panel, fake: FakeOllama, thoughts: str, words: str
) -> None:
    fake.misbehave(path="/api/chat", times=1, text="", thinking=thoughts)
    await panel.ask_and_hear("Why?")

    end = panel.answer.get_by_role("note")
    await expect(end).to_contain_text(words)
    await panel.page.reload()
    await expect(end).to_contain_text(words)
    assert [one["content"] for one in await panel.kept()] == ["Why?", ""]
    await expect(panel.answer.get_by_role("button", name="Copy answer")).to_have_count(0)
    assert await faults(panel) == []
    fake.misbehave(path="/api/chat", times=1, text="Dry it.")
    await end.get_by_role("button", name="Try again").click()

    await expect(panel.text).to_have_text("Dry it.")
    await panel.ended("complete")
    await expect(end).to_have_count(0)


@pytest.mark.slow
async def test_another_model_is_picked_and_answers(panel: Panel, fake: FakeOllama) -> None:
    await panel.page.get_by_test_id("model-picker").click()
    options = panel.page.get_by_test_id("model-option")
    await expect(options).to_have_count(3)
    await expect(options.first).to_contain_text(f"Default ({CHAT})")

    await options.filter(has_text=SEEING).click()

    await expect(panel.page.get_by_test_id("model-picker")).to_have_text(SEEING)
    await panel.ask_and_hear("Who are you?")
    await expect(panel.answer.get_by_role("heading", level=2)).to_have_text(SEEING)
    [asked] = await fake.saw(path="/api/chat")
    assert asked.body["model"] == SEEING


@pytest.mark.slow
async def test_a_model_that_cannot_chat_is_not_offered(panel: Panel, fake: FakeOllama) -> None:
    fake.add_model("nomic-embed-text:latest", capabilities=["embedding"])
    await panel.page.reload()
    await expect(panel.state).to_have_text(f"Ready · {CHAT}")
    await panel.page.get_by_test_id("model-picker").click()

    await expect(panel.page.get_by_test_id("model-option")).to_have_count(3)
    await expect(panel.page.get_by_role("listbox")).not_to_contain_text("nomic")


@pytest.mark.slow
async def test_the_model_picker_works_by_keyboard(panel: Panel) -> None:
    picker = panel.page.get_by_test_id("model-picker")
    await picker.focus()
    await picker.press("Enter")
    await expect(panel.page.get_by_role("listbox", name="Model")).to_be_focused()

    wanted = await panel.page.get_by_test_id("model-option").last.get_attribute("data-model")
    await panel.page.keyboard.press("End")
    await panel.page.keyboard.press("Enter")

    await expect(picker).to_be_focused()
    await expect(picker).to_have_text(str(wanted))
    assert await panel.page.evaluate("localStorage.getItem('orca.model')") == f'"{wanted}"'
    await picker.press("Enter")
    await panel.page.keyboard.press("Escape")
    await expect(panel.page.get_by_role("listbox", name="Model")).to_have_count(0)


@pytest.mark.slow
async def test_a_pick_is_remembered_for_the_next_chat(panel: Panel) -> None:
    await panel.pick(SEEING)

    await panel.page.reload()

    await expect(panel.page.get_by_test_id("model-picker")).to_have_text(SEEING)
