"""Models: what is there, in memory, on its way, and gone."""

import pytest
from playwright.async_api import expect

from tests.fakes.ollama import FakeOllama

from .conftest import CHAT, SEEING, NewPanel
from .pages import is_sound, opened, sign_in_with
from .panel import Panel
from .program import Program

pytestmark = pytest.mark.slow

NEW = "hf.co/unsloth/Qwen3-4B-GGUF:Q4_K_M"
MB = 1 << 20


def offer(fake: FakeOllama, seconds: float) -> None:
    """Nothing of it is there yet."""
    fake.state.downloaded.clear()
    fake.remove_model(NEW)
    fake.add_pullable(NEW, layers=[("ab" * 32, 400 * MB), ("cd" * 32, 500)], seconds=seconds)


async def test_a_download_is_watched_by_two_cancelled_by_one_and_gone_on_with(
    panel: Panel, agent: Program, new_panel: NewPanel, fake: FakeOllama
) -> None:
    offer(fake, seconds=60)
    other = await new_panel(agent)
    await other.sign_in()
    theirs = (await opened(other, "models")).get_by_test_id("pull")
    page = await opened(panel, "models")

    await page.get_by_test_id("pull-name").fill(NEW)
    await page.get_by_test_id("pull-name").press("Enter")
    pull = page.get_by_test_id("pull")
    await expect(pull.get_by_test_id("pull-words")).to_contain_text("MB/s")
    await expect(pull.get_by_test_id("pull-words")).to_contain_text("left")
    await expect(theirs).to_have_attribute("data-model", NEW)
    await theirs.get_by_role("button", name="Cancel").click()

    for bar in (pull, theirs):
        await expect(bar).to_have_attribute("data-state", "cancelled")
    before = int(await pull.get_by_role("progressbar").evaluate("bar => bar.value"))
    assert 0 < before < 400 * MB
    offered = fake.state.pullable[NEW]
    fake.add_pullable(NEW, layers=offered.layers, seconds=0.2)
    await pull.get_by_role("button", name="Resume").click()
    await expect(page.get_by_test_id("pull")).to_have_attribute("data-state", "done")
    row = page.locator(f"[data-testid=model][data-model='{NEW}']")
    await expect(row).to_be_visible()
    fake.remove_model(NEW)


async def test_a_model_that_is_in_use_goes_only_if_one_says_so_again(
    panel: Panel, agent: Program
) -> None:
    await agent.post("/conversations", {"title": "Uses it", "model": SEEING})
    page = await opened(panel, "models")
    panel.watch.allow("status of 409")
    row = page.locator(f"[data-testid=model][data-model='{SEEING}']")
    await row.get_by_role("button", name=f"Delete {SEEING}").click()
    dialog = panel.page.get_by_role("dialog", name=f"Delete {SEEING}?")
    await expect(dialog).to_contain_text("This frees")

    await dialog.get_by_test_id("delete-confirm").click()
    await expect(dialog).to_contain_text("One conversation names it")
    await dialog.get_by_role("button", name="Delete all the same").click()

    await expect(dialog).to_have_count(0)
    await expect(row).to_have_count(0)
    assert SEEING not in [one["name"] for one in (await agent.get("/models"))["items"]]


async def test_a_model_is_read_into_memory_and_taken_out(panel: Panel, fake: FakeOllama) -> None:
    page = await opened(panel, "models")
    row = page.locator(f"[data-testid=model][data-model='{CHAT}']")
    if await row.get_by_role("button", name="Unload").count():
        await row.get_by_role("button", name="Unload").click()

    await row.get_by_role("button", name="Load", exact=True).click()
    await expect(row.get_by_test_id("in-memory")).to_contain_text("in memory until")
    await row.get_by_role("button", name="Unload").click()

    await expect(row.get_by_test_id("in-memory")).to_have_count(0)
    await expect(row.locator(".chip")).to_contain_text(["default", "completion", "tools"])


async def test_the_models_for_this_computer_are_named_with_the_reason(
    panel: Panel, agent: Program
) -> None:
    advice = await agent.get("/model-profiles")
    page = await opened(panel, "models")

    await expect(page).to_contain_text(advice["why"])
    named = page.get_by_test_id("recommended")
    await expect(named).to_have_count(sum(map(len, advice["models"].values())))
    first = named.filter(has_text=advice["models"]["text"][0])
    await expect(first.get_by_role("button", name="Pull")).to_be_visible()


async def test_without_any_model_the_page_says_where_to_look(
    guide_agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(guide_agent, viewport={"width": 320, "height": 640})
    await panel.sign_in()

    page = await opened(panel, "models")

    empty = page.get_by_test_id("no-models")
    await expect(empty).to_contain_text("No model server answers.")
    await expect(empty.get_by_role("link")).to_have_text(["Runtime", "add one elsewhere"])
    await is_sound(panel)


async def test_who_may_only_chat_sees_models_and_is_told_what_is_missing(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent)
    await sign_in_with(panel, "chat")

    page = await opened(panel, "models")
    # What the page asks for now and then it may ask for, too: else the browser complains.
    await panel.page.wait_for_event("response", lambda one: one.url.endswith("/health/ready"))

    await expect(page.get_by_test_id("model")).to_have_count(2)
    await expect(page.get_by_test_id("not-allowed")).to_contain_text("scope models")
    await expect(page.get_by_role("button", name="Load")).to_have_count(0)


@pytest.mark.parametrize("width", [320, 1280])
async def test_the_page_is_sound_while_something_is_pulled_and_asked(
    agent: Program, new_panel: NewPanel, fake: FakeOllama, width: int
) -> None:
    panel = await new_panel(agent, viewport={"width": width, "height": 800})
    await panel.sign_in()
    offer(fake, seconds=60)
    page = await opened(panel, "models")
    await page.get_by_test_id("pull-name").fill(NEW)
    await page.get_by_test_id("pull-start").click()
    await expect(page.get_by_test_id("pull-words")).to_contain_text("MB/s")
    await is_sound(panel)

    await page.get_by_role("button", name=f"Delete {CHAT}").click()
    await expect(panel.page.get_by_role("dialog")).to_be_visible()

    await is_sound(panel)
    await panel.page.keyboard.press("Escape")
    await page.get_by_test_id("pull").get_by_role("button", name="Cancel").click()
    await expect(page.get_by_test_id("pull")).to_have_attribute("data-state", "cancelled")
