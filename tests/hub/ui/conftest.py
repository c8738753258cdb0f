"""Chromium and a hub in this program; one browser for a worker's session."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from hub.console.routes import BUILT, INDEX
from hub.identity.service import NewAccount
from tests.hub.serving import PASSWORD, Served, running_hub
from tests.ui.conftest import FLAGS, NAMES, needs
from tests.ui.watch import Watch

from .desk import Desk

NewDesk = Callable[..., Awaitable[Desk]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    chromium = needs(found, f"There is no Chromium (looked for {', '.join(NAMES)}).")
    needs("built" if (BUILT / INDEX).exists() else None, "The console is not built: make setup.")
    expect.set_options(timeout=20_000)
    async with async_playwright() as playwright:
        one = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield one
        await one.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """With an Administrator ada and a User bob."""
    async with running_hub(tmp_path_factory.mktemp("hub") / "data") as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator", "Ada Lovelace"))
        await served.hub.local.add(NewAccount("bob", PASSWORD, display_name="Bob"))
        yield served


@pytest_asyncio.fixture(loop_scope="session")
async def new_desk(browser: Browser) -> AsyncIterator[NewDesk]:
    """Opens a page in a fresh browser profile: `await new_desk(url, **context options)`.

    At the end no page may have complained, failed or called anybody but the hub."""
    desks: list[Desk] = []
    async with AsyncExitStack() as stack:

        async def start(url: str, **options: Any) -> Desk:  # Any: Playwright's own
            context = await browser.new_context(**({"locale": "en-GB"} | options))
            stack.push_async_callback(context.close)
            context.set_default_timeout(10_000)
            desk = Desk(await context.new_page(), url, Watch())
            await desk.watch.follow(desk.page)
            desks.append(desk)
            return desk

        yield start
    assert [desk.watch.seen() for desk in desks] == [[] for _ in desks]
