"""The pages beside the chat, as a person opens and reads them."""

from playwright.async_api import Locator, expect

from .panel import Panel
from .test_accessibility import faults

SHIFTS = """
const began = performance.now();
window.shifted = 0;
window.shifts?.disconnect();
window.shifts = new PerformanceObserver((list) => {
  const ours = list.getEntries().filter((one) => one.startTime > began && !one.hadRecentInput);
  for (const one of ours) window.shifted += one.value;
});
window.shifts.observe({ type: "layout-shift", buffered: true });
"""
SCROLLS_SIDEWAYS = """
const page = document.querySelector("[data-testid=page]");
return page.scrollWidth > page.clientWidth;
"""


async def opened(panel: Panel, name: str) -> Locator:
    """The page of this name (`files`) or a place in it (`files/ID`), with what it begins with;
    asserts that nothing moved meanwhile."""
    await panel.page.evaluate(SHIFTS)
    await panel.page.evaluate("name => { location.hash = `#/${name}` }", name)
    page = panel.page.locator(f"[data-page={name.split('/', maxsplit=1)[0]}]")
    await expect(page.locator("section, [data-testid=not-allowed]").first).to_be_visible()
    await expect(page.get_by_text("Looking…")).to_have_count(0)
    moved: float = await panel.page.evaluate("window.shifted")
    # Half of what counts as good (https://web.dev/articles/cls).
    assert moved < 0.05, f"{moved} of the page moved while it was opened"
    return page


async def is_sound(panel: Panel) -> None:
    """axe finds nothing in the light and in the dark, and nothing is wider than the page."""
    found = await faults(panel)
    assert found == [], "\n".join(found)
    await panel.fits()
    assert not await panel.page.evaluate(f"() => {{{SCROLLS_SIDEWAYS}}}")


async def sign_in_with(panel: Panel, *scopes: str) -> None:
    """By a link that a program with these scopes asked for."""
    made = await panel.agent.post("/tokens", {"name": "A program", "scopes": list(scopes)})
    async with panel.agent.client() as client:
        client.headers["Authorization"] = f"Bearer {made['token']}"
        link = (await client.post("/tickets", json={})).raise_for_status().json()["url"]
    await panel.page.goto(link)
    await expect(panel.composer).to_be_visible()
