"""The plugin's page in a browser: what it shows, and where it leads."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Error, Page, expect

from agent.shared.tasks import running
from tests.fakes.orca_module import FakeSlicer, Surface

from .program import NOBODY, Program

pytestmark = pytest.mark.slow

# What the slicer puts into a page of a plugin; not into the agent's own, to be on the safe side.
BRIDGE = """if (location.protocol === "file:") {
  window.orca = {
    postMessage: (said) => window.toPlugin(said),
    onMessage: (hear) => { window.fromPlugin = hear; },
  };
}"""


class WebView(Surface):
    """A surface that a real browser shows."""

    def __init__(self, host: FakeSlicer, html: str, on_message: Any, page: Page) -> None:
        super().__init__(host, html, on_message)
        self._page, self._loop = page, asyncio.get_running_loop()
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()  # Any: JSON values

    def hear(self, said: dict[str, Any]) -> None:  # Any: JSON values
        self._loop.call_soon_threadsafe(self._said.put_nowait, said)

    async def pump(self) -> None:
        """What Python says reaches the page's script, as long as the page is ours."""
        while True:
            said = await self._said.get()
            with suppress(Error):  # the page has gone on to the agent
                await self._page.evaluate("said => window.fromPlugin(said)", said)


@asynccontextmanager
async def tab(browser: Browser, url: str, folder: Path) -> AsyncIterator[tuple[FakeSlicer, Page]]:
    """The plugin's tab, as it stands when the user opens it."""
    host = FakeSlicer()
    await asyncio.to_thread(host.load, url)
    try:
        async with await browser.new_context() as context:
            page = await context.new_page()
            view = await asyncio.to_thread(host.open_page)
            host.page = web = WebView(host, view.html, view.on_message, page)
            await page.expose_function("toPlugin", lambda said: asyncio.to_thread(web.take, said))
            await page.add_init_script(BRIDGE)
            file = folder / "page.html"
            file.write_text(view.html, "utf-8")
            async with running(bridge=web.pump()):
                await page.goto(file.as_uri())
                yield host, page
    finally:
        await asyncio.to_thread(host.close)


async def test_the_tab_shows_a_code_and_goes_to_the_agent_once_it_is_confirmed(
    browser: Browser, agent: Program, tmp_path: Path
) -> None:
    async with tab(browser, agent.url, tmp_path) as (_, page):
        await page.get_by_role("button", name="Connect this slicer").click()
        code = page.locator("#code")
        await expect(code).to_have_text(re.compile(r"\d{6}"))
        [waiting] = (await agent.get("/pairing"))["items"]
        await agent.post(f"/pairing/{waiting['id']}/confirm", {"code": await code.inner_text()})

        await expect(page.get_by_test_id("composer")).to_be_visible()
        await expect(page).to_have_url(re.compile(re.escape(agent.url) + "/ui"))

        told = await agent.get("/slicer/context")
        assert told["connected"]


async def test_without_an_agent_the_tab_says_so_and_what_to_do(
    browser: Browser, tmp_path: Path
) -> None:
    async with tab(browser, NOBODY, tmp_path) as (_, page):
        await expect(page.get_by_role("heading")).to_have_text("The agent is not running")
        await expect(page.locator("#text")).to_contain_text("orca-agent serve")
