"""Chromium, the agent as a program, and a fake Ollama; one of each for a worker's session."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.fakes.ollama import FakeOllama

from .panel import Panel
from .program import NOBODY, ROOT, Program, program
from .watch import Watch

HERE = Path(__file__).parent
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
CHAT, SEEING = "qwen3:4b", "qwen2.5vl:7b"

NewProgram = Callable[..., Awaitable[Program]]
NewPanel = Callable[..., Awaitable[Panel]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One loop for the session, since the browser lives as long as that."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            item.add_marker(pytest.mark.browser)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(60))


def needs(found: str | None, what: str) -> str:
    """Where the tests run for everybody, something missing is a failure and not an excuse."""
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    chromium = needs(found, f"There is no Chromium (looked for {', '.join(NAMES)}).")
    built = (ROOT / "agent/ui/index.html").exists()
    needs("built" if built else None, "The panel is not built: make setup.")
    expect.set_options(timeout=20_000)
    async with async_playwright() as playwright:
        one = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield one
        await one.close()


def equip(fake: FakeOllama) -> None:
    """The models that the tests know."""
    for name in list(fake.state.models):
        fake.remove_model(name)
    fake.add_model(CHAT, capabilities=["completion", "tools", "thinking"])
    fake.add_model(SEEING, capabilities=["completion", "vision"], family="qwen25vl")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lasting_fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama(num_parallel=8) as fake:
        yield fake


@pytest.fixture
def fake(lasting_fake: FakeOllama) -> FakeOllama:
    """Behaves well, has a model for chat and one that sees, and has forgotten who asked before."""
    lasting_fake.behave_well()
    equip(lasting_fake)
    lasting_fake.requests.clear()
    lasting_fake.departures.clear()
    return lasting_fake


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lasting_agent(
    lasting_fake: FakeOllama, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Program]:
    equip(lasting_fake)
    folder = tmp_path_factory.mktemp("agent") / "data"
    async with program(folder, lasting_fake.url) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def agent(lasting_agent: Program, fake: FakeOllama) -> Program:
    """Connected to `fake`, and empty. Not to be ended."""
    await lasting_agent.forget_everything()
    return lasting_agent


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lasting_guide_agent(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Program]:
    async with program(tmp_path_factory.mktemp("guide") / "data") as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def guide_agent(lasting_guide_agent: Program) -> Program:
    """Without any model, and empty. Not to be ended."""
    await lasting_guide_agent.forget_everything()
    return lasting_guide_agent


@pytest_asyncio.fixture(loop_scope="session")
async def new_program(tmp_path: Path) -> AsyncIterator[NewProgram]:
    """Starts an agent of the test's own: `await new_program(ollama_url, **settings)`."""
    async with AsyncExitStack() as stack:

        async def start(ollama_url: str = NOBODY, **settings: object) -> Program:
            return await stack.enter_async_context(
                program(tmp_path / "data", ollama_url, **settings)
            )

        yield start


@pytest_asyncio.fixture(loop_scope="session")
async def new_panel(browser: Browser) -> AsyncIterator[NewPanel]:
    """Opens a page in a fresh browser profile: `await new_panel(agent, **context options)`.

    At the end no page may have complained, failed or called anybody but the agent."""
    panels: list[Panel] = []
    async with AsyncExitStack() as stack:

        async def start(agent: Program, **options: Any) -> Panel:  # Any: Playwright's own
            context = await browser.new_context(**options)
            stack.push_async_callback(context.close)
            context.set_default_timeout(8_000)
            panel = Panel(await context.new_page(), agent, Watch())
            await panel.watch.follow(panel.page)
            panels.append(panel)
            return panel

        yield start
    assert [panel.watch.seen() for panel in panels] == [[] for _ in panels]


@pytest_asyncio.fixture(loop_scope="session")
async def panel(agent: Program, new_panel: NewPanel) -> Panel:
    """Signed in, on the first page, in English, light, 1280 by 800."""
    one = await new_panel(agent)
    await one.sign_in()
    return one
