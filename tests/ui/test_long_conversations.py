"""A conversation that is longer than what is drawn of it."""

import random

import pytest
from playwright.async_api import expect

from tests.bench.conversation import exported

from .panel import Panel

pytestmark = pytest.mark.slow

START, MOST = 20, 60
IN_SIGHT = """() => {
  const messages = document.querySelector("[data-testid=message]").closest("[role=region]");
  const top = messages.getBoundingClientRect().top;
  const all = [...messages.querySelectorAll("[data-testid=message]")];
  const first = all.find((one) => one.getBoundingClientRect().bottom > top);
  return [first.dataset.id, Math.round(first.getBoundingClientRect().top)];
}"""


async def open_long(panel: Panel, messages: int) -> None:
    document = exported(messages, random.Random(7))
    await panel.agent.post("/conversations/import", document)
    await panel.open(document["conversation"]["id"])
    await expect(panel.answer.locator("table")).to_be_visible()


async def scroll_up(panel: Panel, until: str) -> None:
    """Until there are later messages that are not drawn, or to the beginning."""
    region = panel.page.get_by_role("region", name="Messages")
    later, earlier = panel.page.get_by_test_id("later"), panel.page.get_by_test_id("earlier")
    for _ in range(100):
        if await (later if until == "later" else earlier).count() == (until == "later"):
            return
        await region.evaluate("one => { one.scrollTop = 0 }")
        await panel.page.evaluate("() => new Promise(requestAnimationFrame)")
    raise AssertionError(f"{until} was not reached")


async def test_what_is_drawn_slides_along_and_what_is_read_stays_in_its_place(panel: Panel) -> None:
    await open_long(panel, 300)
    await expect(panel.messages).to_have_count(START)
    region = panel.page.get_by_role("region", name="Messages")

    await scroll_up(panel, until="the beginning")
    assert await panel.messages.count() <= MOST
    await expect(panel.questions.first).to_contain_text("Question number 1 of 150")
    await region.evaluate("one => { one.scrollTop = one.scrollHeight - one.clientHeight - 800 }")
    await panel.page.evaluate("() => new Promise(requestAnimationFrame)")
    before, last = await panel.page.evaluate(IN_SIGHT), await panel.questions.last.inner_text()
    await panel.page.get_by_test_id("later").evaluate("one => one.click()")
    await expect(panel.questions.last).not_to_have_text(last)

    who, top = await panel.page.evaluate(IN_SIGHT)
    assert who == before[0]
    assert abs(top - before[1]) <= 1  # a page scrolls by whole pixels
    await panel.page.get_by_role("button", name="Latest").click()
    await expect(panel.questions.last).to_contain_text("Question number 150 of 150")
    await expect(panel.messages).to_have_count(START)


async def test_an_earlier_question_that_is_edited_stays_while_one_scrolls(panel: Panel) -> None:
    await open_long(panel, 300)
    await panel.questions.last.get_by_role("button", name="Edit and ask again").click()
    editor = panel.page.get_by_role("textbox", name="Edit the message")
    await editor.fill("Half a thought")

    for _ in range(14):
        await panel.page.get_by_test_id("earlier").evaluate("one => one.click()")
        await panel.page.evaluate("() => new Promise(requestAnimationFrame)")

    await expect(editor).to_have_value("Half a thought")


async def test_who_looks_at_old_messages_and_asks_is_taken_to_the_end(panel: Panel) -> None:
    await open_long(panel, 300)
    await scroll_up(panel, until="later")

    await panel.composer.fill("And now?")
    await panel.composer.press("Enter")

    await expect(panel.questions.last).to_contain_text("And now?")
    await expect(panel.questions.last).to_be_in_viewport()
    await panel.ended("complete")
