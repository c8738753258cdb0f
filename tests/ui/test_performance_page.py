"""Performance: the queues as they are, and what was asked of the models."""

import pytest
from playwright.async_api import expect

from tests.fakes.ollama import FakeOllama

from .conftest import CHAT, NewPanel, NewProgram
from .pages import is_sound, opened, sign_in_with
from .panel import Panel
from .program import Program

LONG = "word " * 2000


async def asked(agent: Program, fake: FakeOllama) -> None:
    """Two answers, one that failed, and three that go on: one of them waits."""
    async with agent.client() as client:

        async def ask(question: str, project: str) -> None:
            made = (await client.post("/conversations", json={})).json()
            await client.post(
                f"/conversations/{made['id']}/messages",
                json={"content": question, "model": CHAT},
                headers={"X-Project": project, "Accept": "text/event-stream"},
            )

        await ask("Why?", "line-1")
        await ask("Why not?", "line-2")
        fake.misbehave(path="/api/chat", times=1, text=LONG, die_after=2)
        await ask("And then?", "line-1")
        fake.misbehave(path="/api/chat", text=LONG, pace=20)
        for number in range(3):
            made = (await client.post("/conversations", json={})).json()
            await client.post(
                f"/conversations/{made['id']}/messages", json={"content": f"Long {number}"}
            )


async def test_the_page_shows_what_was_asked_and_what_waits(
    new_program: NewProgram, new_panel: NewPanel, fake: FakeOllama
) -> None:
    agent = await new_program(fake.url, concurrent_chats=2)
    await asked(agent, fake)
    panel = await new_panel(agent)
    await panel.sign_in()

    page = await opened(panel, "performance")

    text = page.locator("[data-queue=text]")
    await expect(text).to_contain_text("2 of 2 running")
    await expect(text).to_contain_text("1 waiting")
    await expect(text.get_by_role("img")).to_have_attribute(
        "aria-label", "2 running and 1 waiting now; at most 1 waiting in the last minutes"
    )
    await expect(page.get_by_test_id("totals")).to_contain_text("3 requests, 1 error (33.3%).")
    card = page.locator(f"[data-testid=model-performance][data-model='{CHAT}']")
    await expect(card.locator("dt")).to_have_text(["p50", "p95", "p99"] * 2)
    await expect(card).to_contain_text("tokens/s")
    rows = page.get_by_test_id("projects").locator("tbody th")
    await expect(rows).to_have_text(["line-1", "line-2"])
    await expect(page.get_by_test_id("latest").locator("tbody tr")).to_have_count(3)
    await expect(page.get_by_test_id("latest").locator(".bad")).to_have_text("failed")
    await page.get_by_test_id("period").select_option("Last hour")
    await expect(page.get_by_test_id("totals")).to_contain_text("3 requests")

    fake.behave_well()
    for run in (await agent.get("/runs", state="running"))["items"]:
        await agent.post(f"/runs/{run['id']}/cancel", {})
    await expect(text).to_contain_text("0 of 2 running")
    await expect(text).to_contain_text("0 waiting")


@pytest.mark.slow
async def test_before_anything_was_asked_the_page_says_what_to_do(
    guide_agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(guide_agent)
    await panel.sign_in()

    page = await opened(panel, "performance")

    await page.get_by_test_id("period").select_option("Last hour")
    await expect(page.locator(".empty, [data-testid=totals]").first).to_be_visible()


@pytest.mark.slow
async def test_who_may_not_see_the_numbers_still_sees_the_queues(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent)
    await sign_in_with(panel, "chat")

    page = await opened(panel, "performance")

    await expect(page.get_by_test_id("queue")).to_have_count(2)
    await expect(page.get_by_test_id("not-allowed")).to_contain_text("scope admin")


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 1280])
async def test_the_page_is_sound(
    new_program: NewProgram, new_panel: NewPanel, fake: FakeOllama, width: int
) -> None:
    agent = await new_program(fake.url, concurrent_chats=2)
    await asked(agent, fake)
    panel = await new_panel(agent, viewport={"width": width, "height": 800})
    await panel.sign_in()

    await opened(panel, "performance")

    await is_sound(panel)


@pytest.mark.slow
async def test_a_hidden_page_asks_nothing(panel: Panel) -> None:
    await opened(panel, "performance")
    asked: list[str] = []
    await panel.page.evaluate(
        "Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'})"
    )
    await panel.page.wait_for_timeout(2_000)
    panel.page.on("request", lambda one: asked.append(one.url))

    await panel.page.wait_for_timeout(4_000)

    assert [one for one in asked if "queues" in one or "telemetry" in one] == []
