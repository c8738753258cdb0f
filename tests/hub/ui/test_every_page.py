"""Every page of the console: WCAG 2.2 AA, narrow and wide, by keyboard, in both languages."""

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.hub.serving import Served
from tests.ui.tabbing import walked

from .conftest import NewDesk
from .desk import MARKS

pytestmark = MARKS
PAGES = (
    *("overview", "users", "groups", "machines", "providers", "routes", "policy", "usage"),
    *("quotas", "costs", "audit", "jobs", "runs", "logins", "settings", "account"),
)
OPENS = {
    "users": "add-user",
    "groups": "add-group",
    "providers": "add-provider",
    "routes": "add-route",
    "quotas": "add-quota",
    "costs": "add-cost",
    "account": "add-key",
    "settings": "add-scim",
}
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens there
MADE: tuple[tuple[str, dict[str, object]], ...] = (
    ("/groups", {"name": "printers", "role": "administrator"}),
    ("/providers", {"name": "workshop", "kind": "ollama", "url": NOBODY}),
    ("/routes", {"pattern": "team-code", "candidates": [{"model": "qwen3:4b"}], "note": "Ours"}),
    ("/quotas", {"subject_kind": "everybody", "period": "day", "requests": 500, "is_each": True}),
    (
        "/costs",
        {
            "model": "gpt-*",
            "prompt_micros_per_million": 2_500_000,
            "answer_micros_per_million": 10_000_000,
        },
    ),
    ("/keys", {"name": "the night script", "scopes": ["ai", "usage"]}),
    ("/scim-tokens", {"name": "Okta"}),
    ("/jobs", {"name": "people.forget"}),
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def filled(hub: Served) -> Served:
    """With something to see on each page."""
    ada = await hub.signed_in("ada")
    for path, body in MADE:
        answer = await ada.post(path, json=body)
        assert answer.status_code in (201, 202), f"{path}: {answer.text}"
    rules = [{"subject_kind": "group", "subject": "printers", "models": ["qwen3*"], "cloud": False}]
    assert (await ada.put("/policy", json={"rules": rules})).status_code == 200
    return hub


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (320, 640)])
async def test_axe_finds_nothing_and_nothing_sticks_out(
    filled: Served, new_desk: NewDesk, width: int, height: int
) -> None:
    desk = await new_desk(filled.url, viewport={"width": width, "height": height})
    await desk.sign_in("ada")
    found: dict[str, object] = {}

    for name in PAGES:
        page = await desk.open(name)
        await page.evaluate("one => one.querySelectorAll('details').forEach(it => it.open = true)")
        if faults := await desk.faults():
            found[name] = faults
        if wide := await desk.too_wide():
            found[f"{name} is too wide"] = wide

    assert found == {}


@pytest.mark.timeout(180)
async def test_axe_finds_nothing_in_dialogs(filled: Served, new_desk: NewDesk) -> None:
    desk = await new_desk(filled.url, viewport={"width": 360, "height": 700})
    await desk.sign_in("ada")
    found: dict[str, list[str]] = {}

    for name, opener in OPENS.items():
        await desk.open(name)
        await desk.page.get_by_test_id(opener).click()
        await expect(desk.dialog).to_be_visible()
        if faults := await desk.faults():
            found[name] = faults
        await desk.page.keyboard.press("Escape")
        await expect(desk.dialog).to_have_count(0)
        await expect(desk.page.get_by_test_id(opener)).to_be_focused()

    assert found == {}


@pytest.mark.timeout(180)
async def test_whoever_tabs_through_a_page_sees_where_they_are(
    filled: Served, new_desk: NewDesk
) -> None:
    desk = await new_desk(filled.url)
    await desk.sign_in("ada")
    found = {}

    for name in PAGES:
        await desk.open(name)
        await desk.page.get_by_role("heading", level=1).focus()
        if faults := await walked(desk.page):
            found[name] = faults

    assert found == {}


async def test_every_page_says_its_language_and_its_name(filled: Served, new_desk: NewDesk) -> None:
    desk = await new_desk(filled.url, locale="de-DE")
    await desk.page.goto(f"{filled.url}/")
    await desk.page.get_by_label("Name", exact=True).fill("bob")
    await desk.page.get_by_label("Passwort", exact=True).fill("four words make one")
    await desk.page.get_by_role("button", name="Anmelden").click()
    await expect(desk.shown("overview")).to_be_visible()
    titles = []

    for name in ("overview", "machines", "usage", "account"):
        await desk.page.evaluate("name => { location.hash = `#/${name}` }", name)
        await expect(desk.shown(name)).to_be_visible()
        titles.append(await desk.page.title())

    assert await desk.page.locator("html").get_attribute("lang") == "de"
    assert titles == [
        f"{name} · Orca Agents" for name in ("Überblick", "Computer", "Verbrauch", "Mein Konto")
    ]
