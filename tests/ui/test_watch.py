"""The watch over the pages sees what it is there for."""

import asyncio
from contextlib import suppress

from .conftest import NewPanel
from .program import Program

DEEDS = """() => {
  console.error("complained");
  document.body.insertAdjacentHTML("beforeend", '<img src="http://other.example/x.png">');
  document.body.insertAdjacentHTML("beforeend", '<p style="color: red">styled</p>');
  setTimeout(() => { throw new Error("failed") });
}"""
COMPLAINTS = ("complained", "img-src http://other.example/x.png", "style-src-attr", "failed")


async def test_nothing_that_a_page_must_not_do_goes_unseen(
    guide_agent: Program, new_panel: NewPanel
) -> None:
    panel = await new_panel(guide_agent)
    await panel.sign_in()

    await panel.page.evaluate(DEEDS)
    with suppress(TimeoutError):
        async with asyncio.timeout(20):
            while not all(word in str(panel.watch.seen()) for word in COMPLAINTS):
                await panel.page.wait_for_timeout(20)

    seen = "\n".join(panel.watch.seen())
    for word in COMPLAINTS:
        assert word in seen, word
    panel.watch.complaints.clear()
