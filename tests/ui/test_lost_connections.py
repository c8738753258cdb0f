"""Reloads, restarts, cuts and lost answers: nothing is lost, nothing doubled."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.fakes.ollama import FakeOllama

from .conftest import NewPanel, NewProgram
from .panel import Panel
from .program import Program
from .proxy import Proxy, proxied

TEXT = " ".join(f"word{number}" for number in range(60))
PACE = 10


async def assert_whole(panel: Panel) -> None:
    """Page and agent have exactly what the model said."""
    await panel.ended("complete")
    assert (await panel.text.inner_text()).strip() == TEXT
    assert [one["content"] for one in await panel.kept() if one["role"] == "assistant"] == [TEXT]


@dataclass(frozen=True)
class Line:
    """A page that reaches the agent through a proxy."""

    panel: Panel
    proxy: Proxy


@pytest_asyncio.fixture(loop_scope="session")
async def line(agent: Program, new_panel: NewPanel) -> AsyncIterator[Line]:
    async with proxied(agent.port) as proxy:
        panel = await new_panel(agent)
        panel.watch.allow_lost_connections()
        await panel.sign_in(proxy.url)
        yield Line(panel, proxy)


async def test_a_reload_in_the_middle_shows_the_whole_answer_once(
    panel: Panel, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text=TEXT, pace=PACE)
    await panel.ask("Tell me everything")
    await expect(panel.text).to_contain_text("word10")

    await panel.page.reload()

    await expect(panel.text).to_contain_text("word10")
    await expect(panel.answer).to_have_attribute("data-status", "streaming")
    await assert_whole(panel)
    await expect(panel.questions).to_have_count(1)


@pytest.mark.slow
async def test_two_pages_follow_one_answer(
    panel: Panel, agent: Program, new_panel: NewPanel, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text=TEXT, pace=PACE)
    other = await new_panel(agent)
    await other.sign_in()
    await panel.ask("Tell me everything")

    await other.open(await panel.conversation_id())

    await assert_whole(other)
    await assert_whole(panel)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_restart_of_the_agent_in_the_middle_keeps_the_text_and_offers_another_try(
    new_program: NewProgram, new_panel: NewPanel, fake: FakeOllama, number: signal.Signals
) -> None:
    agent = await new_program(fake.url)
    panel = await new_panel(agent)
    panel.watch.allow_lost_connections()
    await panel.sign_in()
    fake.misbehave(path="/api/chat", times=1, text=TEXT, pace=PACE)
    await panel.ask("Tell me everything")
    await expect(panel.text).to_contain_text("word20")

    await agent.restart(number)

    await panel.ended("interrupted", timeout=10)  # the page asks every second
    await expect(panel.state).to_contain_text("Ready", timeout=20_000)
    shown = (await panel.text.inner_text()).strip()
    assert TEXT.startswith(shown)
    assert "word10" in shown
    [kept] = [one for one in await panel.kept() if one["role"] == "assistant"]
    assert (kept["status"], kept["content"].strip()) == ("interrupted", shown)
    await expect(panel.answer.get_by_role("note")).to_contain_text("The text so far is kept.")

    await panel.answer.get_by_role("button", name="Try again").click()
    await panel.ended("complete")
    await expect(panel.answer.get_by_test_id("branch-switch")).to_contain_text("2/2")


@pytest.mark.slow
async def test_a_page_that_was_opened_before_the_agent_died_goes_on_after_a_restart(
    new_program: NewProgram, new_panel: NewPanel
) -> None:
    agent = await new_program()
    panel = await new_panel(agent)
    panel.watch.allow_lost_connections()
    await panel.sign_in()
    await agent.end(signal.SIGKILL)
    await expect(panel.state).to_contain_text("Agent not reachable")
    await panel.composer.fill("Asked while nobody is there")
    await expect(panel.page.get_by_test_id("draft-note")).to_contain_text("Draft kept")

    await agent.start()

    await expect(panel.state).to_have_text("Guide only: no Ollama")
    await panel.composer.press("Enter")
    await expect(panel.questions).to_have_count(1)
    await panel.ended("complete")


@pytest.mark.slow
async def test_a_cut_line_in_the_middle_loses_and_doubles_nothing(
    line: Line, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text=TEXT, pace=PACE)
    await line.panel.ask("Tell me everything")

    for word in ("word8", "word20", "word32"):
        await expect(line.panel.text).to_contain_text(word)
        line.proxy.drop()

    await assert_whole(line.panel)


@pytest.mark.slow
async def test_a_line_that_is_dead_for_a_while_is_told_and_taken_up_again(
    line: Line, fake: FakeOllama
) -> None:
    fake.misbehave(path="/api/chat", text=TEXT, pace=PACE)
    await line.panel.ask("Tell me everything")
    await expect(line.panel.text).to_contain_text("word8")

    line.proxy.cut()
    await expect(line.panel.page.get_by_test_id("wait")).to_contain_text("Connection lost")
    await expect(line.panel.state).to_contain_text("Agent not reachable")
    line.proxy.mend()

    await assert_whole(line.panel)
    await expect(line.panel.state).to_contain_text("Ready")


@pytest.mark.slow
async def test_a_question_whose_acknowledgement_is_lost_is_asked_once(
    line: Line, fake: FakeOllama
) -> None:
    await line.panel.ask_and_hear("Before")
    line.proxy.lose_answers_to(b"POST /api/v1/conversations/")
    await line.panel.composer.fill("Only once")
    await line.panel.composer.press("Enter")
    async with asyncio.timeout(30):
        await line.proxy.lost.get()
        await line.proxy.lost.get()
    line.proxy.lose_nothing()

    await expect(line.panel.questions).to_have_count(2)
    await line.panel.ended("complete")
    asked = [one["content"] for one in await line.panel.kept() if one["role"] == "user"]
    assert asked == ["Before", "Only once"]
    assert len([seen for seen in fake.requests if seen.path == "/api/chat"]) == 2
    await expect(line.panel.composer).to_have_value("")


@pytest.mark.slow
async def test_a_reload_after_a_lost_acknowledgement_does_not_ask_again(
    line: Line, fake: FakeOllama
) -> None:
    await line.panel.ask_and_hear("Before")
    line.proxy.lose_answers_to(b"POST /api/v1/conversations/")
    await line.panel.composer.fill("Only once")
    await line.panel.composer.press("Enter")
    async with asyncio.timeout(30):
        await line.proxy.lost.get()
    line.proxy.lose_nothing()

    await line.panel.page.reload()

    await expect(line.panel.questions).to_have_count(2)
    await line.panel.ended("complete")
    await expect(line.panel.composer).to_have_value("")
    asked = [one["content"] for one in await line.panel.kept() if one["role"] == "user"]
    assert asked == ["Before", "Only once"]


@pytest.mark.slow
@pytest.mark.parametrize("status", [422, 503])
async def test_a_first_question_that_is_refused_leaves_no_empty_conversation(
    panel: Panel, status: int
) -> None:
    panel.watch.allow(f"status of {status}")
    problem = {"type": "urn:orca:problem:no", "title": "No", "status": status, "detail": "Not now."}
    await panel.page.route(
        "**/messages", lambda route: route.fulfill(status=status, json=problem), times=1
    )
    await panel.composer.fill("Kept")
    await panel.composer.press("Enter")

    await expect(panel.toast).to_contain_text("Not sent, the text is kept: Not now.")
    await expect(panel.composer).to_have_value("Kept")
    await expect(panel.rows).to_have_count(0)
    assert await panel.agent.get("/conversations") == {"items": [], "next_cursor": None}
    await expect(panel.page).to_have_url(f"{panel.agent.url}/ui#/")

    await panel.composer.press("Enter")
    await expect(panel.questions).to_have_count(1)
    await panel.ended("complete")
    await expect(panel.rows).to_have_count(1)


@pytest.mark.slow
async def test_a_first_question_whose_acknowledgements_are_all_lost_stays_in_the_composer(
    line: Line, fake: FakeOllama
) -> None:
    line.proxy.lose_answers_to(b"POST /api/v1/conversations")
    await line.panel.composer.fill("Kept")
    await line.panel.composer.press("Enter")

    await expect(line.panel.toast).to_contain_text("Not sent, the text is kept")
    await expect(line.panel.composer).to_have_value("Kept")
    line.proxy.lose_nothing()
    await line.panel.composer.press("Enter")

    await expect(line.panel.questions).to_have_count(1)
    await line.panel.ended("complete")
    await expect(line.panel.page).to_have_url(re.compile("#/c/"))
