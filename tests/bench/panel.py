"""The page in Chromium: what it weighs, and how it feels with a long conversation open."""

import gzip
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from playwright.async_api import Browser, Error, Page, Response, async_playwright

from tests.bench.conversation import exported
from tests.bench.processes import Agent, Fake, orca_agent
from tests.bench.report import Row, watching
from tests.bench.targets import percentile

FIRST_PAGE_BYTES, INTERACTION_S = 150e3, 0.1
MESSAGES = 2_000
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
# From the event to the first moment after the frame that shows its outcome; and how long the page
# could not have answered anything.
WATCHING = """
window.waits = [];
window.blocked = [];
const done = new MessageChannel();
const open = [];
done.port1.onmessage = () => {
  for (const at of open.splice(0)) window.waits.push(performance.now() - at);
};
for (const kind of ["keydown", "pointerdown", "click", "wheel"]) {
  addEventListener(kind, (event) => requestAnimationFrame(() => {
    open.push(event.timeStamp);
    done.port2.postMessage(null);
  }), { capture: true, passive: true });
}
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.blocked.push(one.duration);
}).observe({ type: "longtask", buffered: true });
"""
IS_AT_THE_TOP = """() => {
  const messages = document.querySelector("[data-testid=message]").closest("[role=region]");
  return messages.scrollTop === 0 && !document.querySelector("[data-testid=earlier]");
}"""


@dataclass(slots=True)
class Felt:
    """Waits in seconds: of what somebody did, and of the page with itself."""

    waits: list[float]
    blocked: list[float]

    @property
    def worst(self) -> float:
        return max([*self.waits, *self.blocked], default=0.0)


async def measure(fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """The bytes of the first page; typing, menus, scrolling and a growing answer, each at the end
    of a long conversation and with the whole of it scrolled through."""
    messages = 200 if quick else MESSAGES
    async with orca_agent(folder, folder / "panel", fake.url) as agent, chromium() as browser:
        await fake.stream(300, 50)
        conversation = await _imported(agent, messages)
        with watching(fake.process, agent.process) as others:
            size, files = await _first_page(browser, agent)
            page = await _signed_in(browser, agent)
            opened_s = await _opened(page, conversation)
            felt = {f"{name}, at its end": one for name, one in (await _felt(page)).items()}
            felt["scrolling through all of it"] = await _scrolled(page)
            felt |= {f"{name}, after that": one for name, one in (await _felt(page)).items()}
            elements = await page.evaluate("document.querySelectorAll('*').length")
    facts = {"files": float(files), "bytes": size, "opened": opened_s, "elements": elements}
    rows = [
        Row(
            "first page, compressed",
            f"{files} files",
            f"{size / 1e3:.0f} kB",
            reach=f"< {FIRST_PAGE_BYTES / 1e3:.0f} kB",
            is_reached=size < FIRST_PAGE_BYTES,
            facts=facts,
        ),
        Row(f"a conversation of {messages:,} messages", "opened", f"{opened_s * 1000:.0f} ms"),
    ]
    return [*rows, *(_row(name, one, others.cores) for name, one in felt.items())]


def _row(name: str, felt: Felt, others: float) -> Row:
    middle = percentile(felt.waits, 50) if felt.waits else 0.0
    return Row(
        "interaction beside it",
        name,
        f"worst {felt.worst * 1000:.0f} ms",
        ratio=f"median {middle * 1000:.0f} ms" if felt.waits else "",
        reach=f"< {INTERACTION_S * 1000:.0f} ms",
        is_reached=felt.worst < INTERACTION_S,
        facts={"worst": felt.worst, "median": middle, "count": float(len(felt.waits))},
        others=others,
    )


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Raises OSError where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise FileNotFoundError(f"there is no Chromium ({', '.join(NAMES)})")
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=found, args=FLAGS)
        except Error as err:
            raise OSError(f"Chromium does not start: {err.message.splitlines()[0]}") from err
        yield browser
        await browser.close()


async def _imported(agent: Agent, messages: int) -> str:
    """The conversation's id."""
    document = exported(messages, random.Random(20_260_101))
    async with _client(agent) as client:
        (await client.post("/conversations/import", json=document)).raise_for_status()
    return str(document["conversation"]["id"])


async def _first_page(browser: Browser, agent: Agent) -> tuple[float, int]:
    """What a browser that knows nothing fetches until one can write, as gzip would send it."""
    sizes: dict[str, int] = {}

    async def weigh(response: Response) -> None:
        if urlsplit(response.url).path.startswith("/ui") and response.status == 200:
            sizes[response.url] = len(gzip.compress(await response.body(), 9))

    page = await browser.new_page()
    page.on("response", weigh)
    await page.goto(await _link(agent))
    await page.get_by_test_id("first-run").wait_for()
    await page.wait_for_load_state("networkidle")
    await page.close()
    return float(sum(sizes.values())), len(sizes)


async def _signed_in(browser: Browser, agent: Agent) -> Page:
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    await page.add_init_script(WATCHING)
    await page.goto(await _link(agent))
    await page.get_by_test_id("conversation-item").first.wait_for()
    return page


async def _opened(page: Page, conversation: str) -> float:
    """From the address to its last message."""
    took: float = await page.evaluate(
        """id => new Promise((tell) => {
          const began = performance.now();
          const end = () => tell(performance.now() - began);
          const isThere = () => document.querySelector("[data-testid=message]");
          const look = () => requestAnimationFrame(isThere() ? end : look);
          location.hash = `#/c/${id}`;
          look();
        })""",
        conversation,
    )
    await page.wait_for_timeout(500)
    return took / 1000


async def _felt(page: Page) -> dict[str, Felt]:
    return {
        "typing": await _typed(page),
        "opening a menu": await _menu(page),
        "an answer grows": await _answered(page),
    }


async def _typed(page: Page) -> Felt:
    await _forget(page)
    composer = page.get_by_test_id("composer")
    await composer.focus()
    await page.keyboard.type("Why does the first layer not stick at the corners?", delay=25)
    felt = await _told(page)
    await composer.fill("")
    return felt


async def _menu(page: Page) -> Felt:
    await _forget(page)
    for _ in range(6):
        await page.get_by_test_id("panel-menu").click()
        await page.get_by_role("menu").wait_for()
        await page.keyboard.press("Escape")
        await page.get_by_role("menu").wait_for(state="detached")
    return await _told(page)


async def _answered(page: Page) -> Felt:
    """Somebody asks, and goes on typing while the answer comes."""
    composer = page.get_by_test_id("composer")
    await composer.fill("And what about the second layer?")
    await _forget(page)
    await page.keyboard.press("Enter")
    await page.get_by_test_id("stop").wait_for()
    await page.keyboard.type("and in the meantime I write down what I want to know next", delay=60)
    await page.get_by_test_id("stop").wait_for(state="detached")
    felt = await _told(page)
    await composer.fill("")
    return felt


async def _scrolled(page: Page) -> Felt:
    """With the wheel to the first message and back."""
    box = await page.get_by_role("region", name="Messages").bounding_box()
    if box is None:
        raise OSError("the messages have no place")
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await _forget(page)
    for _ in range(1_500):
        await page.mouse.wheel(0, -2_500)
        if await page.evaluate(IS_AT_THE_TOP):
            break
    else:
        raise OSError("the first message was not reached")
    for _ in range(60):
        await page.mouse.wheel(0, 2_500)
    return await _told(page)


async def _forget(page: Page) -> None:
    await page.wait_for_timeout(300)
    await page.evaluate("window.waits = []; window.blocked = []")


async def _told(page: Page) -> Felt:
    await page.wait_for_timeout(300)
    waits, blocked = await page.evaluate("[window.waits, window.blocked]")
    return Felt([one / 1000 for one in waits], [one / 1000 for one in blocked])


async def _link(agent: Agent) -> str:
    async with _client(agent) as client:
        return str((await client.post("/tickets", json={})).raise_for_status().json()["url"])


def _client(agent: Agent) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {agent.token}"}
    return httpx.AsyncClient(
        base_url=f"{agent.url}/api/v1", headers=headers, timeout=120, trust_env=False
    )
