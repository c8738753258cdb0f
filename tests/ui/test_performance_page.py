"""Performance: the queues as they are, and what was asked of the models."""

import pytest
from playwright.async_api import expect

from tests.fakes.ollama import FakeOllama

from .conftest import NewPanel
from .pages import is_sound, opened, sign_in_with
from .panel import Panel
from .program import Program

pytestmark = pytest.mark.slow

LONG = "word " * 2000
MEASURED = "measured:1b"


async def asked(agent: Program, fake: FakeOllama) -> None:
    """Of a model that nobody else asks: two answers, one that failed, and five that go on, of
    which one waits."""
    fake.add_model(MEASURED, family="other")
    await agent.post("/backends/local/test", {})
    async with agent.client() as client:

        async def ask(question: str, project: str, **headers: str) -> None:
            made = (await client.post("/conversations", json={})).json()
            path = f"/conversations/{made['id']}/messages"
            body = {"content": question, "model": MEASURED}
            await client.post(path, json=body, headers={"X-Project": project, **headers})

        whole = {"Accept": "text/event-stream"}
        await ask("Why?", "line-1", **whole)
        await ask("Why not?", "line-2", **whole)
        fake.misbehave(path="/api/chat", times=1, text=LONG, die_after=2)
        await ask("And then?", "line-1", **whole)
        fake.misbehave(path="/api/chat", text=LONG, pace=20)
        for number in range(5):
            await ask(f"Long {number}", "line-3")


async def test_the_page_shows_what_was_asked_and_what_waits(
    panel: Panel, agent: Program, fake: FakeOllama
) -> None:
    await asked(agent, fake)

    page = await opened(panel, "performance")

    text = page.locator("[data-queue=text]")
    await expect(text).to_contain_text("4 of 4 running")
    await expect(text).to_contain_text("1 waiting")
    await expect(text.get_by_role("img")).to_have_attribute(
        "aria-label", "4 running and 1 waiting now; at most 1 waiting in the last minutes"
    )
    await expect(page.get_by_test_id("totals")).to_contain_text("requests, ")
    card = page.locator(f"[data-testid=model-performance][data-model='{MEASURED}']")
    await expect(card).to_contain_text("3 requests · 1 error (33.3%)")
    await expect(card.locator("dt")).to_have_text(["p50", "p95", "p99"] * 2)
    await expect(card).to_contain_text("tokens/s")
    row = page.get_by_test_id("projects").locator("tr").filter(has_text="line-1")
    await expect(row.locator("td").nth(1)).to_have_text("1")
    latest = page.get_by_test_id("latest").locator("tbody tr").filter(has_text=MEASURED)
    await expect(latest).to_have_count(3)
    await expect(latest.locator(".bad")).to_have_text("failed")

    fake.behave_well()
    await agent.forget_everything()
    await expect(text).to_contain_text("0 of 4 running")
    await expect(text).to_contain_text("0 waiting")


@pytest.mark.parametrize("width", [320, 1280])
async def test_the_page_is_sound(
    agent: Program, new_panel: NewPanel, fake: FakeOllama, width: int
) -> None:
    await asked(agent, fake)
    panel = await new_panel(agent, viewport={"width": width, "height": 800})
    await panel.sign_in()

    await opened(panel, "performance")
    await panel.page.get_by_test_id("period").select_option("Last hour")

    await is_sound(panel)


async def test_before_anything_was_asked_the_page_says_what_to_do(
    guide_agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(guide_agent)
    await panel.sign_in()

    page = await opened(panel, "performance")

    await page.get_by_test_id("period").select_option("Last hour")
    await expect(page.locator(".empty, [data-testid=totals]").first).to_be_visible()


async def test_who_may_not_see_the_numbers_still_sees_the_queues(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent)
    await sign_in_with(panel, "chat")

    page = await opened(panel, "performance")

    await expect(page.get_by_test_id("queue")).to_have_count(2)
    await expect(page.get_by_test_id("not-allowed")).to_contain_text("scope admin")


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
