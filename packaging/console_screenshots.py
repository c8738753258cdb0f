"""Takes the pictures of the hub's console: the real hub and page, with the test double of Ollama.

.venv/bin/python packaging/console_screenshots.py [FOLDER]      (default: docs/pages/images)
"""

import asyncio
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.async_api import Browser, async_playwright, expect  # noqa: E402 - behind the path
from screenshots import CHROMIUM, View, write  # noqa: E402
from sqlalchemy import insert  # noqa: E402

from hub.identity.service import NewAccount  # noqa: E402
from hub.limits.store import USAGE  # noqa: E402
from tests.fakes.ollama import FakeOllama  # noqa: E402
from tests.hub.serving import PASSWORD, Served, running_hub  # noqa: E402

DAYS = 30
MODELS = ("qwen3:4b", "qwen3-coder:30b", "qwen2.5vl:7b")
PEOPLE = (
    ("ada", "Ada Lovelace", "administrator"),
    ("grace", "Grace Hopper", "user"),
    ("joan", "Joan Clarke", "user"),
)
VIEWS = (
    View("console-light", 1120, 780, "light", "overview"),
    View("console-dark", 1120, 560, "dark", "providers"),
)


async def main(folder: Path) -> None:
    """Writes one PNG for each view. Raises where the product does not come up."""
    with tempfile.TemporaryDirectory() as data:
        async with (
            running_hub(Path(data, "data")) as hub,
            FakeOllama(models=()) as ollama,
            async_playwright() as play,
        ):
            for model in MODELS:
                ollama.add_model(model, capabilities=["completion"])
            await _fill(hub, ollama.url)
            browser = await play.chromium.launch(executable_path=CHROMIUM)
            for view in VIEWS:
                await _take(browser, hub.url, view, folder)
            await browser.close()


async def _fill(hub: Served, ollama_url: str) -> None:
    """A small team that has worked for a month."""
    ids = []
    for name, shown, role in PEOPLE:
        new = NewAccount(
            name, PASSWORD, "administrator" if role == "administrator" else "user", shown
        )
        ids.append((await hub.hub.local.add(new))["id"])
    ada = await hub.signed_in("ada")
    server = {"name": "workshop", "kind": "ollama", "url": ollama_url}
    provider = (await ada.post("/providers", json=server)).json()
    await ada.post(f"/providers/{provider['id']}/test")
    everybody = {"subject_kind": "everybody", "period": "day", "requests": 500, "is_each": True}
    await ada.post("/quotas", json=everybody)
    await _use(hub, ids)


async def _use(hub: Served, ids: list[str]) -> None:
    today = datetime.now(UTC).date()  # noqa: TID251 - the last month is that of the picture
    rows = [
        _day(today - timedelta(days=back), account, at, back)
        for back in range(DAYS)
        for at, account in enumerate(ids)
    ]
    async with hub.hub.core.database.writing() as connection:
        await connection.execute(insert(USAGE), rows)


def _day(day: date, account_id: str, at: int, back: int) -> dict[str, object]:
    """Up and down in the same way each time, and quiet at the end of a week."""
    spread = (back * 7919 + at * 104_729) % 43
    asked = 2 + spread % 5 if day.weekday() > 4 else 18 + spread
    return {
        "day": day.isoformat(),
        "account_id": account_id,
        "model": "qwen3:4b",
        "provider": "workshop",
        "requests": asked,
        "failed": 0,
        "prompt_tokens": asked * (500 + 9 * spread),
        "answer_tokens": asked * (300 + 8 * spread),
        "cost_micros": asked * (800 + 18 * spread),
        "milliseconds": asked * 4_000,
    }


async def _take(browser: Browser, url: str, view: View, folder: Path) -> None:
    context = await browser.new_context(
        viewport={"width": view.width, "height": view.height},
        color_scheme="dark" if view.theme == "dark" else "light",
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    page = await context.new_page()
    await page.goto(f"{url}/#/{view.place}")
    await page.get_by_label("Name", exact=True).fill("ada")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.locator(f"[data-page={view.place}]").wait_for()
    await expect(page.get_by_text("Looking…", exact=True)).to_have_count(0)
    await page.wait_for_load_state("networkidle")
    write(folder / f"{view.name}.png", await page.screenshot(animations="disabled"))
    await context.close()


if __name__ == "__main__":
    wanted = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pages" / "images"
    wanted.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(wanted))
