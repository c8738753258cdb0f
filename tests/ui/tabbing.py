"""What somebody sees who goes through a page with the Tab key."""

from playwright.async_api import Page

TABS = 70
# Of what has the focus: who it is, and what is wrong with it. It is hidden where another thing
# lies over its middle, or where it is out of the window.
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const rings = (it) => it && getComputedStyle(it).outlineStyle !== "none"
    && parseFloat(getComputedStyle(it).outlineWidth) >= 1;
  const box = one.getBoundingClientRect();
  const inside = (least, value, most) => Math.min(Math.max(value, least), most);
  const x = inside(1, (box.left + box.right) / 2, innerWidth - 1);
  const y = inside(1, (box.top + box.bottom) / 2, innerHeight - 1);
  const seen = document.elementFromPoint(x, y);
  const label = one.closest("label");
  const who = one.outerHTML.slice(0, 160);
  const isRinged = [one, label, one.parentElement, one.parentElement?.parentElement].some(rings);
  const isThere = box.bottom > 0 && box.top < innerHeight;
  const isSeen = isThere && !!seen
    && (one.contains(seen) || seen.contains(one) || !!label?.contains(seen));
  return { who, fault: !isRinged ? `no line around ${who}`
    : !isSeen ? `hidden: ${who}, at ${box.top}, behind ${seen?.outerHTML.slice(0, 80)}` : null };
}"""
TWO_FRAMES = (
    "() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
)


async def walked(page: Page) -> list[str]:
    """What has the focus without a line around it, or behind something else.

    Counted once it has been drawn: a list that grows in just that moment moves what is below it.
    """
    found, seen = [], set()
    for _ in range(TABS):
        await page.keyboard.press("Tab")
        at = await page.evaluate(FOCUSED)
        if at is None:
            break
        if at["who"] in seen:
            continue
        seen.add(at["who"])
        if at["fault"]:
            await page.evaluate(TWO_FRAMES)
            at = await page.evaluate(FOCUSED)
        if at and at["fault"]:
            found.append(at["fault"])
    return found
