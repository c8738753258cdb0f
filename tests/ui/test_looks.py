"""Narrow and wide, light and dark, large letters and still pictures."""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.fakes.ollama import FakeOllama

from .conftest import SEEING, NewPanel
from .panel import Panel
from .program import Program
from .test_conversations import fill
from .test_images import attach, is_attached

pytestmark = pytest.mark.slow

SLICER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 BBL-Slicer/v2.4.0"
UNBROKEN = "Supercalifragilistic" * 20
WIDE_THINGS = f"""# {UNBROKEN}

| {UNBROKEN} | one | two | three | four | five |
|---|---|---|---|---|---|
| 1 | 2 | 3 | 4 | 5 | 6 |

```gcode
G1 X10 Y10 {UNBROKEN}
```

`{UNBROKEN}` and {UNBROKEN} and https://example.org/{UNBROKEN}

> > > - 1. deep {UNBROKEN}
"""


async def walk_through_all_states(panel: Panel, fake: FakeOllama) -> None:
    """Every state of the page; nothing in them is wider than it."""
    await panel.page.goto(f"{panel.agent.url}/ui")
    await expect(panel.page.get_by_test_id("sign-in")).to_be_visible()
    await panel.page.get_by_role("button", name="Show a code").click()
    await expect(panel.page.get_by_test_id("pairing-code")).to_be_visible()
    await panel.fits()
    await fill(panel.agent, UNBROKEN[:200])
    await panel.sign_in()
    await expect(panel.page.get_by_test_id("first-run")).to_be_visible()
    await panel.fits()
    await panel.pick(SEEING)
    await attach(panel, "button")
    await is_attached(panel)
    await panel.composer.fill(UNBROKEN)
    await panel.fits()
    fake.misbehave(path="/api/chat", times=1, thinking=UNBROKEN, text=WIDE_THINGS)
    await panel.ask_and_hear(UNBROKEN)
    await panel.answer.get_by_test_id("thinking").locator("summary").click()
    await panel.answer.get_by_test_id("usage").locator("summary").click()
    await panel.fits()
    fake.misbehave(path="/api/chat", times=1, text="Some words", die_after=1)
    await panel.ask("And then?")
    await panel.ended("failed")
    await expect(panel.answer.get_by_role("note")).to_contain_text("crashed")
    await panel.fits()
    await panel.page.get_by_test_id("model-picker").click()
    await panel.fits()
    await panel.page.keyboard.press("Escape")
    await panel.page.get_by_test_id("panel-menu").click()
    await panel.fits()
    await panel.page.get_by_role("menuitem", name="About").click()
    await panel.fits()
    await panel.page.keyboard.press("Escape")
    await panel.page.keyboard.press("Control+k")
    await expect(panel.search).to_be_focused()
    await panel.search.fill("super")
    await expect(panel.rows.locator("mark").first).to_be_visible()
    await panel.fits()


@pytest.mark.parametrize("width", [320, 1600])
async def test_nothing_scrolls_sideways(
    agent: Program, new_panel: NewPanel, fake: FakeOllama, width: int
) -> None:
    panel = await new_panel(agent, viewport={"width": width, "height": 640})

    await walk_through_all_states(panel, fake)


async def test_at_twice_the_letter_size_nothing_scrolls_sideways(
    agent: Program, new_panel: NewPanel, fake: FakeOllama
) -> None:
    """Zoom in a browser is a smaller page at a larger scale: 1280 by 800 at 200 %."""
    panel = await new_panel(agent, viewport={"width": 640, "height": 400}, device_scale_factor=2)

    await walk_through_all_states(panel, fake)


async def test_on_a_narrow_page_the_list_is_a_drawer(panel: Panel, agent: Program) -> None:
    await fill(agent, "First layer")
    await panel.page.set_viewport_size({"width": 320, "height": 640})
    await panel.page.reload()
    await expect(panel.rows).to_have_count(0)

    await panel.page.get_by_role("button", name="Conversations").click()
    await panel.rows.locator("a").click()

    await expect(panel.page.get_by_role("dialog")).to_have_count(0)
    await expect(panel.page.get_by_role("heading", level=1)).to_have_text("First layer")


@pytest.mark.parametrize(("width", "height"), [(1024, 360), (640, 390), (320, 256)])
async def test_in_a_low_window_the_list_keeps_some_rows_and_all_around_it_is_reached(
    agent: Program, new_panel: NewPanel, width: int, height: int
) -> None:
    """As at 200 or 400 % of a window that is not."""
    await fill(agent, *(f"Print {number}" for number in range(20)))
    panel = await new_panel(agent, viewport={"width": width, "height": height})
    await panel.sign_in()
    if width < 720:
        await panel.page.get_by_role("button", name="Conversations").click()
    listed = panel.page.get_by_role("navigation", name="Conversation list")

    row = await panel.rows.first.bounding_box()
    box = await listed.bounding_box()
    assert row is not None
    assert box is not None
    assert box["height"] >= 3 * row["height"]
    await listed.evaluate("list => list.scrollTo(0, list.scrollHeight)")
    oldest = panel.rows.filter(has_text="Print 0")
    await oldest.scroll_into_view_if_needed()
    await expect(oldest).to_be_in_viewport(ratio=1)
    for name in ("New chat", "Settings"):
        one = panel.page.get_by_text(name, exact=True).first
        await one.scroll_into_view_if_needed()
        await expect(one).to_be_in_viewport(ratio=1)
    await panel.fits()


async def test_on_a_narrow_page_the_guide_is_named_in_full(
    guide_agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(guide_agent, viewport={"width": 320, "height": 640})
    await panel.sign_in()

    await panel.ask_and_hear("Why does PETG string?")

    author = panel.answer.get_by_role("heading", level=2).first
    await expect(author).to_have_text("Built-in guide")
    cut = "one => one.scrollWidth - one.clientWidth"
    assert await author.locator(".one-line").evaluate(cut) == 0
    await panel.fits()


async def test_on_a_very_wide_page_lines_stay_readable(panel: Panel, fake: FakeOllama) -> None:
    await panel.page.set_viewport_size({"width": 2560, "height": 1200})
    fake.misbehave(path="/api/chat", text="word " * 300)

    await panel.ask_and_hear("Why?")

    box = await panel.text.bounding_box()
    assert box is not None
    assert box["width"] < 1000


async def brightness(panel: Panel) -> float:
    """Of the page behind the text: 0 is black, 1 is white."""
    color: str = await panel.page.evaluate("getComputedStyle(document.body).backgroundColor")
    numbers = [float(part) for part in color.split("(")[1].rstrip(")").split(",")[:3]]
    return sum(numbers) / 3 / 255


@pytest.mark.parametrize(
    ("options", "is_dark"),
    [
        ({"color_scheme": "light"}, False),
        ({"color_scheme": "dark"}, True),
        ({"color_scheme": "light", "user_agent": f"{SLICER} (dark) BBL-Language/de"}, True),
        ({"color_scheme": "dark", "user_agent": f"{SLICER} (light) BBL-Language/de"}, False),
    ],
)
async def test_light_and_dark_come_from_the_slicer_else_from_the_system(
    agent: Program,
    new_panel: NewPanel,
    options: dict[str, Any],  # Any: Playwright's own
    *,
    is_dark: bool,
) -> None:
    panel = await new_panel(agent, **options)

    await panel.sign_in()

    assert (await brightness(panel) < 0.3) is is_dark


async def test_a_theme_that_was_chosen_is_kept_and_is_there_before_the_first_paint(
    panel: Panel,
) -> None:
    await panel.menu("Dark")
    assert await brightness(panel) < 0.3

    await panel.page.goto(f"{panel.agent.url}/ui", wait_until="commit")
    await panel.page.locator("html[data-theme]").wait_for(state="attached")
    assert await panel.page.evaluate("document.documentElement.dataset.theme") == "dark"


async def test_the_slicer_tab_opens_the_last_conversation_again(
    agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(agent, user_agent=f"{SLICER} (dark) BBL-Language/de")
    await panel.sign_in()
    await panel.ask_and_hear("Where was I?")

    await panel.page.goto("about:blank")
    await panel.page.goto(f"{agent.url}/ui")

    await expect(panel.questions.locator(".bubble")).to_have_text("Where was I?")


async def test_nothing_moves_where_motion_is_not_wanted(
    agent: Program, new_panel: NewPanel, fake: FakeOllama
) -> None:
    panel = await new_panel(agent, reduced_motion="reduce")
    await panel.sign_in()
    fake.misbehave(path="/api/chat", delay=60)

    await panel.ask("Why?")

    await expect(panel.page.get_by_test_id("wait")).to_be_visible()
    running = "document.getAnimations().filter((one) => one.playState === 'running').length"
    assert await panel.page.evaluate(running) == 0
    await panel.page.get_by_test_id("panel-menu").click()
    assert await panel.page.evaluate(running) == 0
    await panel.page.keyboard.press("Escape")
    await panel.stop.click()
